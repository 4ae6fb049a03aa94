"""Bodies that arrive packed: unpacked piece by piece, and refused by what is wrong with them."""

from __future__ import annotations

import gzip
import zlib

import pytest

from conversations.ingest.compression import BadBody, decompress

TEXT = b"the same words again and again, " * 400


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


BODIES = {
    "none": (None, TEXT),
    "identity": ("identity", TEXT),
    "gzip": ("gzip", gzip.compress(TEXT)),
    "two members": ("GZIP ", gzip.compress(TEXT[:1000]) + gzip.compress(TEXT[1000:])),
    "zlib": ("deflate", zlib.compress(TEXT)),
    "raw deflate": ("deflate", raw_deflate(TEXT)),
}


@pytest.mark.parametrize(("encoding", "body"), BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("size", [1, 1000, 10**7])
def test_it_gives_the_bytes_back(encoding: str | None, body: bytes, size: int) -> None:
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    assert b"".join(decompress(chunks, encoding, len(TEXT))) == TEXT


def code_of(body: bytes, encoding: str, limit: int = 10**7) -> str:
    with pytest.raises(BadBody) as caught:
        for _ in decompress([body], encoding, limit):
            pass
    return caught.value.code


def test_a_bomb_is_stopped_at_the_limit() -> None:
    bomb = gzip.compress(bytes(20_000_000))
    taken = 0
    with pytest.raises(BadBody) as caught:
        for piece in decompress([bomb], "gzip", 1_000_000):
            taken += len(piece)
    assert caught.value.code == "body_too_large"
    assert taken <= 1_000_000


def test_what_is_wrong_is_told_apart() -> None:
    packed = gzip.compress(TEXT)
    assert code_of(packed[:-20], "gzip") == "truncated_body"
    assert code_of(b"no gzip at all", "gzip") == "bad_compression"
    assert code_of(packed[:20] + b"\0\0\0" + packed[23:], "gzip") == "bad_compression"
    assert code_of(TEXT, "br") == "unsupported_encoding"
    assert code_of(TEXT, "identity", 1000) == "body_too_large"
