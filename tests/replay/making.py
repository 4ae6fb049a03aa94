"""Cases, connections and replays for the tests of replays."""

from __future__ import annotations

import time
from typing import Any

from console.accounts.models import Project
from conversations.models import Connection
from conversations.replay import engine
from conversations.replay.cases import Case, MadeCall, Origin, Recorded
from conversations.replay.orders import Order
from conversations.replay.records import Replay, ReplayOutcome
from conversations.replay.starting import start
from tests.factories import WEATHER, make_connection, make_project
from tools_registry.validation.expectation import Expectation

TOOL: dict[str, Any] = {"type": "function", "function": WEATHER}
MISSPELT: dict[str, Any] = {
    "type": "function",
    "function": {
        **WEATHER,
        "parameters": {
            **WEATHER["parameters"],
            "properties": {"citty": {"type": "string"}},
            "required": ["citty"],
        },
    },
}


def make_case(number: int = 0, **more: Any) -> Case:
    """A question of the weather in a town, with the tool for it."""
    question = {"role": "user", "content": f"What is the weather in Town {number}?"}
    given: dict[str, Any] = {
        "key": f"case-{number}",
        "title": question["content"],
        "messages": [question],
        "tools": [TOOL],
        "origin": Origin(),
    }
    return Case(**{**given, **more})


def expecting(number: int, **more: Any) -> Case:
    """The same, where it is known what should be called."""
    calls = [{"name": "get_weather", "arguments": {"city": f"Town {number}"}}]
    return make_case(number, expectation=Expectation.from_json({"calls": calls}), **more)


def recorded(
    arguments: str, verdict: str = "rejected", code: str = "unexpected_parameter"
) -> Recorded:
    """A call of the weather that was recorded, with what was found of it."""
    found = {"code": code, "message": "It is so", "severity": verdict}
    findings = () if verdict == "accepted" else (found,)
    call = MadeCall("get_weather", arguments, "call_1", verdict, findings)  # type: ignore[arg-type]
    return Recorded((call,), model="a-model", verdict=verdict)  # type: ignore[arg-type]


def connect(project: Project, url: str, **more: Any) -> Connection:
    settings = {"concurrency": 8, **more.pop("settings", {})}
    return make_connection(project, base_url=url, settings=settings, **more)


def begin(
    connection: Connection | None, cases: list[Case], project: Project | None = None, **more: Any
) -> Replay:
    """A replay that no worker is set to."""
    project = project or (connection.project if connection else make_project())
    given: dict[str, Any] = {"trials": 1, "model": "a-model", "connection": connection, **more}
    return start(project, Order(cases=cases, **given), enqueue=False)


def work(row: Replay, *, within: float = 30.0) -> Replay:
    """Work it off in this process, as often as it takes."""
    end = time.monotonic() + within
    while not (step := engine.run(row.pk)).is_over:
        assert time.monotonic() < end, "it did not end in time"
        time.sleep(min(step.wait, 0.2))
    return fresh(row)


def fresh(row: Replay) -> Replay:
    return Replay.objects.select_related("project").get(pk=row.pk)


def outcomes_of(row: Replay, variant: int = 0) -> list[ReplayOutcome]:
    rows = ReplayOutcome.objects.filter(replay=row, variant__position=variant)
    return list(rows.order_by("case__position", "trial"))
