"""Turns and calls whose cost is known, and their rollups."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from analytics import rollups
from console.accounts.models import Project
from console.lib import uuid7
from conversations.models import Conversation, ToolCall, Turn
from tests.factories import make_call, make_conversation, make_turn


def add_turn(
    conversation: Conversation, at: datetime, calls: Sequence[dict[str, Any]] = (), **fields: Any
) -> Turn:
    """A turn at its time with its calls; each call's fields as given."""
    key = f"{conversation.key}-{at.timestamp()}-{random.random()}"
    identity = uuid7.of(at, str(conversation.project_id), key)
    turn = make_turn(conversation, at=at, id=identity, key=key, **fields)
    shared = ("model", "provider", "user", "environment", "tags", "source")
    for position, call in enumerate(calls):
        given = {name: getattr(turn, name) for name in shared} | call
        one = uuid7.of(at, str(conversation.project_id), key, str(position))
        make_call(turn, id=one, at=at, **given)
    return turn


def fill(project: Project, days: int = 10, seed: int = 1) -> None:
    """Some conversations a day, of three users, two models and two tools; some turns unpriced."""
    chance = random.Random(seed)
    now = timezone.now()
    for day in range(days):
        for number in range(3):
            at = now - timedelta(days=day, hours=number, minutes=chance.randrange(50))
            talk = make_conversation(project, key=f"t{day}-{number}", source="api")
            for step in range(chance.randrange(1, 4)):
                names = [chance.choice(["get_weather", "pay"]) for _ in range(chance.randrange(3))]
                calls = [
                    {
                        "name": name,
                        "cost": chance.choice([None, Decimal("0.002")]),
                        "codes": chance.choice([[], ["wrong_type"], ["repeated_call"]]),
                        "latency_ms": chance.uniform(50, 2500),
                        "cached": chance.random() < 0.3,
                        "status": "ok",
                    }
                    for name in names
                ]
                cost = chance.choice([None, Decimal(chance.randrange(10**7)) / 10**9])
                add_turn(
                    talk,
                    at + timedelta(seconds=20 * step),
                    calls,
                    model=chance.choice(["gpt-4o", "a-model"]),
                    provider="openai",
                    user=f"u{number}",
                    tags=chance.choice([[], ["app:web"], ["app:web", "team:x"]]),
                    cost=cost,
                    input_tokens=1000,
                    cached_input_tokens=400,
                    output_tokens=100,
                    latency_ms=chance.uniform(300, 4000),
                    first_token_ms=chance.uniform(50, 400),
                )
    compute()


def compute() -> None:
    """Bring the rollups up to the rows."""
    while rollups.catch_up(seconds=60):
        pass
    rollups.compute_months()


def sum_turns(project: Project, **of: Any) -> Decimal:
    """Dollars of the rows themselves."""
    rows = Turn.objects.filter(project=project, **of).values_list("cost", flat=True)
    return sum((cost for cost in rows if cost is not None), Decimal(0))


def sum_calls(project: Project, **of: Any) -> Decimal:
    rows = ToolCall.objects.filter(project=project, **of).values_list("cost", flat=True)
    return sum((cost for cost in rows if cost is not None), Decimal(0))
