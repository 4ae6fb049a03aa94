"""What a metric was in short slices of time: of the turns and calls themselves, and of rollups.

Whole hours that are over come from the rollups, where these are up to date and divided by what the
filter asks for; everything else is counted by key, up to this very second, however much it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from analytics import filters, metrics
from analytics.alerts.rules import Reading, merge
from analytics.alerts.watched import Watched
from analytics.definitions import Metric
from analytics.filters import Filter
from analytics.records import DirtyHour
from analytics.rollup_sql import FEW
from analytics.sketch import BUCKET
from analytics.spans import FIVE, HOUR, Span, after, floor
from console.accounts.models import Project
from console.lib import uuid7
from conversations.search.names import find_names
from conversations.search.query import BadQuery, Query, parse
from conversations.search.sql import Finder

_FIRST_STRETCH, _LONGEST_STRETCH = timedelta(days=1), timedelta(days=8)
_MILLISECONDS = "('x' || left(id::text, 8) || substr(id::text, 10, 4))::bit(48)::bigint"
_COLUMNS = {
    "calls": "c.id, c.verdict, c.codes, c.status, c.latency_ms",
    "turns": "t.id, t.status, t.codes, t.cost, t.latency_ms, t.first_token_ms",
}
_NOTHING = Reading(0.0, 0, 0.0)

Stretch = tuple[datetime, datetime]


class TooMuch(Exception):
    """The rows could not be read in the time that a look has; the text says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "There is more to read than one look has time for. Shorten the window, or narrow the"
            " filter to a tool, model or environment."
        )


@dataclass(slots=True)
class Sliced:
    """Slices of ``seconds`` each, numbered from ``origin``: slice n begins n lengths after it."""

    origin: datetime
    seconds: float
    slices: dict[int, Reading] = field(default_factory=dict)

    def reading(self, first: int, last: int) -> Reading:
        """Slices ``first`` to before ``last``, together."""
        held = (self.slices.get(number, _NOTHING) for number in range(first, last))
        return merge(held, self.seconds * (last - first))

    def add(self, number: int, reading: Reading) -> None:
        known = self.slices.get(number)
        self.slices[number] = merge((known, reading), self.seconds) if known else reading


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose metric, and of which rows."""

    project: Project
    watched: Watched
    query: Query

    @property
    def of_rollups(self) -> Filter | None:
        """The filter over rollups; None where they are not divided by its fields."""
        if any(term.field not in self.watched.of.fields for term in self.query.terms):
            return None
        return filters.read_filter(self.project, self.query.text)

    @property
    def is_kept_in_fives(self) -> bool:
        """Do rollups hold its five minutes for a month?"""
        kept, measured = self.of_rollups, self.watched.of
        return (
            kept is not None
            and isinstance(measured, Metric)
            and metrics.find_table(measured, kept) in FEW
        )


def read_filter(text: str) -> Query:
    """A rule's filter. Raises ``BadQuery``, also for terms that a window of its own forbids."""
    query = parse(text)
    if times := query.of("time"):
        raise BadQuery(
            times[0].text,
            "An alert has a window of its own: leave the time out.",
            query.without(*times).text,
        )
    return query


# ---- the rows themselves


def read_rows(
    asked: Asked, held: Sliced, since: datetime, until: datetime, deadline: float
) -> None:
    """Count the rows of [since, until) into their slices. Raises ``TooMuch`` at the deadline, a
    time of ``monotonic``."""
    if since >= until:
        return
    watched = asked.watched
    names = find_names(asked.project, asked.query)
    finder = Finder(asked.query, watched.kind, asked.project.pk, names)
    rows = finder.every(uuid7.floor(since), uuid7.floor(until), _COLUMNS[watched.kind])
    origin = uuid7.floor(held.origin).int >> 80
    of_slice = f"({_MILLISECONDS} - %s) / %s"
    if isinstance(watched.of, Metric):
        sql = f"SELECT {of_slice}, {watched.of.raw}, count(*) FROM ({rows.sql}) AS held GROUP BY 1"
    else:
        column = watched.of.column
        sql = (
            f"SELECT {of_slice}, {BUCKET % column}, count(*) FROM ({rows.sql}) AS held"
            f" WHERE {column} IS NOT NULL GROUP BY 1, 2"
        )
    values = [origin, round(held.seconds * 1000), *rows.values]
    for number, value, count in _run(sql, values, deadline - monotonic()):
        if isinstance(watched.of, Metric):
            held.add(int(number), Reading(float(value), int(count), held.seconds))
        else:
            held.add(int(number), Reading(0.0, int(count), held.seconds, {int(value): int(count)}))


