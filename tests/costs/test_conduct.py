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


@pytest.mark.parametrize(
    ("calls", "bars"),
    [
        ((), [(1, 0), (2, 0), (3, 0), (4, 0), (5, 0)]),
        ((10, 4, 2, 2, 2, 1, 1), [(1, 10), (2, 4), (3, 2), (4, 2), (5, 2), (7, 1)]),
        ((0, 0, 3), [(1, 0), (2, 0), (3, 3), (4, 0), (5, 0)]),
    ],
)
def test_conversations_are_counted_by_what_they_came_to(
    calls: tuple[int, ...], bars: list[tuple[int, int]]
) -> None:
    assert _ranks(*calls).reached() == bars


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
    assert f'/conversations/{talk.pk}/" title="{talk.pk}">' in page
    page = re.sub("<a [^>]*>|</a>", "", page)
    assert "7 of 12 calls" in page and "$0.0700" in page and f"…{str(talk.pk)[-12:]}" in page
    assert ">2</a> of 12 calls" in client.get(f"{path}?budget=10").content.decode()
    assert ">7</a> of 12 calls" in client.get(f"{path}?budget=x").content.decode()
    told = client.get(f"{path}?form=json&of=spread").json()
    assert {row["calls of one tool"]: row["conversations"] for row in told["rows"]}["10+"] == 1


@pytest.mark.django_db
def test_every_mark_leads_to_the_calls_that_it_counts() -> None:
    people = make_people()
    at, client = timezone.now() - timedelta(hours=5), client_of(people.vera)
    for calls in (1, 1, 2, 6, 11):
        talk = make_conversation(people.project, source="api")
        for number in range(calls):
            # Some are from before the time.
            when = at + timedelta(minutes=number) - timedelta(days=number < calls - 8)
            called = [{"name": "get_weather"}, {"name": "get_time"}][: 1 + (number == 1)]
            add_turn(talk, when, called, cost=Decimal("0.01"))
    compute()
    page = client.get(
        f"/p/{people.project.slug}/analytics/conduct/?range=24h&compare=1"
    ).content.decode()
    cells = re.findall(r'<a href="([^"]*nth%3A\d+[^"]*)">(\d+)</a>', page)
    assert len(cells) == 10
    for link, number in cells:
        found = client.get(html.unescape(link))
        assert len(found.context["rows"]) == int(number), link
    told = client.get(
        f"/p/{people.project.slug}/analytics/conduct/?range=24h&form=json&of=spread"
    ).json()
    assert [row["conversations"] for row in told["rows"]] == [6, 2, 1, 2, 2, 1, 1]
