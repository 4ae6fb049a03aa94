"""PNG files made small: at most 256 colours, the most frequent exactly, the rest by the nearest.


Reads what browsers write (8 bits, RGB or RGBA, not interlaced): PNG specification, W3C, 2003.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = 256
Bytes = NDArray[np.uint8]


def shrink(data: bytes) -> bytes:
    """The same picture as a palette of 256 colours. Raises ``ValueError`` for another kind."""
    pixels = decode(data)
    height, width = pixels.shape[:2]
    whole = pixels.astype(np.uint32)
    codes = whole[..., 0] << 16 | whole[..., 1] << 8 | whole[..., 2]
    colours, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    kept = colours[np.argsort(-counts)[:COLOURS]]
    nearest = _find_nearest(_split(colours), _split(kept))
    rows = nearest[places.reshape(height, width)].astype(np.uint8)
    lines = np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", header),
        (b"PLTE", _split(kept).astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    return SIGNATURE + b"".join(_chunk(kind, body) for kind, body in parts)


def decode(data: bytes) -> Bytes:
    """The pixels as rows of columns of red, green and blue; transparency is left out."""
    header, body = b"", b""
    at = len(SIGNATURE)
    while at < len(data):
        (size,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        part = data[at + 8 : at + 8 + size]
        header = part if kind == b"IHDR" else header
        body += part if kind == b"IDAT" else b""
        at += size + 12
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if depth != 8 or colour not in {2, 6} or interlaced:
        raise ValueError("only PNGs of 8 bits, RGB or RGBA, not interlaced can be made small")
    step = 3 if colour == 2 else 4
    lines = np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, 1 + width * step)
    rows = np.zeros((height + 1, width + 1, step), np.uint8)
    for number, line in enumerate(lines, 1):
        _unfilter(int(line[0]), line[1:].reshape(width, step), rows[number - 1], rows[number])
    return rows[1:, 1:, :3]


def _unfilter(kind: int, line: Bytes, above: Bytes, row: Bytes) -> None:
    """Undo one line's filter (section 9 of the specification); column 0 of the rows is nought."""
    match kind:
        case 0:
            row[1:] = line
        case 1:
            row[1:] = np.cumsum(line, axis=0, dtype=np.uint8)
        case 2:
            row[1:] = line + above[1:]
        case _:
            _unfilter_by_left(kind, line, above, row)


def _unfilter_by_left(kind: int, line: Bytes, above: Bytes, row: Bytes) -> None:
    """Filters 3 and 4, in which each pixel needs the one before it."""
    given, over = line.tolist(), above.tolist()
    left = [0] * line.shape[1]
    for x, pixel in enumerate(given, 1):
        up, corner = over[x], over[x - 1]
        if kind == 3:
            left = [(v + (a + b) // 2) & 255 for v, a, b in zip(pixel, left, up, strict=True)]
        else:
            four = zip(pixel, left, up, corner, strict=True)
            left = [(v + _paeth(a, b, c)) & 255 for v, a, b, c in four]
        row[x] = left


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda one: abs(guess - one))


def _split(codes: NDArray[np.uint32]) -> NDArray[np.int32]:
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.int32)


def _find_nearest(colours: NDArray[np.int32], kept: NDArray[np.int32]) -> NDArray[np.intp]:
    """For each colour the place of the nearest kept one; a block at a time, for memory's sake."""
    found = [
        np.square(colours[start : start + 4096, None, :] - kept[None, :, :]).sum(axis=2).argmin(1)
        for start in range(0, len(colours), 4096)
    ]
    return np.concatenate(found)


def _chunk(kind: bytes, body: bytes) -> bytes:
    check = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)
