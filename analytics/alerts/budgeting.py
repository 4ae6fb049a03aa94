"""Budgets as alerts see them: how much of one is spent, now and at the end of each hour before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from analytics.alerts.rules import Measured, Reading, Rule, measure
from analytics.budgets.reading import period_of, spent_since
from analytics.budgets.records import Budget
from analytics.costs.figures import read_spent
from analytics.filters import read_filter
from analytics.spans import HOUR, Span, after, floor


def read_budget(budget: Budget, now: datetime) -> Reading:
    """What is spent in the period that goes on, of the whole budget, in cents. Raises BadQuery
    where its filter no longer reads."""
    since, _ = period_of(budget.period, now)
    kept = read_filter(budget.project, budget.query)
    spent = spent_since(budget.project, kept, since, now)
    return _tell(budget, spent.cost, since, now)


def slide_budget(
    budget: Budget, rule: Rule, since: datetime, until: datetime
) -> Iterator[tuple[int, Measured]]:
    """How it stood at the end of each hour from ``since`` to ``until``, by that minute since
    1970; the last hour ends with ``until``. Raises BadQuery."""
    begins, ends = period_of(budget.period, since)
    kept = read_filter(budget.project, budget.query)
    span = Span(begins, after(floor(until, HOUR), HOUR), HOUR)
    by_hour = read_spent(budget.project, kept, span, [("start",)])[("start",)]
    spent = Decimal(0)
    for hour in span.starts:
        if hour >= ends:
            (begins, ends), spent = period_of(budget.period, hour), Decimal(0)
        if held := by_hour.get((hour,)):
            spent += held.cost
        end = min(hour + timedelta(hours=1), until)
        if end > since:
            minute = round(end.timestamp()) // 60
            yield minute, measure(rule, _tell(budget, spent, begins, end))


def _tell(budget: Budget, spent: Decimal, since: datetime, until: datetime) -> Reading:
    seconds = max(1.0, (until - since).total_seconds())
    return Reading(float(100 * spent), round(100 * budget.amount), seconds)
