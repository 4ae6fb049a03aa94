"""The body of a request to a door, in pieces, never more of it than its limits allow."""

from __future__ import annotations

import math
from collections.abc import Iterator

from django.http import HttpRequest

from console.accounts.access import ApiRequest
from conversations.doors.limits import BODY, SENT, seconds_to_wait
from conversations.ingest.compression import BadBody, decompress

_PIECE = 256 * 1024

STATUS = {
    "unsupported_media_type": 415,
    "unsupported_encoding": 415,
    "body_too_large": 413,
}


class TooFast(Exception):
    """The key has sent more than it may; ``seconds`` is when to come back."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, math.ceil(seconds))
        super().__init__(f"This key sends faster than it may. Wait {self.seconds} s.")


def read_body(request: ApiRequest) -> Iterator[bytes]:
    """The decompressed body. Raises ``TooFast`` and ``BadBody``: before anything is read where
    the head says enough, else as soon as a limit is passed."""
    length = _length(request)
    if length > SENT:
        raise too_large(length)
    wait = seconds_to_wait(request.api_key.key_hash, length)
    if wait:
        raise TooFast(wait)
    return decompress(_read(request), request.headers.get("Content-Encoding"), BODY)


def _length(request: HttpRequest) -> int:
    text = request.headers.get("Content-Length") or "0"
    return int(text) if text.isascii() and text.isdecimal() else 0


def too_large(size: int) -> BadBody:
    return BadBody(
        "body_too_large",
        f"The body has {size:,} bytes; at most {SENT:,} are taken. Send less at once.",
    )


def _read(request: HttpRequest) -> Iterator[bytes]:
    size = 0
    while piece := request.read(_PIECE):
        size += len(piece)
        if size > SENT:
            raise too_large(size)
        yield piece
