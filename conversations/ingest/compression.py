"""Bodies out of their content encoding, in pieces, never more than a limit."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Literal

BodyCode = Literal[
    "unsupported_encoding",
    "bad_compression",
    "truncated_body",
    "body_too_large",
    "unsupported_media_type",
    "not_protobuf",
    "truncated_protobuf",
    "too_deep",
    "not_json",
]
PIECE = 256 * 1024


class BadBody(Exception):
    """A body of which nothing can be read; ``detail`` says what to do."""

    def __init__(self, code: BodyCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Decompressor:
    """Feed the chunks as they arrive, then ``finish``; both raise ``BadBody``.

    ``limit`` bounds the bytes that come out, in total. It is held as they come, so that a bomb
    never lies in memory. gzip may have several members; deflate is taken with and without its
    zlib header, as clients send both.
    """

    def __init__(self, encoding: str | None, limit: int) -> None:
        self.encoding = (encoding or "identity").strip().lower()
        if self.encoding not in ("identity", "gzip", "x-gzip", "deflate"):
            raise BadBody(
                "unsupported_encoding",
                f"Content-Encoding {self.encoding[:40]!r} is not taken. Send gzip or deflate.",
            )
        self.limit = limit
        self.total = 0
        self._stream: zlib._Decompress | None = None
        self._ended = False
        self._begun = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        if self.encoding == "identity":
            yield self._count(chunk)
            return
        while chunk:
            if self._ended:
                if self.encoding == "deflate" or not chunk.strip(b"\0"):
                    return
                self._stream, self._ended = None, False
            stream = self._stream or self._start(chunk)
            yield from self._drain(stream, chunk)
            chunk = stream.unused_data if stream.eof else b""
            self._ended = stream.eof

    def finish(self) -> None:
        if self._stream is not None and not self._ended:
            raise BadBody("truncated_body", f"The {self.encoding} body ends before its end mark.")

    def _start(self, chunk: bytes) -> zlib._Decompress:
        raw_deflate = self.encoding == "deflate" and (chunk[0] & 0x0F) != 8
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS if raw_deflate else zlib.MAX_WBITS | 32)
        return self._stream

    def _drain(self, stream: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = stream.decompress(chunk, PIECE)
            except zlib.error as error:
                raise BadBody(
                    "bad_compression", f"The body is no {self.encoding}: {error}."
                ) from None
            if piece:
                yield self._count(piece)
            chunk = stream.unconsumed_tail
            if stream.eof or (not chunk and len(piece) < PIECE):
                return

    def _count(self, piece: bytes) -> bytes:
        self.total += len(piece)
        if self.total > self.limit:
            raise BadBody(
                "body_too_large",
                f"The body has more than {self.limit:,} bytes decompressed. Send less at once.",
            )
        return piece


def decompress(body: Iterable[bytes], encoding: str | None, limit: int) -> Iterator[bytes]:
    """The bytes of ``body`` without its encoding; raises ``BadBody`` where it goes wrong."""
    decompressor = Decompressor(encoding, limit)
    for chunk in body:
        yield from decompressor.feed(chunk)
    decompressor.finish()
