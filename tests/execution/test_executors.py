"""Executors against real servers: HTTP, MCP by program and address, mocks."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from tests.providers.upstream import Upstream, answer, hang
from tests.tools.test_import_mcp import COMMAND, server  # noqa: F401
from tools_registry.execution import sessions
from tools_registry.execution.executors import Answer, Executor, Fault, Job, load
from tools_registry.policies import PolicySpec
from tools_registry.specs import ToolSpec

LOOPBACK = ("127.0.0.1",)


@pytest.fixture(autouse=True)
def allow(settings: Settings) -> Iterator[None]:
    settings.OUTBOUND_ALLOW, settings.LOCAL_MODEL_URL = [*LOOPBACK], ""
    yield


def executor(kind: str, **settings: Any) -> Any:
    spec = PolicySpec.from_json({"execution": {"executor": {"kind": kind, **settings}}})
    assert spec.execution.runs is not None
    return load(spec.execution.runs)


def job(arguments: Mapping[str, Any] | None = None, **more: Any) -> Job:
    return Job("get_weather", arguments or {}, **{"hosts": LOOPBACK, "timeout_s": 5.0, **more})


async def refusal(kind: str, order: Job | None = None, **settings: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        await executor(kind, **settings).run(order or job())
    return caught.value


# ---- mock


async def test_a_mock_answers_as_its_policy_says() -> None:
    fixed = await executor("mock", content='{"c": 21}').run(job())
    assert (fixed.text, fixed.value) == ('{"c": 21}', {"c": 21})
    spec = ToolSpec(
        "get_weather",
        output_schema={
            "type": "object",
            "required": ["c"],
            "properties": {"c": {"type": "integer"}},
        },
    )
    sampled = executor("mock", answer="sampled")
    first = await sampled.run(job(spec=spec, seed=3))
    assert isinstance(first.value["c"], int) and first == await sampled.run(job(spec=spec, seed=3))
    assert "no output schema" in (await refusal("mock", answer="sampled")).message

    async def find(tool: str, arguments: Mapping[str, Any]) -> str | None:
        return f"{tool} of {arguments['city']}" if arguments else None

    recorded = executor("mock", answer="recorded")
    assert (await recorded.run(job({"city": "Oslo"}, recorded=find))).text == "get_weather of Oslo"
    assert "recorded" in (await refusal("mock", job(recorded=find), answer="recorded")).message


# ---- http


@pytest.mark.parametrize(
    ("how", "arguments", "line", "body"),
    [
        ({"url": "/w/{city}"}, {"city": "New York"}, "GET /w/New%20York", b""),
        ({"url": "/w/{city}"}, {"city": "a/../b?c#d"}, "GET /w/a%2F..%2Fb%3Fc%23d", b""),
        ({"url": "/w"}, {"city": "Oslo", "n": [1, 2], "x": None}, "GET /w?city=Oslo&n=1&n=2", b""),
        ({"url": "/w?k=1"}, {"on": True}, "GET /w?k=1&on=true", b""),
        ({"url": "/w?q={q}"}, {"q": ""}, "GET /w?q=", b""),
        ({"url": "/o/{id}", "method": "DELETE"}, {"id": 7}, "DELETE /o/7", b""),
        (
            {"url": "/o/{id}", "method": "PUT"},
            {"id": 7, "to": {"a": 1}},
            "PUT /o/7",
            b'{"to":{"a":1}}',
        ),
        (
            {
                "url": "/o",
                "method": "POST",
                "body": {"q": "{city}", "n": ["{n}", "{none}"], "t": "in {city}"},
            },
            {"city": "Oslo", "n": 2},
            "POST /o",
            b'{"q":"Oslo","n":[2],"t":"in Oslo"}',
        ),
    ],
)
async def test_arguments_go_into_the_address_the_query_or_the_body(
    how: dict[str, Any], arguments: dict[str, Any], line: str, body: bytes
) -> None:
    async with Upstream(answer(200, {"ok": True})) as upstream:
        url = f"http://127.0.0.1:{upstream.port}{how['url']}"
        http = executor("http", **how | {"url": url})
        assert (await http.run(job(arguments))).value == {"ok": True}
        [sent] = upstream.requests
        assert (f"{sent.method} {sent.path}", sent.body) == (line, body)
        method, path = line.split(" ", 1)
        preview = http.preview(job(arguments))
        assert preview.line == f"{method} http://127.0.0.1:{upstream.port}{path}"
        assert preview.parts.get("Body", "").encode() == body


@pytest.mark.parametrize("value", ["", " ", ".", ".."])
async def test_an_argument_cannot_change_which_place_of_the_address_it_is(value: str) -> None:
    fault = await refusal("http", job({"id": value}), url="http://127.0.0.1:9/o/{id}")
    assert "cannot stand in the address" in fault.message
    fault = await refusal("http", url="http://127.0.0.1:9/o/{id}")
    assert "needs id" in fault.message


async def test_a_header_holds_what_a_variable_holds_and_no_page_shows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEATHER_API_KEY", "s3cret")
    headers = [
        {"name": "Authorization", "variable": "WEATHER_API_KEY", "prefix": "Bearer "},
        {"name": "X-Team", "value": "blue"},
    ]
    async with Upstream(answer(200, {})) as upstream:
        http = executor("http", url=upstream.url, headers=headers)
        await http.run(job())
        sent = upstream.requests[0].headers
        assert (sent["authorization"], sent["x-team"]) == ("bearer s3cret", "blue")
        assert http.preview(job()).parts["Authorization"] == "Bearer (from WEATHER_API_KEY)"
        for variable, text in [("SECRET_KEY", "may not be read"), ("NO_API_KEY", "is not set")]:
            given = [{"name": "Authorization", "variable": variable}]
            assert text in (await refusal("http", url=upstream.url, headers=given)).message
        assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    ("pointer", "value"),
    [("", {"d": [{"c": 1}, {"c": 2}]}), ("/d/1/c", 2), ("/d/*/c", [1, 2]), ("/d/0", {"c": 1})],
)
async def test_the_result_is_a_part_of_the_answer(pointer: str, value: Any) -> None:
    async with Upstream(answer(200, {"d": [{"c": 1}, {"c": 2}]})) as upstream:
        found = await executor("http", url=upstream.url, result=pointer).run(job())
        assert found.value == value == Answer.of_text(found.text).value
        missing = await refusal("http", url=upstream.url, result="/e")
        assert "nothing at /e" in missing.message


@pytest.mark.parametrize(
    ("status", "body", "more", "code", "transient", "text"),
    [
        (404, {"error": "no such city"}, {}, "tool_error", False, "404: {"),
        (500, b"", {}, "tool_error", True, "answered 500"),
        (504, b"", {}, "timeout", True, "504"),
        (429, b"slow down", {"retry_after": "7"}, "rate_limited", True, "slow down"),
        (302, b"", {"location": "http://169.254.169.254/"}, "tool_error", False, "not followed"),
        (200, b"x" * (1024 * 1024 + 1), {}, "tool_error", False, "larger than"),
    ],
)
async def test_an_answer_that_is_none_is_a_fault_with_its_numbers(
    status: int, body: Any, more: dict[str, str], code: str, transient: bool, text: str
) -> None:
    async with Upstream(answer(status, body, **more)) as upstream:
        fault = await refusal("http", url=upstream.url)
    assert (fault.code, fault.transient) == (code, transient) and text in fault.message
    assert status == 200 or fault.detail["http"] == status
    assert fault.detail.get("retry_after") == more.get("retry_after")


async def test_a_server_that_hangs_or_is_away_is_a_fault() -> None:
    async with Upstream(hang) as upstream:
        fault = await refusal("http", job(timeout_s=0.1), url=upstream.url)
        assert (fault.code, fault.detail["limit_ms"]) == ("timeout", 100)
    assert "cannot be reached" in (await refusal("http", url=upstream.url)).message


@pytest.mark.parametrize(
    ("server_allows", "project_allows", "reached"),
    [
        (["127.0.0.1"], ["127.0.0.1"], True),
        (["127.0.0.1"], [], False),
        ([], ["127.0.0.1"], False),
        (["127.0.0.0/8"], ["10.0.0.0/8"], False),
    ],
)
async def test_a_private_address_is_reached_if_server_and_project_allow_it(
    server_allows: list[str], project_allows: list[str], reached: bool, settings: Settings
) -> None:
    settings.OUTBOUND_ALLOW = server_allows
    async with Upstream(answer(200, {})) as upstream:
        order = job(hosts=project_allows)
        if reached:
            assert (await executor("http", url=upstream.url).run(order)).value == {}
            return
        fault = await refusal("http", order, url=upstream.url)
        cure = "hosts that this project's tools may reach" if server_allows else "OUTBOUND_ALLOW"
        assert fault.detail["blocked"] and cure in fault.message
        assert upstream.requests == []


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "100.100.100.200", "fd00:ec2::254", "127.0.0.2"]
)
async def test_a_name_that_rebinds_reaches_nothing_new(
    address: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is allowed; it leads to the allowed server first and then elsewhere: to the
    machine's own keys, which no allowed name reaches."""
    async with Upstream(answer(200, {"who": "allowed"})) as upstream:
        entry = (
            "rebinding.test"
            if ":" in address or address[0] == "1" and address != "127.0.0.2"
            else "127.0.0.1"
        )
        settings.OUTBOUND_ALLOW = [entry]
        leads_to = ["127.0.0.1", address]

        async def resolve(host: str, port: int, **_: Any) -> list[Any]:
            where = leads_to.pop(0)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (where, port))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        http = executor("http", url=f"http://rebinding.test:{upstream.port}/")
        assert (await http.run(job(hosts=[entry]))).value == {"who": "allowed"}
        with pytest.raises(Fault, match="not a public address") as caught:
            await http.run(job(hosts=[entry]))
        assert caught.value.detail["blocked"] and leads_to == []


