"""Running MCP servers asked for their tools: programs, and addresses behind the guarded door."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from console.embedded.child import free_port
from tools_registry.importers import CannotRead, mcp_servers
from tools_registry.importers.documents import Document
from tools_registry.importers.mcp_servers import list_http, list_stdio
from tools_registry.imports.reading import read_key, read_parsed

SERVER = Path(__file__).with_name("mcp_server.py")
COMMAND = f"{sys.executable} {SERVER}"


async def never() -> bool:
    return False


async def at_once() -> bool:
    return True


def ask(command: str) -> Document:
    return asyncio.run(list_stdio(command, never))


def names(document: Document) -> list[str]:
    read = read_parsed(document, "mcp", lambda done, total: None)
    return [item.spec.name for item in read.items if item.spec]


def test_no_program_is_started_unless_its_whole_line_is_allowed(settings: Settings) -> None:
    for allowed in ([], [COMMAND], [sys.executable]):
        settings.MCP_COMMANDS = allowed
        with pytest.raises(CannotRead, match="MCP_COMMANDS"):
            ask(f"{COMMAND} --hang")


def test_a_programs_tools_are_read_and_it_finds_nothing_of_ours(settings: Settings) -> None:
    command = f"{COMMAND} --tell"
    settings.MCP_COMMANDS = [command]
    read = read_parsed(ask(command), "mcp", lambda done, total: None)
    weather, environment = (item.spec for item in read.items)
    assert weather is not None and environment is not None and weather.parameters
    assert weather.name == "get_weather"
    assert weather.parameters["required"] == ["city"]
    assert weather.annotations == {"readOnlyHint": True}
    assert weather.output_schema is not None
    assert "SECRET_KEY" in os.environ and "DATABASE_URL" in os.environ
    found = set(environment.description.split())
    assert found <= {"HOME", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TERM", "USER"}


def test_a_real_server_is_read(settings: Settings) -> None:
    command = f"{Path(sys.executable).with_name('mcp-server-time')} --local-timezone UTC"
    settings.MCP_COMMANDS = [command]
    assert names(ask(command)) == ["get_current_time", "convert_time"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (f"{COMMAND} --fail", "It said: no licence for this server"),
        ("/nowhere/at/all", "cannot be started"),
        (f"{sys.executable} -c print(1)", "does not list its tools|cannot be"),
    ],
)
def test_a_program_that_is_no_server_says_why(command: str, said: str, settings: Settings) -> None:
    settings.MCP_COMMANDS = [command]
    with pytest.raises(CannotRead, match=said):
        ask(command)


def test_a_program_that_hangs_is_ended(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MCP_COMMANDS = [f"{COMMAND} --hang"]
    monkeypatch.setattr(mcp_servers, "SECONDS", 1.0)
    with pytest.raises(CannotRead, match="within 1 s"):
        ask(f"{COMMAND} --hang")
    assert not running("mcp_server.py --hang")


def test_a_program_is_ended_when_somebody_stops_it(settings: Settings) -> None:
    settings.MCP_COMMANDS = [f"{COMMAND} --hang"]
    with pytest.raises(CannotRead, match="It was stopped"):
        asyncio.run(list_stdio(f"{COMMAND} --hang", at_once))
    assert not running("mcp_server.py --hang")


def running(text: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line and str(SERVER) in line:
            found.append(line)
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(SERVER), "--http", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port: int) -> None:
    import socket

    for _ in range(200):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server did not start")


def test_a_servers_tools_are_read_over_http(server: str, settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    found = asyncio.run(list_http(server, "", never))
    assert names(found) == ["get_weather", "environment"]


def test_a_private_address_is_not_reached(server: str, settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = []
    with pytest.raises(CannotRead, match="OUTBOUND_ALLOW"):
        asyncio.run(list_http(server, "", never))


def test_an_address_that_is_no_server_says_so(settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with pytest.raises(CannotRead, match="does not answer|does not list"):
        asyncio.run(list_http(f"http://127.0.0.1:{free_port()}/mcp", "", never))


def test_a_key_is_read_from_a_variable_that_may_be_read(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEATHER_API_KEY", "s3cret")
    assert read_key("WEATHER_API_KEY") == "s3cret"
    assert read_key("") == ""
    with pytest.raises(CannotRead, match="may not be read"):
        read_key("SECRET_KEY")
    with pytest.raises(CannotRead, match="is not set"):
        read_key("OTHER_API_KEY")
