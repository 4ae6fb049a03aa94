"""Budgets with how they stand, read from the rollups: for the Cost page and for alerts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from analytics import forecast
from analytics.budgets.records import Budget
from analytics.budgets.standing import Standing
from analytics.costs.figures import Spent, read_days, read_spent, total
from analytics.filters import Filter, read_filter
from analytics.forecast import Forecast
from analytics.spans import DAY, Span, after, floor
from console.accounts.models import Project
from conversations.search.query import BadQuery


def read_standings(project: Project, now: datetime) -> list[tuple[Budget, Standing]]:
    """Every budget of the project with how it stands, by name. One whose filter no longer reads,
    as its version is gone, counts nothing."""
    rows = Budget.objects.filter(project=project).order_by("name")
    return [(row, read_standing(row, now)) for row in rows]


def read_standing(budget: Budget, now: datetime) -> Standing:
    """How one budget stands now."""
    since, until = period_of(budget.period, now)
    try:
        kept = read_filter(budget.project, budget.query)
    except BadQuery:
        return Standing(budget.amount, budget.threshold, Decimal(0), since, until)
    if budget.period == "month":
        days = read_past(budget.project, kept, now)
        spent, foreseen = add_up(days, since), foresee(days, now)
    else:
        spent, foreseen = spent_since(budget.project, kept, since, now), None
    return Standing(
        budget.amount, budget.threshold, spent.cost, since, until, foreseen, spent.unpriced
    )


def period_of(period: str, now: datetime) -> tuple[datetime, datetime]:
    """The first moments of the period that is going on and of the next one, UTC."""
    if period == "day":
        start = floor(now, DAY)
        return start, start + timedelta(days=1)
    return forecast.month_of(now)


def spent_since(project: Project, kept: Filter, since: datetime, now: datetime) -> Spent:
    """What was spent from the first moment of a day until now."""
    span = Span(since, after(floor(now, DAY), DAY), DAY)
    return total(read_spent(project, kept, span))


def read_past(project: Project, kept: Filter, now: datetime) -> dict[date, Spent]:
    """The days that a forecast is made of, those of this month among them."""
    return read_days(project, kept, now, forecast.HISTORY + 31)


def add_up(days: Mapping[date, Spent], since: datetime) -> Spent:
    """What ``spent_since`` reads, out of days that are read already and reach back as far."""
    whole = Spent()
    for day, one in days.items():
        if day >= since.date():
            whole.add(one)
    return whole


def foresee(days: Mapping[date, Spent], now: datetime) -> Forecast | None:
    """The forecast of this month by what ``read_past`` says; None where too few days are known."""
    try:
        return forecast.foretell({day: float(one.cost) for day, one in days.items()}, now)
    except ValueError:
        return None
