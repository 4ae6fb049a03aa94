"""A rule over time that is past: when it would have alerted, and the chart of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from urllib.parse import urlencode

from django.urls import reverse

from analytics.alerts.budgeting import slide_budget
from analytics.alerts.lifecycle import Firing, simulate
from analytics.alerts.preview import HOUR, MINUTE, WEEK, Readings, at, pick_worst, slide
from analytics.alerts.readings import read_fives, read_hours, read_minutes
from analytics.alerts.records import AlertRule
from analytics.alerts.rules import WEEKS, Measured
from analytics.alerts.telling import rows_of
from analytics.alerts.wording import tell_reading
from analytics.spans import FIVE, floor, write_times
from console.accounts.models import Project
from console.lib.charts import Chart, Marker, Series, Unit
from conversations.search.query import parse

_UNITS: dict[str, Unit] = {
    "percent": "%", "count": "", "dollars": "$", "ms": "ms", "budget": "%",
}  # fmt: skip
BUDGET = 8.0
"""Seconds that one look back may read."""
_BY_MINUTE = timedelta(days=1)
"""A look back that is no longer reads every minute."""


@dataclass(frozen=True, slots=True)
class Told:
    """A firing, with its sentence and the address of its calls or turns."""

    firing: Firing
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class LookBack:
    """``since`` is how far back was read: later than asked for where the time did not suffice.
    From ``finely`` on windows were looked at each minute, before it each five minutes, where it is
    not None. ``base`` counts the calls or turns, None for a budget. ``lacks_past`` says that too
    little is stored to compare."""

    since: datetime
    until: datetime
    asked: datetime
    finely: datetime | None
    firings: Sequence[Told]
    base: int | None
    lacks_past: bool
    chart: Chart

    @property
    def is_whole(self) -> bool:
        return self.since <= self.asked


def look_back(row: AlertRule, now: datetime, length: timedelta, step: timedelta) -> LookBack:
    """The rule over the last ``length``, its chart in steps of ``step``. Raises BadQuery and
    TooMuch."""
    rule = row.rule
    until = now.replace(second=0, microsecond=0)
    asked = since = until - length
    base = finely = None
    if row.budget:
        series, step = list(slide_budget(row.budget, rule, asked, until)), timedelta(hours=1)
    else:
        since, finely, base, series = _slide(row, asked, until)
    firings = simulate(rule, ((at(end), measured) for end, measured in series))
    told = [_tell(row, firing, until) for firing in firings]
    minutes = round(step.total_seconds()) // MINUTE
    points = pick_worst(rule, series, minutes)
    return LookBack(
        since=since,
        until=until,
        asked=asked,
        finely=finely,
        firings=told[::-1],
        base=base,
        lacks_past=_lacks_past(series),
        chart=_draw(row, points, minutes, firings),
    )


def read_series(row: AlertRule, since: datetime, until: datetime) -> list[tuple[int, Measured]]:
    """What the rule's window showed at the end of minutes (by their number since 1970) that are
    past. Raises BadQuery and TooMuch."""
    if row.budget:
        return list(slide_budget(row.budget, row.rule, since, until))
    return _slide(row, since, until)[3]


def _slide(
    row: AlertRule, asked: datetime, until: datetime
) -> tuple[datetime, datetime | None, int, list[tuple[int, Measured]]]:
    """From when on there is a series, from when on of each minute, of how many rows it is, and the
    series."""
    rule, deadline = row.rule, monotonic() + BUDGET
    window = timedelta(seconds=rule.window)
    by_minute = until - asked <= _BY_MINUTE or rule.window % (FIVE * MINUTE)
    before = (asked if by_minute else floor(asked, FIVE)) - window
    hours: Readings = {}
    if rule.basis == "past":
        first = int(before.timestamp() - WEEKS * WEEK) // HOUR
        hours = read_hours(row.asked, first, int(until.timestamp()) // HOUR - first, deadline)
    read = read_minutes if by_minute else read_fives
    held = read(row.asked, before, until, deadline)
    since = held.reached + window
    finely = min(held.finely + window, until)
    begins, each, ends = (round(moment.timestamp()) // MINUTE for moment in (since, finely, until))
    base = sum(one.base for minute, one in held.readings.items() if minute >= begins)
    series = list(slide(rule, held.readings, begins, ends, hours, each))
    return since, finely if finely > since else None, base, series


def _lacks_past(series: Sequence[tuple[int, Measured]]) -> bool:
    """Was there nothing to compare with, wherever there was enough to compare?"""
    lacks = {measured.lack for _, measured in series}
    return "past" in lacks and "" not in lacks


def _tell(row: AlertRule, firing: Firing, until: datetime) -> Told:
    began = firing.start - timedelta(seconds=row.window)
    url = link_rows(row.project, row, began, firing.end or until)
    return Told(firing, tell_reading(row.watched, firing.worst), url)


def link_rows(project: Project, row: AlertRule, since: datetime, until: datetime) -> str:
    """The list of the very calls or turns that a rule counted from ``since`` to ``until``."""
    times = parse(write_times(since, max(until, since + timedelta(seconds=1)))).terms
    name = "call-list" if row.watched.kind == "calls" else "turn-list"
    query = parse(rows_of(row)).having(*times).text
    return f"{reverse(f'conversations:{name}', args=[project.slug])}?{urlencode({'q': query})}"


def _draw(
    row: AlertRule,
    points: Sequence[tuple[int, Measured]],
    minutes: int,
    firings: Sequence[Firing],
) -> Chart:
    starts = [at(minute) for minute, _ in points]
    step = timedelta(minutes=minutes)
    links = [link_rows(row.project, row, start, start + step) for start in starts]
    values = [measured.value for _, measured in points]
    lines = [
        Series(
            row.watched.label,
            values,
            color="s1",
            links=links,
            texts=[tell_reading(row.watched, measured) for _, measured in points],
        )
    ]
    if row.basis == "past":
        usual = [measured.expected for _, measured in points]
        lines.append(Series("Usual at this hour", usual, "line", color="ink-3", dashed=True))
    else:
        lines.append(_level("Alert level", row.level, len(points), "rejected-solid"))
        if row.warning is not None:
            lines.append(_level("Warning level", row.warning, len(points), "flagged-solid"))
    return Chart(
        name="alert",
        title=f"{row.watched.label}, the {'highest' if row.direction == 'above' else 'lowest'}"
        f" window of each {'hour' if minutes == 60 else f'{minutes} minutes'}, UTC",
        labels=[_label(start, minutes) for start in starts],
        series=lines,
        unit=_UNITS[row.watched.unit],
        markers=[
            Marker(
                (round(firing.start.timestamp()) // MINUTE - 1 - points[0][0]) // minutes,
                "alert",
                color="rejected-solid",
            )
            for firing in firings
        ],
        rows=[f"{start.day} {start:%b %Y, %H:%M}" for start in starts],
    )


def _level(name: str, level: float, count: int, color: str) -> Series:
    return Series(name, [level] * count, "line", color=color, dashed=True)


def _label(start: datetime, minutes: int) -> str:
    return f"{start:%H:%M}" if minutes < 60 else f"{start.day} {start:%b %H:%M}"
