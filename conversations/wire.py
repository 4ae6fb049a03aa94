"""The bytes of a turn as they are stored: compressed, with the chunks' times. Pure.

Chunks: a version byte, then zlib over (milliseconds as float32, length as uint32, bytes) for
each, little-endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable

Chunk = tuple[float, bytes]
_HEAD = struct.Struct("<fI")
_VERSION = b"\x01"


def pack(chunks: Iterable[Chunk]) -> bytes:
    """Chunks as (milliseconds since the request, bytes), to one compressed value."""
    parts = []
    for at, chunk in chunks:
        parts += [_HEAD.pack(at, len(chunk)), chunk]
    return _VERSION + zlib.compress(b"".join(parts))


def unpack(packed: bytes | memoryview) -> list[Chunk]:
    """The inverse of ``pack``; raises ValueError for bytes that it did not make."""
    data = bytes(packed)
    if not data:
        return []
    if data[:1] != _VERSION:
        raise ValueError("chunks of an unknown version")
    body = zlib.decompress(data[1:])
    chunks, at = [], 0
    while at < len(body):
        time, length = _HEAD.unpack_from(body, at)
        at += _HEAD.size
        chunks.append((time, body[at : at + length]))
        at += length
    return chunks


def pack_request(body: bytes) -> bytes:
    return _VERSION + zlib.compress(body)


def unpack_request(packed: bytes | memoryview) -> bytes:
    data = bytes(packed)
    return zlib.decompress(data[1:]) if data else b""
