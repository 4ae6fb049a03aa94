"""A tool of an MCP server: of a program that MCP_COMMANDS lists, or at an address.

A connection is made for each call, so that nothing of one call is left for the next.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import urlsplit

import httpcore2
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
from tools_registry.importers.items import CannotRead
from tools_registry.importers.mcp_servers import first_of, open_program, tail
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
        try:
            result = await (self._ask_program(job) if self.settings.command else self._ask(job))
        except BaseExceptionGroup as group:
            raise self._translate(first_of(group)) from group
        except (httpx2.HTTPError, httpcore2.ConnectError, httpx2.InvalidURL, OSError) as error:
            raise self._translate(error) from error
        except (http.BlockedAddress, CannotRead) as error:
            raise self._translate(error) from error
        return pick(_read(result), self.settings.result)

    async def _ask(self, job: Job) -> Any:
        from mcp.client.streamable_http import streamable_http_client

        timeout = httpx2.Timeout(job.timeout_s)
        async with http.client(timeout=timeout, allowed=job.allowed) as client:
            if key := secret(self.settings.key_variable):
                client.headers["Authorization"] = f"Bearer {key}"
            transport = streamable_http_client(self.settings.url, http_client=client)
            return await self._call(transport, job)

    async def _ask_program(self, job: Job) -> Any:
        with open_program(self.settings.command) as (transport, said):
            try:
                return await self._call(transport, job)
            except Fault:
                raise
            except Exception as error:
                fault = self._translate(first_of(error))
                fault.message += tail(said)
                raise fault from error

    async def _call(self, transport: AbstractAsyncContextManager[Any], job: Job) -> Any:
        from mcp.client.client import Client

        async with Client(transport, cache=None) as client:
            return await client.call_tool(self._name(job), dict(job.arguments))

    def _translate(self, error: BaseException) -> Fault:
        from mcp.shared.exceptions import MCPError

        match error:
            case Fault():
                return error
            case http.BlockedAddress():
                return Fault("tool_error", str(error), blocked=True)
            case CannotRead():
                return Fault("tool_error", error.detail)
            case MCPError():
                return Fault("tool_error", f"The server refused the call: {shorten(str(error))}")
            case httpx2.TimeoutException() | TimeoutError():
                return Fault("timeout", f"{self.target} did not answer in time", transient=True)
            case _:
                said = shorten(str(error)) or type(error).__name__
                return Fault("tool_error", f"{self.target} does not answer: {said}", transient=True)


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
