"""The pages of cost, latency, conduct and models answer, with and without data."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tests.costs.world import add_turn, compute, fill
from tests.factories import client_of, make_conversation, make_people

PAGES = (
    "cost",
    "latency",
    "conduct",
    "models",
    "cost/repricing",
    "cost/exports",
    "cost/budgets/add",
)


@pytest.mark.django_db
@pytest.mark.parametrize("filled", [False, True])
def test_every_page_answers_with_and_without_data(filled: bool) -> None:
    people = make_people()
    if filled:
        fill(people.project)
    client = client_of(people.alice)
    for page in PAGES:
        for query in ("", "?range=30d&compare=1", "?range=1h&q=tool:get_weather", "?q=model:a*"):
            address = f"/p/{people.project.slug}/analytics/{page}/{query}"
            answer = client.get(address)
            assert answer.status_code == 200, address


@pytest.mark.django_db
def test_who_costs_most_leads_to_the_turns_counted_though_hours_are_whole() -> None:
    people, now = make_people(), timezone.now()
    talk = make_conversation(people.project, source="api")
    for minutes in range(1, 125, 4):
        at = now - timedelta(minutes=minutes)
        add_turn(talk, at, user="u_1", tags=["app:web"], cost=Decimal("0.01"))
    compute()
    client = client_of(people.vera)
    page = client.get(f"/p/{people.project.slug}/analytics/cost/?range=1h").content.decode()
    assert "the dearest in whole hours" in page
    rows = re.findall(
        r'href="([^"]+)">(?:u_1|app:web)</a></td>.*?hide-s">(\d+)</td>', page, re.DOTALL
    )
    assert len(rows) == 2
    for link, turns in rows:
        assert len(client.get(html.unescape(link)).context["rows"]) == int(turns)
    page = client.get(f"/p/{people.project.slug}/analytics/cost/?range=7d").content.decode()
    assert "whole hours" not in page


@pytest.mark.django_db
def test_what_has_no_price_is_counted_and_never_zero() -> None:
    people, at = make_people(), timezone.now() - timedelta(minutes=90)
    talk = make_conversation(people.project, source="api")
    wrong = {"name": "pay", "codes": ["wrong_type"]}
    for model, cost in (("unknown-model", None), ("gpt-4o", Decimal("0.02"))):
        add_turn(talk, at, [wrong], model=model, cost=cost, user=model)
    compute()
    client = client_of(people.vera)

    def read(page: str) -> str:
        text = client.get(f"/p/{people.project.slug}/{page}").content.decode()
        return re.sub(r"\s+", " ", html.unescape(re.sub("<[^>]+>", " ", text)))

    page = read("analytics/cost/?range=24h&q=model:unknown-model")
    assert "No cost is known in this time" in page and "1 turn unpriced" in page
    assert "$0.00" not in page.split("Over time")[0]
    assert "unknown-model – 1 – – 1" in read("analytics/cost/?range=24h")
    assert "1 of the turns have no price" in read("analytics/conduct/?range=24h")
    overview = read("?q=model:unknown-model")
    assert (
        "$0.00" not in overview
        and "1 misfire without a price" in overview
        or at.day != (timezone.now().day)
    )