# ---- mcp


def programs(command: str) -> set[int]:
    """The processes that this one started with this command line and that still run."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().decode().strip("\0").split("\0")
        except OSError:
            continue
        if " ".join(line).endswith(command):
            found.add(int(folder.name))
    return found


async def answers(asked: Executor, what: Job) -> bool:
    """A call at the moment in which a program ends may still meet its end, and says so."""
    try:
        await asked.run(what)
    except Fault as fault:
        assert fault.transient and "does not answer" in fault.message
        return False
    return True


async def test_a_real_mcp_server_is_asked_and_kept_for_a_while(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = f"{sys.executable.rpartition('/')[0]}/mcp-server-time --local-timezone UTC"
    mcp: dict[str, Any] = {"command": command, "tool": "convert_time"}
    fault = await refusal("mcp", **mcp)
    assert "MCP_COMMANDS" in fault.message
    settings.MCP_COMMANDS = [command]
    arguments = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
    found = await executor("mcp", **mcp, result="/target/datetime").run(job(arguments))
    assert "T21:00:00+09:00" in found.text
    [program] = programs(command)
    fault = await refusal("mcp", job(arguments | {"time": "noon"}), **mcp)
    assert fault.code == "tool_error" and "Invalid time format" in fault.message
    assert programs(command) == {program}
    os.kill(program, signal.SIGKILL)
    while program in programs(command):
        await asyncio.sleep(0.02)
    monkeypatch.setattr(sessions, "IDLE_S", 0.05)
    async with asyncio.timeout(10):
        while not await answers(executor("mcp", **mcp), job(arguments)):
            await asyncio.sleep(0.02)
    async with asyncio.timeout(10):
        while programs(command):
            await asyncio.sleep(0.02)


async def test_a_program_that_is_no_server_says_why(settings: Settings) -> None:
    settings.MCP_COMMANDS = [f"{COMMAND} --fail", "/nowhere/at/all"]
    fault = await refusal("mcp", command=f"{COMMAND} --fail")
    assert "no licence for this server" in fault.message
    assert "/nowhere/at/all" in (await refusal("mcp", command="/nowhere/at/all")).message


async def test_an_mcp_server_is_asked_over_http_behind_the_door(server: str) -> None:  # noqa: F811
    mcp = executor("mcp", url=server)
    assert (await mcp.run(job({"city": "Oslo"}))).value == {"result": "Oslo: sun for 1 days"}
    assert mcp.preview(job({"city": "Oslo"})).line == f"tools/call get_weather to {server}"
    fault = await refusal("mcp", job({"city": "Oslo"}, hosts=()), url=server)
    assert fault.detail["blocked"]
