"""TCP and TLS streams for httpcore2, straight on asyncio.

The streams that come with it reckon a deadline and pause the socket at every read, which costs
more than all else where an answer comes in hundreds of small pieces.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import httpcore2

_MOST_HELD = 1024 * 1024
_MOST_UNSENT = 16 * 1024


class Stream(asyncio.Protocol, httpcore2.AsyncNetworkStream):
    """One connection. Raises httpcore2's exceptions."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._unsent = bytearray()
        self._ended = False
        self._lost: Exception | None = None
        self._reading: asyncio.Future[None] | None = None
        self._draining: asyncio.Future[None] | None = None
        self._paused = self._full = False
        self._transport: asyncio.Transport

    @classmethod
    async def connect(cls, host: str, port: int, timeout: float | None) -> Stream:
        loop = asyncio.get_running_loop()
        with _translated(httpcore2.ConnectTimeout, httpcore2.ConnectError):
            async with asyncio.timeout(timeout):
                _, stream = await loop.create_connection(cls, host, port)
        return stream

    # What the event loop says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._held += data
        _wake(self._reading)
        if len(self._held) > _MOST_HELD and not self._full:
            self._full = True
            self._transport.pause_reading()

    def eof_received(self) -> None:
        self._ended = True
        _wake(self._reading)

    def connection_lost(self, error: Exception | None) -> None:
        self._ended, self._lost = True, error
        _wake(self._reading)
        _wake(self._draining)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        _wake(self._draining)

    # What httpcore2 asks.

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes, b"" at the end."""
        self._send()
        if not self._held and not self._ended:
            self._reading = asyncio.get_running_loop().create_future()
            with _translated(httpcore2.ReadTimeout, httpcore2.ReadError):
                async with asyncio.timeout(timeout):
                    await self._reading
        if not self._held and self._lost is not None:
            raise httpcore2.ReadError(str(self._lost)) from self._lost
        data = bytes(self._held[:max_bytes])
        del self._held[:max_bytes]
        if self._full and not self._held and not self._ended:
            self._full = False
            self._transport.resume_reading()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Short writes wait for what follows, the reading at the latest: a request's head and body
        go out as one."""
        if self._ended and buffer:
            raise httpcore2.WriteError("the connection is closed") from self._lost
        self._unsent += buffer
        if len(self._unsent) > _MOST_UNSENT:
            self._send()
        if self._paused:
            self._draining = asyncio.get_running_loop().create_future()
            with _translated(httpcore2.WriteTimeout, httpcore2.WriteError):
                async with asyncio.timeout(timeout):
                    await self._draining
        if self._lost is not None:
            raise httpcore2.WriteError(str(self._lost)) from self._lost

    def _send(self) -> None:
        if self._unsent:
            self._transport.write(bytes(self._unsent))
            self._unsent.clear()

    async def aclose(self) -> None:
        self._transport.close()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> Stream:
        loop = asyncio.get_running_loop()
        try:
            with _translated(httpcore2.ConnectTimeout, httpcore2.ConnectError):
                async with asyncio.timeout(timeout):
                    transport = await loop.start_tls(
                        self._transport, self, ssl_context, server_hostname=server_hostname
                    )
        except BaseException:
            self._transport.abort()
            raise
        if transport is None:
            raise httpcore2.ConnectError("the connection was closed in the TLS handshake")
        self._transport = transport
        return self

    def get_extra_info(self, info: str) -> Any:
        match info:
            case "is_readable":
                return self._ended or bool(self._held)
            case "client_addr":
                return self._transport.get_extra_info("sockname")
            case "server_addr":
                return self._transport.get_extra_info("peername")
            case _:
                return self._transport.get_extra_info(info)


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)


@contextmanager
def _translated(late: type[Exception], broken: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise late(str(error)) from error
    except OSError as error:  # ssl.SSLError is one
        raise broken(str(error)) from error
