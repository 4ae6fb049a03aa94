"""A budget of N says what it would have cut, in calls, conversations and dollars."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from analytics.conduct.figures import Ranks
from tests.costs.world import add_turn, compute
from tests.factories import client_of, make_conversation, make_people


def _ranks(*calls: int) -> Ranks:
    counted = dict(enumerate(calls, 1))
    return Ranks(
        "t", counted, dict.fromkeys(counted, 0), 0, {r: Decimal(n) for r, n in counted.items()}
    )


@pytest.mark.parametrize(
    ("limit", "calls", "conversations", "cost"),
    [(0, 17, 10, 17), (1, 7, 4, 7), (2, 3, 2, 3), (4, 0, 0, 0), (99, 0, 0, 0)],
)
def test_what_a_budget_cuts(limit: int, calls: int, conversations: int, cost: int) -> None:
    cut = _ranks(10, 4, 2, 1).cut(limit)
    assert (cut.calls, cut.conversations, cut.cost) == (calls, conversations, Decimal(cost))
    assert (cut.of_calls, cut.of_conversations) == (17, 10)


def test_the_distribution_adds_up_to_the_conversations() -> None:
    bars = _ranks(10, 4, 2, 2, 2, 1, 1).distribution()
    assert sum(count for _, count in bars) == 10
    assert bars[:4] == [("1", 6), ("2", 2), ("3–4", 0), ("5–9", 2)]


@pytest.mark.django_db
def test_the_page_shows_the_conversation_with_the_most_calls() -> None:
    people = make_people()
    talk = make_conversation(people.project, source="api")
    at = timezone.now() - timedelta(hours=5)
    for number in range(12):
        codes = ["repeated_call"] if number else []
        call = {"name": "get_weather", "codes": codes}
        add_turn(talk, at + timedelta(minutes=number), [call], cost=Decimal("0.01"))
    compute()
    path = f"/p/{people.project.slug}/analytics/conduct/"
    client = client_of(people.vera)
    page = client.get(path).content.decode()
    cut = re.findall(r'<a href="([^"]*nth[^"]*)">7</a>', page)
    assert len(cut) == 2  # in the sentence, and of the tool
    for link in cut:
        rows = client.get(html.unescape(link)).context["rows"]
        assert [row.at.minute for row in rows] == [
            (at + timedelta(minutes=number)).minute for number in range(11, 4, -1)
        ]
    page = re.sub("<a [^>]*>|</a>", "", page)
    assert "7 of 12 calls" in page and "$0.0700" in page and str(talk.pk) in page
    assert ">2</a> of 12 calls" in client.get(f"{path}?budget=10").content.decode()
    assert ">7</a> of 12 calls" in client.get(f"{path}?budget=x").content.decode()
    told = client.get(f"{path}?form=json&of=spread").json()
    assert {row["calls of one tool"]: row["conversations"] for row in told["rows"]}["10–19"] == 1
