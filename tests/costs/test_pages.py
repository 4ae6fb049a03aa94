"""The pages of cost, latency, conduct and models answer, with and without data."""

from __future__ import annotations

import pytest

from tests.costs.world import fill
from tests.factories import client_of, make_people

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
