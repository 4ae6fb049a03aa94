"""One night as rows: a new version of get_weather renames a parameter, and its calls fail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from console.accounts.models import Project
from console.lib import json, uuid7
from conversations.models import Conversation, ToolCall, Turn
from tests import factories
from tools_registry.models import Toolset, ToolVersion

GOOD = {
    "name": "get_weather",
    "description": "Get the current weather of a city. Not for forecasts.",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "The city's name"},
            "temperature": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        },
        "required": ["city", "temperature"],
        "additionalProperties": False,
    },
}
BAD = json.load(json.dump(GOOD).replace("temperature", "temprature"))
FINDING = {
    "layer": "schema",
    "code": "unexpected_parameter",
    "severity": "rejected",
    "message": "temperature is no parameter of get_weather",
    "pointer": "/temperature",
}
CITIES = ("Oslo", "Tromsø", "Kyoto", "Dubai", "Lisbon")


@dataclass
class Night:
    """``start`` is when v2 was first seen; from then on every second call has it and is bad."""

    project: Project
    start: datetime
    v1: ToolVersion
    v2: ToolVersion
    sets: dict[int, Toolset]


def make_night(project: Project | None = None, *, ago: timedelta = timedelta(hours=1)) -> Night:
    """120 calls in the 10 hours before, then 40 in 20 minutes, half of them bad."""
    project = project or factories.make_project()
    start = (timezone.now() - ago).replace(microsecond=0)
    first = factories.make_tool_version(
        project, GOOD, origin="observed", first_seen_at=start - timedelta(days=9)
    )
    second = factories.make_tool_version(project, BAD, origin="observed", first_seen_at=start)
    sets = {version.pk: factories.make_toolset(version) for version in (first, second)}
    night = Night(project, start, first, second, sets)
    quiet = [(start - timedelta(minutes=5 * n + 1), False) for n in range(120)]
    loud = [(start + timedelta(seconds=30 * n + 4), n % 2 == 0) for n in range(40)]
    add_calls(night, quiet + loud)
    return night


def add_calls(night: Night, calls: list[tuple[datetime, bool]]) -> list[ToolCall]:
    """A conversation with one turn and one call for each; the bad ones have the new version."""
    rows = [_make(night, at, bad) for at, bad in calls]
    Conversation.objects.bulk_create([conversation for conversation, _, _ in rows])
    Turn.objects.bulk_create([turn for _, turn, _ in rows])
    return ToolCall.objects.bulk_create([call for _, _, call in rows])


def _make(night: Night, at: datetime, bad: bool) -> tuple[Conversation, Turn, ToolCall]:
    version = night.v2 if bad else night.v1
    city = CITIES[int(at.timestamp()) % len(CITIES)]
    said = f"What is the weather in {city} right now?"
    shared = {"project": night.project, "source": "otlp", "user": f"u_{int(at.timestamp()) % 17}"}
    codes = ["unexpected_parameter"] if bad else []
    verdict = {"verdict": "rejected" if bad else "accepted", "codes": codes}
    moment = str(at.timestamp())
    conversation = Conversation(
        id=uuid7.of(at, "c", moment), key=f"c-{moment}", title=said, started_at=at, last_at=at,
        turn_count=1, call_count=1, **shared,
    )  # fmt: skip
    turn = Turn(
        id=uuid7.of(at, "t", moment), conversation=conversation, number=1, key=f"t-{moment}",
        at=at, model="gpt-4-0125", provider="openai", toolset=night.sets[version.pk],
        messages=json.dump([{"role": "user", "content": said}]), message_count=1, cost="0.003",
        **verdict, **shared,
    )  # fmt: skip
    call = ToolCall(
        id=uuid7.of(at, "k", moment), conversation=conversation, turn_id=turn.pk, position=0, at=at,
        name="get_weather", call_id="k", tool_version=version, model=turn.model,
        arguments=json.dump({"city": city, "temperature": "celsius"}), provider="openai",
        findings=json.dump([FINDING] if bad else []), **verdict, **shared,
    )  # fmt: skip
    return conversation, turn, call