def _run(sql: str, values: list[Any], timeout: float) -> list[tuple[Any, ...]]:
    if timeout <= 0:
        raise TooMuch
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {max(1, round(timeout * 1000)):d}")
            cursor.execute(sql, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
            return rows
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooMuch from None
        raise


# ---- with rollups


def read_stretch(
    asked: Asked, held: Sliced, since: datetime, until: datetime, deadline: float, grain: int = FIVE
) -> None:
    """Count [since, until) into its slices, whole hours from the rollups where that can be. A step
    of the ``grain`` counts in the slice in which it begins. Raises ``TooMuch``."""
    at, kept = since, asked.of_rollups
    if kept is not None:
        for start, end in _find_settled(asked.project, since, until):
            read_rows(asked, held, at, start, deadline)
            for step, reading in _read_steps(asked, kept, Span(start, end, grain)):
                held.add(int((step - held.origin).total_seconds() // held.seconds), reading)
            at = end
    read_rows(asked, held, at, until, deadline)


def _find_settled(project: Project, since: datetime, until: datetime) -> list[Stretch]:
    """Stretches of whole hours of [since, until), none of which waits to be computed anew."""
    hour = floor(since, HOUR)
    hour = hour if hour == since else after(hour, HOUR)
    rows = DirtyHour.objects.filter(project_id=project.pk, hour__gte=hour, hour__lt=until)
    changed = set(rows.values_list("hour", flat=True))
    found: list[Stretch] = []
    while (end := after(hour, HOUR)) <= until:
        if hour not in changed:
            joins = found and found[-1][1] == hour
            found.append((found.pop()[0] if joins else hour, end))
        hour = end
    return found


def _read_steps(asked: Asked, kept: Filter, span: Span) -> Iterator[tuple[datetime, Reading]]:
    seconds, measured = span.grain * 60.0, asked.watched.of
    if isinstance(measured, Metric):
        steps = metrics.read_steps(asked.project, measured, kept, span)
        for start, (part, base) in steps.items():
            yield start, Reading(part, base, seconds)
        return
    sketches = metrics.read_latency(asked.project, measured.name, span, ("start",), kept)
    for (start,), buckets in sketches.items():
        yield start, Reading(0.0, sum(buckets.values()), seconds, buckets)


def read_hours(asked: Asked, first: int, count: int, deadline: float) -> dict[int, Reading]:
    """Whole hours by their number since 1970. Raises ``TooMuch``."""
    since = datetime.fromtimestamp(first * 3600, UTC)
    held = Sliced(since, 3600.0)
    read_stretch(asked, held, since, since + timedelta(hours=count), deadline, HOUR)
    return {first + number: reading for number, reading in held.slices.items()}


@dataclass(slots=True)
class Minutes:
    """What was, by the minute since 1970, complete from ``reached`` on. Before ``finely`` some
    minutes hold five: themselves, the last of them, and the four before."""

    readings: Mapping[int, Reading]
    reached: datetime
    finely: datetime


def read_minutes(asked: Asked, since: datetime, until: datetime, deadline: float) -> Minutes:
    """Every minute from ``since`` to ``until`` (both whole minutes), the newest first, as far back
    as the time until the deadline reaches."""
    held = Sliced(datetime.fromtimestamp(0, UTC), 60.0)
    return Minutes(held.slices, _read_back(asked, held, [(since, until)], deadline), since)


def read_fives(asked: Asked, since: datetime, until: datetime, deadline: float) -> Minutes:
    """As ``read_minutes``, but what is older than a day by five minutes from the rollups, wherever
    these hold them. ``since`` is a whole five minutes."""
    finely = floor(until - _FIRST_STRETCH, HOUR)
    if not asked.is_kept_in_fives or since >= finely:
        return read_minutes(asked, since, until, deadline)
    held = Sliced(datetime.fromtimestamp(0, UTC), 60.0)
    gaps, at = list[Stretch](), since
    for start, end in _read_whole_hours(asked, held, since, finely):
        gaps.append((at, start))
        at = end
    reached = _read_back(asked, held, [*gaps, (at, until)], deadline)
    return Minutes(held.slices, reached, finely)


def _read_whole_hours(
    asked: Asked, held: Sliced, since: datetime, until: datetime
) -> Iterator[Stretch]:
    """Put the steps of five minutes into their last minutes; the stretches that this told of."""
    kept = asked.of_rollups
    assert kept is not None
    for start, end in _find_settled(asked.project, since, until):
        steps, whole = Counter[datetime](), dict[datetime, int]()
        found = list(_read_steps(asked, kept, Span(start, end, FIVE)))
        for step, reading in found:
            steps[floor(step, HOUR)] += reading.base
        for hour, reading in _read_steps(asked, kept, Span(start, end, HOUR)):
            whole[hour] = reading.base
        lacking = {hour for hour, base in whole.items() if steps[hour] != base}
        for step, reading in found:
            if floor(step, HOUR) not in lacking:
                last = step + timedelta(minutes=FIVE - 1)
                held.add(int((last - held.origin).total_seconds() // held.seconds), reading)
        at = start
        for hour in sorted(lacking):
            if at < hour:
                yield at, hour
            at = after(hour, HOUR)
        if at < end:
            yield at, end


def _read_back(
    asked: Asked, held: Sliced, stretches: Sequence[Stretch], deadline: float
) -> datetime:
    """Count the rows of these stretches, the oldest first among them, from the newest back; where
    it came to before the deadline."""
    length = _FIRST_STRETCH
    for first, end in reversed(stretches):
        while end > first:
            start = max(first, end - length)
            try:
                read_rows(asked, held, start, end, deadline)
            except TooMuch:
                return end
            end, length = start, min(length * 2, _LONGEST_STRETCH)
    return stretches[0][0]
