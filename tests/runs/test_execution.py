"""Calls of a run that are executed: told step by step, confirmed, planned, stored, rebuilt."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from conversations import history
from conversations.models import Run, ToolCall, Turn
from tests.factories import People, make_tool_version
from tests.runs.playing import Socket, kinds, make_scripted, of, request
from tests.tools.test_policies import publish
from tools_registry.models import ToolVersion

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def mock(content: str = '{"celsius": 18}', **more: Any) -> dict[str, Any]:
    return {"executor": {"kind": "mock", "content": content, **more}}


def make_tools(people: People, **policies: Any) -> list[ToolVersion]:
    """Tools by their names, with these policies published."""
    made = []
    for name, policy in policies.items():
        made.append(make_tool_version(people.project, {"name": name, "parameters": SCHEMA}))
        publish(people.project, policy, name)
    return made


def script(*calls: tuple[str, Any]) -> list[Any]:
    return [
        {"calls": [{"name": name, "arguments": arguments} for name, arguments in calls]},
        {"text": "Done."},
    ]


async def prepare(people: People, calls: list[tuple[str, Any]], **policies: Any) -> dict[str, Any]:
    tools = await sync_to_async(make_tools)(people, **policies)
    connection = await make_scripted(people.project, script(*calls))
    return request(connection, tools=[{"version": tool.pk} for tool in tools])


def executed(*names: str) -> dict[str, Any]:
    return {name: {"mode": "execute"} for name in names}


async def test_a_call_is_executed_told_and_stored(people: People) -> None:
    start = await prepare(
        people, [("get_weather", {"city": "Oslo"})], get_weather={"execution": mock()}
    )
    async with Socket(people.rita) as socket:
        events = await socket.play(**start, answers=executed("get_weather"))
    steps = [event["step"] for event in of(events, "call.executing")]
    assert steps == ["queued", "started"]
    (result,) = of(events, "call.result")
    assert result["answered_by"] == "executed" and result["status"] == "ok"
    assert result["content"] == '{"celsius": 18}' and result["begin_ms"] >= 0
    assert result["verdict"] == "accepted"
    assert events[-1]["turns"] == 2
    row = await ToolCall.objects.aget()
    assert (row.status, row.answered_by, row.result) == ("ok", "executed", '{"celsius": 18}')
    run = await Run.objects.select_related("connection", "project").aget()
    rebuilt = [json.loads(one) for one in await sync_to_async(history.events_of)(run)]
    assert of(rebuilt, "call.result")[0]["content"] == result["content"]
    assert len(of(rebuilt, "calls.planned")) == len(of(rebuilt, "calls.executed")) == 1
    assert kinds(rebuilt)[-1] == "run.finished"


async def test_a_destructive_call_waits_for_a_person_and_is_refused(people: People) -> None:
    start = await prepare(
        people,
        [("drop_city", {"city": "Oslo"})],
        drop_city={
            "destructive": True,
            "confirmation": {"argument": "/confirm"},
            "execution": mock(),
        },
    )
    async with Socket(people.rita) as socket:
        await socket.start(**start, answers=executed("drop_city"))
        events = await socket.until("call.executing")
        while events[-1]["step"] != "held":
            events += await socket.until("call.executing")
        held = events[-1]
        assert held["preview"]["line"] == "Nothing is sent: the answer is fixed"
        command = {"type": "call.confirm", "run": held["run"], "call": held["key"]}
        await socket.send(**command, agree=False)
        events = await socket.until("run.finished")
    (result,) = of(events, "call.result")
    assert result["status"] == "held"
    assert [one["code"] for one in result["findings"]] == ["confirmation_missing"]
    assert [one["by"] for one in of(events, "call.executing")] == [people.rita.user.email]
    turn = await Turn.objects.order_by("number").afirst()
    assert turn is not None and "confirmation_missing" in turn.codes


async def test_an_agreed_destructive_call_runs(people: People) -> None:
    start = await prepare(
        people,
        [("drop_city", {"city": "Oslo"})],
        drop_city={
            "destructive": True,
            "confirmation": {"argument": "/confirm"},
            "execution": mock("gone"),
        },
    )
    async with Socket(people.rita) as socket:
        await socket.start(**start, answers=executed("drop_city"))
        events = await socket.until("call.executing")
        while events[-1]["step"] != "held":
            events += await socket.until("call.executing")
        command = {"type": "call.confirm", "run": events[-1]["run"], "call": "1.0.0"}
        await socket.send(**command, agree=True)
        events = await socket.until("run.finished")
    assert of(events, "call.result")[0]["content"] == "gone"


@pytest.mark.parametrize(
    ("pause", "destructive", "waits"),
    [(None, False, False), (True, False, True), (None, True, True), (False, True, False)],
)
async def test_calls_that_are_executed_pause_at_their_plan(
    people: People, pause: bool | None, destructive: bool, waits: bool
) -> None:
    """One without an executor is refused along with them."""
    confirmed = {"destructive": True, "confirmation": {"argument": "/confirm"}}
    policy = {"execution": mock("changed"), **(confirmed if destructive else {})}
    calls = [("get_weather", {"city": "Oslo"}), ("set_city", {"city": "Oslo"})]
    # A destructive call does not follow one that failed.
    calls += [] if destructive else [("unrun", {})]
    start = await prepare(
        people, calls, get_weather={"execution": mock()}, set_city=policy, unrun={}
    )
    answers = executed("get_weather", "set_city", "unrun")
    async with Socket(people.rita) as socket:
        await socket.start(**start, answers=answers, pause=pause)
        events = await socket.until("calls.planned")
        run = events[-1]["run"]
        if waits:
            events = [event for _ in calls for event in await socket.until("call.waiting")]
            assert not of(events, "call.executing")
            await socket.send(type="plan.change", run=run, round=1, add=[["1.0.1", "1.0.0"]])
            (changed,) = await socket.until("calls.planned")
            assert "refused" not in changed
            await socket.send(type="call.execute", run=run, calls=["1.0.0", "1.0.1"])
        events = await socket.until("call.executing")
        while destructive and events[-1]["step"] != "held":
            events += await socket.until("call.executing")
        if destructive:
            await socket.send(type="call.confirm", run=run, call="1.0.1", agree=True)
        events += await socket.until("run.finished")
    results = {event["key"]: event["content"] for event in of(events, "call.result")}
    assert results["1.0.1"] == "changed"
    assert len(results) == len(calls)


async def test_a_person_changes_the_plan_and_executes_what_waits(people: People) -> None:
    calls = [("get_weather", {"city": "Oslo"}), ("get_forecast", {"city": "Oslo"})]
    start = await prepare(
        people, calls, get_weather={"execution": mock()}, get_forecast={"execution": mock()}
    )
    async with Socket(people.rita) as socket:
        await socket.start(**start)
        events = await socket.until("call.waiting") + await socket.until("call.waiting")
        (planned,) = of(events, "calls.planned")
        assert planned["plan"]["stages"] == [["1.0.0", "1.0.1"]]
        assert planned["executable"] == ["1.0.0", "1.0.1"]
        run = planned["run"]
        pair = ["1.0.0", "1.0.1"]
        await socket.send(type="plan.change", run=run, round=1, add=[pair])
        (changed,) = await socket.until("calls.planned")
        assert changed["plan"]["stages"] == [["1.0.1"], ["1.0.0"]]
        await socket.send(type="plan.change", run=run, round=1, add=[pair[::-1]])
        (refused,) = await socket.until("calls.planned")
        assert "wait for each other" in refused["refused"]
        await socket.send(type="call.execute", run=run, calls=pair)
        events = await socket.until("run.finished")
    assert [one["key"] for one in of(events, "call.result")] == ["1.0.1", "1.0.0"]
    (told,) = of(events, "calls.executed")
    assert told["schedule"]["critical"] == ["1.0.1", "1.0.0"]


async def test_stopping_in_the_middle_keeps_what_came(people: People) -> None:
    calls = [("get_weather", {"city": "Oslo"}), ("get_forecast", {"city": "Oslo"})]
    start = await prepare(
        people,
        calls,
        get_weather={"execution": mock()},
        get_forecast={"execution": {**mock(delay_ms=30_000), "timeout_ms": 60_000}},
    )
    async with Socket(people.rita) as socket:
        await socket.start(**start, answers=executed("get_weather", "get_forecast"))
        events = await socket.until("call.result")
        await socket.send(type="run.cancel", run=events[-1]["run"])
        events += await socket.until("run.finished")
    assert events[-1]["status"] == "cancelled"
    statuses = {one["key"]: one["status"] for one in of(events, "call.result")}
    assert statuses == {"1.0.0": "ok", "1.0.1": "cancelled"}


async def test_a_rejected_call_is_not_executed(people: People) -> None:
    start = await prepare(people, [("get_weather", {"city": 5})], get_weather={"execution": mock()})
    async with Socket(people.rita) as socket:
        events = await socket.play(**start, answers=executed("get_weather"))
    (result,) = of(events, "call.result")
    assert result["status"] == "refused" and "not executed" in result["content"]


@pytest.mark.parametrize(
    "command",
    [
        {"type": "call.execute", "calls": "1.0.0"},
        {"type": "call.confirm", "call": "1.0.0", "agree": "yes"},
        {"type": "plan.change", "round": 1, "add": [["1.0.0"]]},
    ],
)
async def test_commands_of_another_shape_are_refused(people: People, command: Any) -> None:
    async with Socket(people.rita) as socket:
        await socket.send(**command, run="x")
        assert (await socket.receive())["code"] == "bad_request"
