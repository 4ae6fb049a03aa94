"""Daphne's request with our limits: refused by its head, or where its body passes its limit.

Daphne runs the application when it has the whole body. A body that is refused is answered at
once and never kept; what of it still arrives is dropped, so that the client can read the answer.
A line of a head that is too long, which Twisted drops in silence, is answered as well.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import unquote

from daphne.http_protocol import WebRequest
from twisted.internet import reactor
from twisted.web.http import HTTPChannel

from conversations.doors.edge import Refusal, refuse_head, refuse_line, refuse_size
from conversations.doors.limits import largest_of

LINGER = 3.0
"""Seconds for which a refused client may go on sending before the connection is cut."""

IN_MEMORY = 4 * 1024 * 1024
"""Bytes of a body that is not written to a file while it arrives; traces have half a megabyte."""
PIECE = 256 * 1024
"""Bytes of a body that the application is given at once: each costs a turn of the loop."""


class LimitedRequest(WebRequest):  # type: ignore[misc]
    """One request on its way in."""

    refused = False
    taken = 0
    limit = 0

    def gotLength(self, length: int | None) -> None:
        """The head is there; ``length`` is None for a body in chunks, whose end nobody knows."""
        if length is not None and length <= IN_MEMORY:
            self.content = BytesIO()
        else:
            super().gotLength(length)
        target: bytes = self.channel._path
        self.asked = unquote(target.partition(b"?")[0].decode("latin-1"))
        self.limit = largest_of(self.asked)
        method = self.channel._command.decode("latin-1")
        refusal = refuse_head(method, self.asked, self.header, length or 0)
        if refusal is not None:
            self.refuse(refusal)

    def header(self, name: str) -> str:
        return str(self.requestHeaders.getRawHeaders(name, [""])[0])

    def handleContentChunk(self, data: bytes) -> None:
        self.taken += len(data)
        if not self.refused and self.taken > self.limit:
            self.refuse(refuse_size(self.asked, self.header))
        if not self.refused:
            super().handleContentChunk(data)

    def refuse(self, refusal: Refusal) -> None:
        """Answer, and close when the client has sent all or ``LINGER`` is over."""
        self.refused = True
        self.requestHeaders.removeHeader(b"Expect")
        _end(self.channel.transport, refusal)

    def process(self) -> Any:
        """All of the body is there."""
        if self.refused:
            self.channel.loseConnection()
            return None
        if self.requestHeaders.hasHeader(b"Transfer-Encoding"):
            # What came in chunks has a length now; the application meters it by that.
            self.requestHeaders.setRawHeaders(b"Content-Length", [str(self.taken).encode()])
            self.requestHeaders.removeHeader(b"Transfer-Encoding")
        self.server.request_buffer_size = PIECE
        return super().process()


def _end(transport: Any, refusal: Refusal) -> None:
    transport.write(refusal.to_bytes())
    if hasattr(transport, "loseWriteConnection"):
        transport.loseWriteConnection()
    clock: Any = reactor
    clock.callLater(LINGER, transport.abortConnection)


def _refuse_line(channel: Any, line: bytes) -> None:
    """A line of a head is longer than ``MAX_LENGTH``: the request's own, or a header."""
    channel.setRawMode()
    channel.rawDataReceived = lambda rest: None
    _end(channel.transport, refuse_line(line, channel.MAX_LENGTH))


def install() -> None:
    """Make Daphne's connections use it."""
    from daphne import http_protocol

    http_protocol.WebRequest = LimitedRequest
    HTTPChannel.lineLengthExceeded = _refuse_line  # type: ignore[method-assign]
