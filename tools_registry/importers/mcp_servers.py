"""The tools of a running MCP server, asked through the ``mcp`` SDK.

A program is started only if the setting MCP_COMMANDS lists its whole command line. It gets an
empty folder and an environment without anything of ours, and is ended with all that it started.
An address is reached through the guarded door.
"""

from __future__ import annotations

import asyncio
import shlex
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import IO, Any

import httpcore2
import httpx2
from django.conf import settings

from console.lib import http
from tools_registry.importers.documents import Document
from tools_registry.importers.items import CannotRead

Cancelled = Callable[[], Awaitable[bool]]
SECONDS = 30.0
"""How long a server has to start and to list its tools."""
_STEP = 0.3
_MOST_PAGES = 100
_MOST_TOOLS = 5000
_SAID = 400


def allowed_commands() -> list[str]:
    """The command lines that may be started, as MCP_COMMANDS lists them."""
    return list(settings.MCP_COMMANDS)


def check_command(command: str) -> None:
    """Raises ``CannotRead`` for a program that may not be started."""
    if command not in allowed_commands():
        raise CannotRead(
            f"{command} may not be started here. Add the whole command line to the setting"
            " MCP_COMMANDS of the web and worker processes, and restart them"
        )


@contextmanager
def open_program(command: str) -> Iterator[tuple[AbstractAsyncContextManager[Any], IO[str]]]:
    """How to talk to a program once it is entered, and the file of what it says beside that.

    Raises ``CannotRead`` where it may not be started, and OSError later where it cannot be.
    """
    check_command(command)
    from mcp.client.stdio import StdioServerParameters, stdio_client

    program, *arguments = shlex.split(command)
    with (
        tempfile.TemporaryDirectory(prefix="misfire-mcp-") as folder,
        tempfile.TemporaryFile("w+", dir=folder) as said,
    ):
        # The SDK passes on HOME, PATH, TERM and the user's name, and nothing else of ours.
        parameters = StdioServerParameters(
            command=program, args=arguments, cwd=folder, env={"HOME": folder}
        )
        yield stdio_client(parameters, errlog=said), said


async def list_stdio(command: str, cancelled: Cancelled) -> Document:
    """What a program answers to ``tools/list``. Raises ``CannotRead``."""
    with open_program(command) as (transport, said):
        try:
            return await _ask(transport, cancelled)
        except OSError as error:
            program = command.split()[0]
            raise CannotRead(f"{program} cannot be started: {error.strerror or error}") from error
        except CannotRead as error:
            raise CannotRead(error.detail + tail(said)) from error


def tail(said: IO[str]) -> str:
    """The end of what a program wrote to its standard error."""
    said.seek(0)
    text = said.read()[-_SAID:].strip()
    return f". It said: {text}" if text else ""


async def list_http(url: str, key: str, cancelled: Cancelled) -> Document:
    """What a server at an address answers to ``tools/list``. Raises ``CannotRead``."""
    from mcp.client.streamable_http import streamable_http_client

    try:
        async with http.client(timeout=httpx2.Timeout(10.0, read=SECONDS)) as client:
            if key:
                client.headers["Authorization"] = f"Bearer {key}"
            return await _ask(streamable_http_client(url, http_client=client), cancelled)
    except http.BlockedAddress as error:
        raise CannotRead(str(error)) from error
    except (httpx2.HTTPError, httpx2.InvalidURL, httpcore2.ConnectError) as error:
        raise CannotRead(f"{url} does not answer as an MCP server: {error}") from error


async def _ask(transport: AbstractAsyncContextManager[Any], cancelled: Cancelled) -> Document:
    """List the tools within ``SECONDS``, or until somebody stops it."""
    asking = asyncio.ensure_future(_list(transport))
    waited = 0.0
    while not asking.done():
        await asyncio.wait([asking], timeout=_STEP)
        waited += _STEP
        if not asking.done() and (waited >= SECONDS or await cancelled()):
            asking.cancel()
            await asyncio.wait([asking])
            late = f"The server did not list its tools within {SECONDS:.0f} s"
            raise CannotRead(late if waited >= SECONDS else "It was stopped")
    try:
        return Document({"tools": asking.result()})
    except BaseExceptionGroup as error:
        raise _told(first_of(error)) from error
    except Exception as error:
        raise _told(error) from error


def first_of(error: BaseException) -> BaseException:
    """What the SDK's group of tasks failed with; any other error is itself."""
    return first_of(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _told(error: BaseException) -> BaseException:
    from mcp.shared.exceptions import MCPError

    if isinstance(error, MCPError | ValueError):
        return CannotRead(f"The server does not list its tools: {str(error)[:500]}")
    return error


async def _list(transport: AbstractAsyncContextManager[Any]) -> list[dict[str, Any]]:
    from mcp.client.client import Client

    tools: list[dict[str, Any]] = []
    async with Client(transport, cache=None) as client:
        cursor = None
        for _ in range(_MOST_PAGES):
            page = await client.list_tools(cursor=cursor)
            tools += [
                tool.model_dump(mode="json", by_alias=True, exclude_unset=True)
                for tool in page.tools
            ]
            cursor = page.next_cursor
            if not cursor or len(tools) >= _MOST_TOOLS:
                break
    return tools
