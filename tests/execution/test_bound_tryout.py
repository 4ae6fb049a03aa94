"""The bounds of a policy tried on recorded calls while it is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from console.accounts.models import Project
from console.lib import json
from tests.factories import (
    WEATHER,
    client_of,
    make_call,
    make_conversation,
    make_people,
    make_tool_version,
    make_turn,
)

pytestmark = pytest.mark.django_db


def make_calls(project: Project, count: int, **fields: Any) -> None:
    """Calls of one conversation, a second apart."""
    turn = make_turn(make_conversation(project))
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(count):
        at = start + timedelta(seconds=number)
        make_call(
            turn, at=at, arguments='{"city": "Oslo"}' if number % 2 else '{"city":"Oslo"}', **fields
        )


def test_each_bound_says_what_it_would_have_cut() -> None:
    people = make_people()
    make_tool_version(people.project, WEATHER)
    make_calls(people.project, 8, cost=Decimal("0.5"), latency_ms=2_500, user="ann")
    execution = {"budget": 5, "rate": 6, "timeout_ms": 2_000, "cache_ttl": 60}
    page = client_of(people.bob).post(
        reverse("conversations:policy-try", args=[people.project.slug]),
        {"tool": "get_weather", "document": json.dump({"execution": execution})},
    )
    text = page.content.decode()
    assert "A budget of 5 would have cut 3 calls and saved $1.50" in text
    assert "A rate of 6 a minute would have cut 2 calls and saved $1.00" in text
    assert "A timeout of 2,000 ms would have ended 8 calls." in text
    assert "A cache of 60 s would have answered 7 calls and saved $3.50" in text
    assert "In 1 user." in text


def test_a_call_without_a_cost_has_the_policys() -> None:
    people = make_people()
    make_tool_version(people.project, WEATHER)
    make_calls(people.project, 8)
    page = client_of(people.bob).post(
        reverse("conversations:policy-try", args=[people.project.slug]),
        {"tool": "get_weather", "document": '{"execution": {"budget": 7, "cost": 0.003}}'},
    )
    assert "A budget of 7 would have cut 1 call and saved $0.0030" in page.content.decode()
