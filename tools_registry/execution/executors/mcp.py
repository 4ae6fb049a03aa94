"""A tool of an MCP server: of a program that MCP_COMMANDS lists, or at an address."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

from console.lib import http, json
from tools_registry.execution.executors.base import (
    LARGEST,
    Answer,
    Fault,
    Job,
    Preview,
    pick,
    secret,
    shorten,
)
from tools_registry.execution.sessions import sessions
from tools_registry.importers.items import CannotRead
from tools_registry.importers.mcp_servers import check_command, first_of, open_program, tail
from tools_registry.policies import execution


class McpExecutor:
    def __init__(self, settings: execution.Mcp) -> None:
        self.settings = settings

    @property
    def target(self) -> str:
        return self.settings.command or urlsplit(self.settings.url).netloc

    def preview(self, job: Job) -> Preview:
        parts = {"Arguments": json.pretty(dict(job.arguments))}
        if self.settings.key_variable:
            parts["Authorization"] = f"Bearer (from {self.settings.key_variable})"
        where = self.settings.command or self.settings.url
        return Preview(f"tools/call {self._name(job)} to {where}", parts)

    def _name(self, job: Job) -> str:
        return self.settings.tool or job.tool

    async def run(self, job: Job) -> Answer:
        settings = self.settings
        try:
            if settings.command:
                check_command(settings.command)
            key = secret(settings.key_variable) if settings.url else ""
            named = (job.project, settings.command or settings.url, key, tuple(job.hosts))
            opening = functools.partial(self._open, key, job.allowed)
            arguments = dict(job.arguments)
            result = await sessions().call(named, opening, self._name(job), arguments)
        except BaseExceptionGroup as group:
            raise self._translate(first_of(group)) from group
        except Exception as error:
            raise self._translate(error) from error
        return pick(_read(result), settings.result)

    @asynccontextmanager
    async def _open(self, key: str, allowed: Sequence[http.Allowance]) -> AsyncIterator[_Client]:
        if self.settings.command:
            with open_program(self.settings.command) as (transport, said):
                try:
                    async with _connect(transport) as client:
                        yield client
                except Exception as error:
                    fault = self._translate(first_of(error))
                    fault.message += tail(said)
                    raise fault from error
            return
        from mcp.client.streamable_http import streamable_http_client

        async with http.client(allowed=allowed) as found:
            if key:
                found.headers["Authorization"] = f"Bearer {key}"
            transport = streamable_http_client(self.settings.url, http_client=found)
            async with _connect(transport) as client:
                yield client

    def _translate(self, error: BaseException) -> Fault:
        from mcp.shared.exceptions import MCPError

        match error:
            case Fault():
                return error
            case http.BlockedAddress():
                return Fault("tool_error", str(error), blocked=True)
            case CannotRead():
                return Fault("tool_error", error.detail)
            case MCPError() if (error.code, str(error)) != _CLOSED:
                return Fault("tool_error", f"The server refused the call: {shorten(str(error))}")
            case httpx2.TimeoutException() | TimeoutError():
                return Fault("timeout", f"{self.target} did not answer in time", transient=True)
            case _:
                said = shorten(str(error)) or type(error).__name__
                return Fault("tool_error", f"{self.target} does not answer: {said}", transient=True)


_CLOSED = (-32000, "Connection closed")
"""What the SDK says of a server that went away before it answered."""


@dataclass(frozen=True)
class _Client:
    """A session that is open; ``incoming`` is the stream of what the server sends."""

    client: Any
    incoming: Any

    @property
    def is_alive(self) -> bool:
        return bool(self.incoming.statistics().open_send_streams)

    async def call(self, tool: str, arguments: dict[str, Any]) -> Any:
        return await self.client.call_tool(tool, arguments)


@asynccontextmanager
async def _connect(transport: AbstractAsyncContextManager[Any]) -> AsyncIterator[_Client]:
    from mcp.client.client import Client

    incoming: list[Any] = []

    @asynccontextmanager
    async def watched() -> AsyncIterator[Any]:
        async with transport as streams:
            incoming.append(streams[0])
            yield streams

    async with Client(watched(), cache=None) as client:
        yield _Client(client, incoming[0])


def _read(result: Any) -> Answer:
    """A tool's result: its structured content where it has one, else its texts."""
    texts = [part.text for part in result.content if getattr(part, "text", None) is not None]
    text = "\n".join(texts)
    if len(text.encode()) > LARGEST:
        raise Fault("tool_error", f"the answer is larger than {LARGEST} bytes")
    if result.is_error:
        raise Fault("tool_error", shorten(text) or "The tool answered with an error")
    if result.structured_content is not None:
        return Answer.of_value(result.structured_content)
    left_out = len(result.content) - len(texts)
    note = f"{left_out} parts that are no text are left out" if left_out else ""
    return Answer.of_text(text, note)
