"""A budget's state is of what is spent, its threshold, and where the month will end."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from analytics.budgets.reading import read_standings
from analytics.budgets.records import Budget
from analytics.budgets.standing import Standing
from analytics.forecast import Forecast
from tests.alerts.making import make_rule
from tests.costs.world import fill, sum_calls, sum_turns
from tests.factories import client_of, make_people, make_project

_SINCE, _UNTIL = datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)


def _forecast(expected: float) -> Forecast:
    return Forecast(0, expected, expected - 1, expected + 1, 20, False)


@pytest.mark.parametrize(
    ("spent", "expected", "state"),
    [
        ("10", None, "ok"),
        ("79.99", None, "ok"),
        ("80", None, "warning"),
        ("100", None, "warning"),
        ("100.01", None, "over"),
        ("10", 99.0, "ok"),
        ("10", 101.0, "warning"),
    ],
)
def test_its_state(spent: str, expected: float | None, state: str) -> None:
    foreseen = None if expected is None else _forecast(expected)
    now = Standing(Decimal(100), 80, Decimal(spent), _SINCE, _UNTIL, foreseen)
    assert now.state == state


@pytest.mark.django_db
def test_it_counts_what_its_filter_finds_in_its_period() -> None:
    project = make_project()
    fill(project, days=1)
    from django.utils import timezone

    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    Budget.objects.create(project=project, name="all", period="day", amount=1)
    Budget.objects.create(project=project, name="one", period="day", amount=1, query="model:gpt-4o")
    Budget.objects.create(project=project, name="gone", amount=1, query="model:none")
    whole, gone, one = (now for _, now in sorted(
        read_standings(project, timezone.now()), key=lambda pair: pair[0].name
    ))  # fmt: skip
    assert whole.spent == sum_turns(project, at__gte=today) + sum_calls(project, at__gte=today)
    assert one.spent == sum_turns(project, at__gte=today, model="gpt-4o") + sum_calls(
        project, at__gte=today, model="gpt-4o"
    )
    assert gone.spent == 0


@pytest.mark.django_db
def test_it_is_set_changed_and_deleted_on_its_page() -> None:
    people = make_people()
    path = f"/p/{people.project.slug}/analytics/cost/budgets/"
    client = client_of(people.bob)
    given = {"name": "Spring", "amount": "100", "period": "month", "threshold": "80", "query": ""}
    for wrong, told in (
        ({"amount": "0"}, "more than zero"),
        ({"amount": "-5"}, "more than zero"),
        ({"amount": "0.001"}, "decimal places"),
        ({"threshold": "0"}, "from 1 to 100"),
        ({"query": "nonsense:x"}, "nonsense"),
        ({"query": "user:u1"}, "Filter calls by other fields"),
        ({"name": ""}, "required"),
    ):
        answer = client.post(f"{path}add/", given | wrong)
        assert answer.status_code == 422 and told in answer.content.decode(), wrong
    assert client.post(f"{path}add/", given | {"query": "model:gpt-4o"}).status_code == 302
    assert client.post(f"{path}add/", given).status_code == 422
    budget = Budget.objects.get()
    assert "Spring" in client.get(f"/p/{people.project.slug}/analytics/cost/").content.decode()
    assert client.post(f"{path}{budget.pk}/", given | {"amount": "7.50"}).status_code == 302
    budget.refresh_from_db()
    assert (budget.amount, budget.query) == (Decimal("7.50"), "")
    rule = make_rule(people.project, name="Spring is spent", metric="budget_used", budget=budget)
    page = client.get(f"{path}{budget.pk}/").content.decode()
    assert f"/alerts/{rule.pk}/" in page and "goes with it, with its history" in page
    assert client_of(people.rita).post(f"{path}{budget.pk}/delete/").status_code == 403
    assert client_of(people.charlie).get(f"{path}{budget.pk}/").status_code == 404
    client.post(f"{path}{budget.pk}/delete/")
    assert not Budget.objects.exists()
