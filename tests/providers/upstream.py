"""A small HTTP server on loopback that answers as it is told, faults included."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Self

Handler = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]
SSE = "text/event-stream"


class Request:
    def __init__(self, line: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.path, _ = line.split(" ", 2)
        self.headers, self.body = headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Upstream:
    """``async with Upstream(handler) as upstream``; ``requests`` are those that came."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.requests: list[Request] = []

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            request = Request(head[0], headers, body)
            self.requests.append(request)
            await self.handler(request, writer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def answer(status: int, body: Any, kind: str = "application/json", **headers: str) -> Handler:
    """The whole answer at once."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(data)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += ["connection: close"]
        writer.write("\r\n".join([*lines, "", ""]).encode() + data)

    return handle


def stream(*chunks: bytes, cut: bool = False, kind: str = SSE, **headers: str) -> Handler:
    """A chunked answer; ``cut`` closes the connection before its end."""

    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        lines = ["HTTP/1.1 200 OK", f"content-type: {kind}", "transfer-encoding: chunked"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        for chunk in chunks:
            writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            await writer.drain()
            await asyncio.sleep(0.01)
        if not cut:
            writer.write(b"0\r\n\r\n")

    return handle


def delta(**fields: Any) -> bytes:
    """One event of an OpenAI chat stream."""
    chunk = {"id": "c", "model": "m", "choices": [{"index": 0, **fields}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


TEXT = [
    delta(delta={"role": "assistant", "content": "Hel"}),
    delta(delta={"content": "lo"}),
    delta(delta={}, finish_reason="stop"),
    b"data: [DONE]\n\n",
]


async def hang(request: Request, writer: asyncio.StreamWriter) -> None:
    """Take the request and never answer."""
    await asyncio.sleep(30)
