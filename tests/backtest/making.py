"""A tool whose second version misspells a parameter, and calls of it as they were recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from console.accounts.models import Project
from console.lib import json, uuid7
from conversations.backtest import engine
from conversations.backtest.records import Backtest
from conversations.backtest.subjects import choose
from conversations.models import Conversation, ToolCall
from tests.factories import make_conversation, make_tool_version, make_turn
from tools_registry.models import ToolVersion
from tools_registry.validation import Finding, validate


def definition(scale: str = "temperature", **more: Any) -> dict[str, Any]:
    """``get_weather`` with its scale under this name."""
    return {
        "name": "get_weather",
        "description": "Get current weather for a city.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                scale: {"type": "string", "enum": ["celsius", "fahrenheit"]},
                **more,
            },
            "required": ["city", scale],
            "additionalProperties": False,
        },
    }


def make_versions(project: Project) -> tuple[ToolVersion, ToolVersion]:
    """The right version, and the one that says ``temprature``."""
    return (
        make_tool_version(project, definition()),
        make_tool_version(project, definition("temprature")),
    )


def arguments(number: int = 0, scale: str = "celsius") -> str:
    return json.dump({"city": f"Town {number}", "temperature": scale})


def make_calls(
    version: ToolVersion,
    texts: Sequence[str],
    *,
    conversation: Conversation | None = None,
    extra: Sequence[Finding] = (),
    model: str = "gpt-4o",
    ago: timedelta = timedelta(hours=1),
) -> list[ToolCall]:
    """Calls judged by the version as they were stored, a second apart, the newest last."""
    conversation = conversation or make_conversation(version.project)
    start = timezone.now() - ago
    turn = make_turn(conversation, at=start, number=conversation.turn_count + 1)
    rows = []
    for number, text in enumerate(texts):
        verdict = validate("get_weather", text, offered={"get_weather": version.spec})
        found = [*verdict.findings, *extra]
        at = start + timedelta(seconds=number)
        rows.append(
            ToolCall(
                id=uuid7.of(at, str(turn.pk), str(number)),
                project=version.project,
                conversation=conversation,
                turn_id=turn.pk,
                position=number,
                at=at,
                name="get_weather",
                arguments=text,
                tool_version=version,
                model=model,
                verdict=verdict.value,
                findings=json.dump([finding.to_json() for finding in found]),
                codes=[finding.code for finding in found],
            )
        )
    return ToolCall.objects.bulk_create(rows)


def begin(project: Project, *, query: str = "", limit: int = 10_000, **chosen: Any) -> Backtest:
    return engine.start(project, choose(project, "get_weather", **chosen), query, limit)


def run(project: Project, **asked: Any) -> Backtest:
    """A backtest of ``get_weather``, run to its end."""
    row = begin(project, **asked)
    engine.run(row.pk)
    return fresh(row.pk)


def fresh(pk: UUID) -> Backtest:
    return Backtest.objects.select_related("project", "version").get(pk=pk)
