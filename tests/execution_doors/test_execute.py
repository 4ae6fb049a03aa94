"""``POST /api/v1/execute``: routed, judged, bounded, cached, executed, each switched off too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings
from django.test import Client

from console.accounts.models import Project
from conversations.doors.execution import joining
from conversations.models import ToolCall
from tests.execution_doors.making import make_runnable, mock
from tests.factories import make_call, make_conversation, make_key, make_project, make_turn
from tools_registry.models import Router
from tools_registry.routing import RouterSpec

pytestmark = pytest.mark.django_db
LISBON = {"city": "Lisbon"}
OPEN = {"type": "object", "properties": {}}


@pytest.fixture(autouse=True)
def store() -> Iterator[None]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
    yield


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def api(project: Project) -> Client:
    return Client(headers={"Authorization": f"Bearer {make_key(project, ['execute'])[1]}"})


def send(api: Client, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = api.post("/api/v1/execute", json.dumps(body), content_type="application/json")
    assert answer.status_code == status, answer.content
    told: dict[str, Any] = answer.json()
    return told


def one(api: Client, arguments: Any = LISBON, tool: str = "get_weather", **body: Any) -> Any:
    return send(api, tool=tool, arguments=arguments, **body)["calls"][0]


def codes(call: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in call.get("findings", [])]


def test_one_call_is_judged_and_run(api: Client, project: Project) -> None:
    make_runnable(project)
    told = send(api, tool="get_weather", arguments='{"city": "Lisbon"}', context={"user": "ann"})
    call = told["calls"][0]
    assert (call["call"], call["verdict"], call["status"]) == ("call_1", "accepted", "ok")
    assert (call["content"], call["version"], call["policy"]) == ('{"degrees": 21}', 1, 1)
    assert told["plan"]["stages"] == [["call_1"]]
    assert told["schedule"]["critical"] == ["call_1"]


def test_what_is_rejected_is_not_run_and_what_waits_for_it_is_skipped(
    api: Client, project: Project
) -> None:
    make_runnable(project)
    make_runnable(project, "book", definition={"parameters": OPEN})
    calls = [
        {"id": "a", "tool": "get_weather", "arguments": {"town": "Lisbon"}},
        {"id": "b", "tool": "book", "arguments": {"degrees": "$var1.degrees$"}},
        {"id": "c", "tool": "get_weather", "arguments": "{"},
        {"id": "d", "tool": "get_wether", "arguments": {}},
    ]
    told = send(api, calls=calls)["calls"]
    assert [call["status"] for call in told] == ["refused", "skipped", "refused", "refused"]
    assert sorted(codes(told[0])) == ["missing_required", "unexpected_parameter"]
    assert codes(told[2]) == ["malformed_json"]
    assert codes(told[3]) == ["unknown_tool"]
    assert "Did you mean get_weather" in told[3]["content"]


def test_a_reference_is_judged_once_it_is_filled(api: Client, project: Project) -> None:
    make_runnable(project, "locate", definition={"parameters": OPEN}, executor=mock('{"at": 7}'))
    make_runnable(project)
    calls = [
        {"tool": "locate", "arguments": {}},
        {"tool": "get_weather", "arguments": {"city": "$var1.at$"}},
    ]
    told = send(api, calls=calls)
    assert told["plan"]["dependencies"][0]["kind"] == "reference"
    assert codes(told["calls"][1]) == ["wrong_type"]
    calls[1]["arguments"] = {"city": "at $var1.at$"}
    assert send(api, calls=calls)["calls"][1]["arguments"] == {"city": "at 7"}


@pytest.mark.parametrize(
    ("off", "arguments", "statuses"),
    [
        ("", LISBON, ["ok", "refused"]),
        ("bound", LISBON, ["ok", "ok"]),
        ("validate", {"town": 1}, ["ok", "refused"]),
        ("validate", "{", ["refused", "refused"]),
    ],
)
def test_each_step_can_be_switched_off(
    api: Client, project: Project, off: str, arguments: Any, statuses: list[str]
) -> None:
    make_runnable(project, rate=1)
    steps = {off: False} if off else {}
    assert [one(api, arguments, steps=steps)["status"] for _ in range(2)] == statuses


def test_a_second_call_is_answered_from_the_cache_unless_it_is_switched_off(
    api: Client, project: Project
) -> None:
    make_runnable(project, cache_ttl=60, cost=0.25)
    assert "cached" not in one(api)
    again = one(api)
    assert again["cached"]["saved_cost"] == 0.25
    assert again["cost"] == 0
    assert "cached" not in one(api, steps={"cache": False})


def test_without_executing_there_is_a_plan_and_a_verdict(api: Client, project: Project) -> None:
    make_runnable(project, rate=1)
    calls = [
        {"tool": "get_weather", "arguments": {"town": 1}},
        {"tool": "get_weather", "arguments": {"city": "$var1.name$"}},
    ]
    told = send(api, calls=calls, steps={"execute": False})
    assert [call.get("verdict") for call in told["calls"]] == ["rejected", None]
    assert "schedule" not in told
    assert "status" not in told["calls"][0]
    assert told["plan"]["stages"] == [["call_1"], ["call_2"]]
    assert one(api)["status"] == "ok"


def test_a_destructive_call_is_held_until_it_is_confirmed_as_it_was_shown(
    api: Client, project: Project
) -> None:
    make_runnable(project, destructive=True)
    held = one(api)
    assert (held["status"], codes(held)) == ("held", ["confirmation_missing"])
    assert held["preview"]["line"].startswith("Nothing is sent")
    other = one(api, {"city": "Porto"}, confirmation=held["confirmation"])
    assert other["status"] == "held"
    assert one(api, confirmation=held["confirmation"])["status"] == "ok"
    assert "used already" in one(api, confirmation=held["confirmation"])["content"]


def test_a_router_keeps_calls_of_other_tools_out(api: Client, project: Project) -> None:
    make_runnable(project)
    make_runnable(project, "refund", definition={"parameters": OPEN})
    groups = [{"name": "weather", "tools": ["get_weather"]}, {"name": "money", "tools": ["refund"]}]
    words = [{"words": ["weather"], "groups": ["weather"]}]
    router = Router.objects.create(project=project, name="main")
    router.write(RouterSpec.from_json({"groups": groups, "keywords": words}), None)
    given: dict[str, Any] = {"router": "main", "context": {"last_user": "What weather is it?"}}
    refused = one(api, {}, "refund", **given)
    assert (refused["status"], codes(refused)) == ("refused", ["tool_not_offered"])
    assert one(api, **given)["status"] == "ok"
    assert one(api, {}, "refund", **given, steps={"route": False})["status"] == "ok"
    problem = send(api, 404, tool="refund", arguments={}, router="other")
    assert problem["code"] == "router_not_found"


def test_the_policys_rules_know_the_context(api: Client, project: Project) -> None:
    make_runnable(project, rules=[{"name": "staff only", "expression": 'user == "staff"'}])
    assert codes(one(api)) == ["rule_violated"]
    assert one(api, context={"user": "staff"})["status"] == "ok"


def test_the_deadline_ends_what_still_runs(api: Client, project: Project) -> None:
    make_runnable(project, executor=mock(delay_ms=5_000))
    assert one(api, deadline_ms=50)["status"] == "cancelled"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"calls": [{"id": "a", "tool": "x", "arguments": {}}] * 2}, "invalid_request"),
        ({"tool": "x", "arguments": {}, "steps": {"skip": True}}, "invalid_request"),
        ({"tool": "x", "arguments": {}, "plan": {"add": [["a", "b"]]}}, "bad_plan"),
    ],
)
def test_a_bad_order_is_told_what_is_wrong(api: Client, body: Any, code: str) -> None:
    assert send(api, 422, **body)["code"] == code


def test_outcomes_are_put_into_the_calls_of_a_recorded_turn(project: Project) -> None:
    turn = make_turn(make_conversation(project))
    row = make_call(turn, call_id="c-1", name="get_weather")
    outcome = {"name": "get_weather", "status": "ok", "content": "21", "begin_ms": 0, "end_ms": 9.5}
    told = {"c-1": outcome, "c-2": outcome}
    assert joining.join_outcomes(project.pk, turn.conversation.key, told, 3) == 1
    row = ToolCall.objects.get(pk=row.pk)
    assert (row.result, row.latency_ms, row.answered_by) == ("21", 9.5, "executed")
    assert joining.join_outcomes(project.pk, turn.conversation.key, told, 3) == 0
