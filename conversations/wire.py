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
_PACKED_AT = 16 * 1024


class Packer:
    """Packs chunks as they arrive, so that a long stream is never held whole."""

    def __init__(self, chunks: Iterable[Chunk] = ()) -> None:
        # A small window: many streams are packed at once, and what repeats in one is near.
        self._deflate = zlib.compressobj(wbits=13, memLevel=6)
        self._packed = [_VERSION]
        self._held = bytearray()
        self.count = 0
        for at, chunk in chunks:
            self.add(at, chunk)

    def add(self, at: float, chunk: bytes) -> None:
        """The next bytes, which came ``at`` milliseconds after the request."""
        self.count += 1
        self._held += _HEAD.pack(at, len(chunk))
        self._held += chunk
        if len(self._held) >= _PACKED_AT:
            self._packed.append(self._deflate.compress(self._held))
            self._held.clear()

    def packed(self) -> bytes:
        """The compressed value so far; more may be added afterwards."""
        rest = self._deflate.copy()
        return b"".join([*self._packed, rest.compress(self._held), rest.flush()])


def pack(chunks: Iterable[Chunk]) -> bytes:
    """Chunks as (milliseconds since the request, bytes), to one compressed value."""
    return Packer(chunks).packed()


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
