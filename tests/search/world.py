"""A small project with something of every kind, spread over three months."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from console.accounts.models import Project
from console.lib import uuid7
from conversations.models import Conversation, Label, ToolCall, Turn
from tests import factories

NOW = datetime(2024, 2, 3, 3, 4, tzinfo=UTC)


class World:
    """Turns and calls are named: a turn by its key, a call by its id."""

    def __init__(self) -> None:
        self.project = factories.make_project()
        self.version = factories.make_tool_version(self.project)
        self.newer = factories.make_tool_version(
            self.project, {**factories.WEATHER, "description": "The weather, in °C."}
        )
        self.serial = 0

    def turn(self, key: str, ago: timedelta, said: str = "Hello", **fields: object) -> Turn:
        at = NOW - ago
        shared = {
            name: fields[name]
            for name in ("user", "environment", "tags", "source")
            if name in fields
        }
        conversation = fields.pop("conversation", None) or factories.make_conversation(
            self.project, key=f"c-{key}", title=said, started_at=at, last_at=at, **shared
        )
        assert isinstance(conversation, Conversation)
        self.serial += 1
        return factories.make_turn(
            conversation,
            at,
            id=uuid7.of(at, str(self.project.pk), key),
            key=key,
            messages=[{"role": "user", "content": said}],
            **fields,
        )

    def call(self, turn: Turn, wire_id: str, **fields: object) -> ToolCall:
        return factories.make_call(
            turn, id=uuid7.of(turn.at, str(self.project.pk), wire_id), call_id=wire_id, **fields
        )


def make_world() -> World:
    world = World()
    oslo = world.turn(
        "oslo", timedelta(minutes=5), "Weather in Oslo\nright now", provider="openai",
        model="gpt-4o", user="u_1", environment="production", tags=["app:web", "locale:en"],
        source="otlp", verdict="rejected", codes=["missing_required"], latency_ms=2500.0,
        first_token_ms=300.0, cost=Decimal("0.02"),
        response={"role": "assistant", "content": None, "tool_calls": [
            {"id": "k1", "type": "function", "function": {
                "name": "get_weather", "arguments": json.dumps({"city": "Tromsø\nnord"})}}]},
    )  # fmt: skip
    world.call(
        oslo, "k1", tool_version=world.version, verdict="rejected", codes=["missing_required"],
        status="error", result="bad request", latency_ms=40.0,
        findings=json.dumps([
            {"layer": "schema", "code": "missing_required", "pointer": "/city", "message": "m"},
            {"layer": "conduct", "code": "repeated_call", "pointer": "", "message": "m"},
        ]),
    )  # fmt: skip
    world.call(
        oslo, "k2", name="get_time", verdict="flagged", codes=["repeated_call"],
        findings=json.dumps([{"layer": "conduct", "code": "repeated_call", "message": "m"}]),
    )  # fmt: skip
    paris = world.turn(
        "paris", timedelta(hours=30), "gare de Lyon", provider="anthropic", model="claude-3",
        user="u_2", environment="staging", tags=["app:ios"], source="proxy", latency_ms=800.0,
        cost=Decimal("0.001"),
    )  # fmt: skip
    world.call(
        paris, "k3", tool_version=world.newer, status="ok", result="{}", latency_ms=6000.0,
        cost=Decimal("0.5"),
    )  # fmt: skip
    world.turn(
        "broken", timedelta(days=20), "Lyon gare", provider="openai", model="gpt-4o",
        status="failed", error={"code": "overloaded"}, response="", source="api", user="u_1",
    )  # fmt: skip
    old = world.turn("old", timedelta(days=80), "an old one", model="gpt-3.5", source="file")
    kept = world.call(old, "k4", name="get_weather", status="ok", result="1")
    Label.objects.create(
        project=world.project, conversation=old.conversation, turn_id=old.pk, call_id=kept.pk,
        kind="wrong_tool",
    )  # fmt: skip
    other = factories.make_conversation(title="Oslo of another project")
    factories.make_call(factories.make_turn(other, NOW - timedelta(minutes=1)), name="get_weather")
    return world


def names_of(world_project: Project, kind: str, hits: list[tuple[object, object]]) -> list[str]:
    if kind == "calls":
        by_id = dict(ToolCall.objects.filter(project=world_project).values_list("pk", "call_id"))
        return [by_id[one] for one, _ in hits]  # type: ignore[index]
    if kind == "turns":
        by_id = dict(Turn.objects.filter(project=world_project).values_list("pk", "key"))
        return [by_id[one] for one, _ in hits]  # type: ignore[index]
    keys = dict(Conversation.objects.filter(project=world_project).values_list("pk", "key"))
    return [keys[other] for _, other in hits]  # type: ignore[index]
