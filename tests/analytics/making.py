"""Turns and calls at chosen times, with keys of these times, as ingest makes them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from analytics import rollups
from console.accounts.models import Project
from console.lib import json, uuid7
from conversations.expected import judge_expected
from conversations.models import Conversation, ToolCall, Turn
from tests.factories import make_conversation
from tools_registry.validation.expectation import CallMade, Judgement
from tools_registry.validation.findings import Finding

NOW = datetime(2024, 2, 3, 3, 4, tzinfo=UTC)
_numbers = itertools.count(1)


def ago(**length: float) -> datetime:
    """A moment before the tests' present."""
    return NOW - timedelta(**length)


def make_turn(
    project: Project,
    at: datetime,
    calls: Sequence[dict[str, Any]] = (),
    *,
    conversation: Conversation | None = None,
    **fields: Any,
) -> Turn:
    """A turn with its calls, whose values are those of ``ToolCall``; findings are JSON values."""
    conversation = conversation or make_conversation(project)
    number = next(_numbers)
    values = {"model": "gpt-4", "environment": "production", "source": "api", "number": 1}
    turn = Turn.objects.create(
        id=uuid7.of(at, str(number)),
        project=project,
        conversation=conversation,
        key=str(number),
        at=at,
        **(values | fields),
    )
    ToolCall.objects.bulk_create(
        ToolCall(**_call(turn, position, given)) for position, given in enumerate(calls)
    )
    return turn


def _call(turn: Turn, position: int, given: dict[str, Any]) -> dict[str, Any]:
    codes = given.get("codes", [])
    findings = [{"code": code, "message": f"It is {code}", "pointer": "/city"} for code in codes]
    shared = ("project_id", "conversation_id", "at", "model", "source", "environment", "provider")
    return {
        **{name: getattr(turn, name) for name in shared},
        "id": uuid7.of(turn.at, turn.key, str(position)),
        "turn_id": turn.pk,
        "position": position,
        "name": "get_weather",
        "arguments": "{}",
        "findings": json.dump(given.get("findings", findings)),
        **{name: value for name, value in given.items() if name != "findings"},
    }


def make_judged(project: Project, at: datetime, names: Sequence[str], expected: str) -> Turn:
    """A turn that called these, judged by what its record expected, as JSON text."""
    made = [CallMade(name, "{}") for name in names]
    try:
        judgement = judge_expected(json.load(expected), made)
    except ValueError:
        judgement = None
    judgement = judgement or Judgement(((),) * len(made))
    calls = [
        {"name": name, "codes": [one.code for one in found], "findings": [*map(_tell, found)]}
        for name, found in zip(names, judgement.calls, strict=True)
    ]
    return make_turn(
        project,
        at,
        calls,
        expected=expected,
        codes=[one.code for one in judgement.turn],
        findings=json.dump([*map(_tell, judgement.turn)]),
    )


def _tell(finding: Finding) -> dict[str, Any]:
    return finding.to_json()


def rejected(*codes: str, **fields: Any) -> dict[str, Any]:
    return {"verdict": "rejected", "codes": list(codes or ["wrong_type"]), **fields}


def catch_up(now: datetime = NOW) -> int:
    """All that is marked, computed."""
    done = 0
    while computed := rollups.catch_up(now=now):
        done += computed
    rollups.compute_months()
    return done
