"""The month's end is foretold with a band that holds as often as it says."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from analytics.forecast import LEVEL, Forecast, foretell, month_of

NOON = datetime(2024, 2, 10, 12, tzinfo=UTC)


def _days(now: datetime, count: int, cost: float = 10.0) -> dict[date, float]:
    return {now.date() - timedelta(days=n): cost for n in range(1, count + 1)}


def test_even_days_go_on_as_they_were() -> None:
    days = _days(NOON, 20) | {NOON.date(): 5.0}
    found = foretell(days, NOON)
    assert found.spent == 9 * 10 + 5
    assert found.expected == pytest.approx(9 * 10 + 5 + 5 + 19 * 10)
    assert found.low == pytest.approx(found.expected) == found.high
    assert not found.is_weekly and found.days == 20


def test_days_of_the_week_are_told_apart_after_four_weeks() -> None:
    days = {day: 0.0 if day.weekday() >= 5 else 10.0 for day in _days(NOON, 35)}
    found = foretell(days, NOON)
    rest = [NOON.date() + timedelta(days=n) for n in range(1, 20)]
    assert found.is_weekly
    assert found.expected - found.spent == pytest.approx(
        sum(10 for day in rest if day.weekday() < 5), abs=0.01
    )


@pytest.mark.parametrize("count", [0, 1, 6])
def test_too_few_days_are_no_forecast(count: int) -> None:
    with pytest.raises(ValueError, match="too few"):
        foretell(_days(NOON, count), NOON)


def test_a_band_never_ends_below_what_is_spent() -> None:
    chance = random.Random(3)
    days = {day: chance.expovariate(1) * 100 for day in _days(NOON, 9)}
    found = foretell(days, NOON)
    assert found.low >= found.spent


def test_the_month_is_a_calendar_month_of_utc() -> None:
    assert month_of(datetime(2024, 12, 31, 23, tzinfo=UTC)) == (
        datetime(2024, 12, 1, tzinfo=UTC),
        datetime(2025, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize("history", [10, 40])
def test_the_band_holds_about_as_often_as_it_says(history: int) -> None:
    chance = random.Random(history)

    def cost(day: date) -> float:
        weekday = 1.0 if history < 28 or day.weekday() < 5 else 0.4
        return max(0.0, weekday * chance.gauss(100, 25))

    held, runs = 0, 400
    now = datetime(2024, 2, 12, tzinfo=UTC)
    for _ in range(runs):
        past = {day: cost(day) for day in _days(now, history)}
        to_come = sum(cost(now.date() + timedelta(days=n)) for n in range(18))
        found: Forecast = foretell(past, now)
        held += found.low <= found.spent + to_come <= found.high
    assert abs(held / runs - LEVEL) < 0.07


def test_it_names_its_method() -> None:
    assert "Hyndman" in foretell(_days(NOON, 10), NOON).method
