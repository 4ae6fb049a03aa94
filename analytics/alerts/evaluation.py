"""Looking at rules: what is due is claimed, measured on the newest calls, and acted upon.

Each look counts up to this very second, so that a minute need not be over, nor any rollup made,
before it is seen. A rule is claimed by moving its ``due_at``: of several workers one looks.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from time import monotonic

from django.core.cache import cache
from django.utils import timezone

from analytics.alerts import telling
from analytics.alerts.budgeting import read_budget
from analytics.alerts.preview import HOUR, past_hours, read_past
from analytics.alerts.readings import (
    Asked,
    Sliced,
    TooMuch,
    read_hours,
    read_rows,
    read_stretch,
)
from analytics.alerts.records import AlertRule
from analytics.alerts.rules import WEEKS, Measured, Reading, Rule, find_start, measure
from conversations.search.query import BadQuery

logger = logging.getLogger(__name__)
EVERY = 10
"""Seconds from one look at a rule to the next, for windows up to ten minutes."""
_LONGEST_WAIT = 60
_TIMEOUT = 5.0
_BACK = 900
"""Seconds before the window that are read too, to say when it began."""
_KEPT = 2 * HOUR


def evaluate_due(now: datetime | None = None) -> int:
    """Look at every rule that is due; how many. What fails with one does not keep the others."""
    now = now or timezone.now()
    looked = 0
    for pk in AlertRule.objects.filter(enabled=True, due_at__lte=now).values_list("pk", flat=True):
        if not _claim(pk, now):
            continue
        try:
            evaluate(pk, now)
        except Exception:
            logger.exception("The alert rule %s could not be looked at", pk)
            _fail(pk, now, "It could not be looked at; the log of the worker says why.")
        looked += 1
    return looked


def _claim(pk: int, now: datetime) -> bool:
    rows = AlertRule.objects.filter(pk=pk, enabled=True, due_at__lte=now)
    window = rows.values_list("window", flat=True).first()
    if window is None:
        return False
    wait = min(max(EVERY, window / 60), _LONGEST_WAIT)
    # A beat that comes a little early must not skip a look.
    return bool(rows.update(due_at=now + timedelta(seconds=wait - 1)))


def evaluate(pk: int, now: datetime) -> None:
    """One look at one rule."""
    row = AlertRule.objects.select_related("project", "budget__project").get(pk=pk)
    try:
        measured, began = take_measure(row, now)
    except (TooMuch, BadQuery) as error:
        _fail(pk, now, str(error))
        return
    telling.apply(pk, measured, began, now)


def _fail(pk: int, now: datetime, error: str) -> None:
    AlertRule.objects.filter(pk=pk).update(error=error[:300], looked_at=now)


def take_measure(row: AlertRule, now: datetime) -> tuple[Measured, datetime]:
    """What the window shows now, and when what it shows began. Raises TooMuch, BadQuery."""
    rule = row.rule
    if row.budget:
        reading = read_budget(row.budget, now)
        return measure(rule, reading), now - timedelta(seconds=rule.window)
    asked, deadline = row.asked, monotonic() + _TIMEOUT
    seconds = max(5, rule.window // 30)
    inside, before = rule.window // seconds, min(rule.window, _BACK) // seconds
    begins = now - timedelta(seconds=rule.window)
    held = Sliced(begins - timedelta(seconds=seconds * before), seconds)
    if rule.window > HOUR:
        read_rows(asked, held, held.origin, begins, deadline)
        read_stretch(asked, held, begins, now, deadline)
    else:
        read_rows(asked, held, held.origin, now, deadline)
    past = _read_past(row, asked, now) if rule.basis == "past" else []
    return measure(rule, held.reading(before, before + inside), past), _find_start(rule, held, now)


def _find_start(rule: Rule, held: Sliced, now: datetime) -> datetime:
    count = round((now - held.origin).total_seconds() / held.seconds)
    slices = [(float(n), held.reading(n, n + 1)) for n in range(count)]
    first = find_start(rule, slices)
    if first is None:
        return now - timedelta(seconds=rule.window)
    return held.origin + timedelta(seconds=first * held.seconds)


def _read_past(row: AlertRule, asked: Asked, now: datetime) -> list[Reading]:
    """The same hour in the weeks before; hours that are over are read once."""
    rule, end = row.rule, now.timestamp()
    readings = []
    for week in range(1, WEEKS + 1):
        first, count = past_hours(rule, end, week)
        key = f"alert-past:{row.pk}:{row.changed_at.timestamp():.0f}:{first}:{count}"
        hours = cache.get(key)
        if hours is None:
            hours = read_hours(asked, first, count, monotonic() + _TIMEOUT)
            cache.set(key, hours, _KEPT)
        readings.append(read_past(rule, hours, end, week))
    return readings
