"""Rules, channels and calls for the tests of alerts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from analytics.alerts.records import AlertChannel, AlertRule
from console.accounts.models import Project
from console.lib import uuid7
from conversations.models import Conversation, ToolCall, Turn
from tests import factories


def make_rule(project: Project | None = None, **fields: Any) -> AlertRule:
    """A rule that alerts above 10% of at least 10 calls in a minute."""
    now = timezone.now()
    values = {
        "name": "Calls are rejected",
        "metric": "rejection_rate",
        "window": 60,
        "level": 10,
        "minimum": 10,
        "since": now,
        "changed_at": now,
        "due_at": now - timedelta(seconds=1),
    }
    return AlertRule.objects.create(project=project or factories.make_project(), **values | fields)


def make_channel(project: Project | None = None, **fields: Any) -> AlertChannel:
    values = {
        "name": "Ops",
        "kind": "webhook",
        "url": "http://127.0.0.1:9/hook",
        "variable": "ALERT_SECRET",
    }
    project = project or factories.make_project()
    return AlertChannel.objects.create(project=project, **values | fields)


def make_calls(
    project: Project, at: datetime, good: int, bad: int = 0, seconds: float = 30, **fields: Any
) -> None:
    """Calls that end ``at`` and are spread over so many seconds before it, the bad ones among
    them; each has a turn."""
    conversation = Conversation.objects.create(
        project=project, key=uuid7.now().hex, source="api", started_at=at, last_at=at
    )
    whole = good + bad
    turns, calls = [], []
    for number in range(whole):
        moment = at - timedelta(seconds=seconds * (number + 1) / whole)
        is_bad = bad and number % max(1, whole // bad) == 0 and number // max(1, whole // bad) < bad
        verdict, codes = ("rejected", ["wrong_type"]) if is_bad else ("accepted", [])
        key = uuid7.of(moment, conversation.key, str(number))
        turns.append(
            Turn(
                id=key,
                project=project,
                conversation=conversation,
                number=number + 1,
                key=f"{conversation.key}-{number}",
                at=moment,
                source="api",
                model="a-model",
                cost="0.01",
            )
        )
        calls.append(
            ToolCall(
                id=uuid7.of(moment, conversation.key, str(number), "call"),
                project=project,
                conversation=conversation,
                turn_id=key,
                position=0,
                at=moment,
                name="get_weather",
                arguments="{}",
                model="a-model",
                source="api",
                verdict=verdict,
                codes=codes,
                **fields,
            )
        )
    Turn.objects.bulk_create(turns)
    ToolCall.objects.bulk_create(calls)
