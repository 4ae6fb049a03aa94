"""What a metric was in short slices of time, from the turns and calls themselves.

A slice's rows are read by key, newest first, and no more than ``MOST`` of them: what it costs to
look at a rule is bounded whatever is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from analytics.alerts.rules import Reading
from analytics.alerts.watched import Watched
from console.accounts.models import Project
from console.lib import uuid7
from conversations.search.query import BadQuery, Query, parse
from conversations.search.reading import find_names
from conversations.search.sql import Finder

MOST = 200_000
"""Rows that one statement reads."""
_FIRST_STRETCH, _LONGEST_STRETCH = timedelta(days=1), timedelta(days=8)
_MILLISECONDS = "('x' || left(id::text, 8) || substr(id::text, 10, 4))::bit(48)::bigint"

Slices = dict[int, tuple[float, int]]
"""What was counted or summed, and of how many rows, by the number of the slice."""


class TooMuch(Exception):
    """The rows could not be read in the time that a look has; the text says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "There is more to read than one look has time for. Shorten the window, or narrow the"
            " filter to a tool, model or environment."
        )


@dataclass(slots=True)
class Sliced:
    """Slices of ``seconds`` each, numbered from ``origin``: slice n begins n lengths after it.
    ``is_full`` says that there were more rows than ``MOST``; the oldest are left out."""

    origin: datetime
    seconds: float
    slices: Slices = field(default_factory=dict)
    is_full: bool = False

    def reading(self, first: int, last: int) -> Reading:
        """Slices ``first`` to before ``last``, together."""
        part, base = 0.0, 0
        for number in range(first, last):
            more, rows = self.slices.get(number, (0.0, 0))
            part, base = part + more, base + rows
        return Reading(part, base, self.seconds * (last - first))


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


def read_slices(
    project: Project,
    watched: Watched,
    query: Query,
    since: datetime,
    count: int,
    seconds: float,
    *,
    timeout: float,
) -> Sliced:
    """``count`` slices of ``seconds`` from ``since`` on. Raises ``TooMuch`` after ``timeout``."""
    finder = Finder(query, watched.kind, project.pk, find_names(project, query))
    until = since + timedelta(seconds=seconds * count)
    inner = finder.walk(uuid7.floor(since), uuid7.floor(until), MOST, watched.columns)
    sql = (
        f"SELECT ({_MILLISECONDS} - %s) / %s, {watched.part}, count(*)"
        f" FROM ({inner.sql}) AS held GROUP BY 1"
    )
    origin = uuid7.floor(since).int >> 80
    rows = _run(sql, [origin, round(seconds * 1000), *inner.values], timeout)
    slices = {int(number): (float(part), int(base)) for number, part, base in rows}
    is_full = sum(base for _, base in slices.values()) >= MOST
    return Sliced(since, seconds, slices, is_full)


def check_whole(watched: Watched, held: Sliced) -> None:
    """A share is that of the newest rows, where there are more than are read; a count or sum would
    be too small. Raises ``TooMuch``."""
    if held.is_full and watched.unit != "percent":
        raise TooMuch


def _run(sql: str, values: list[Any], timeout: float) -> list[tuple[Any, ...]]:
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


@dataclass(slots=True)
class Minutes:
    """Counts by the minute since 1970, complete from ``reached`` on."""

    counts: dict[int, tuple[float, int]]
    reached: datetime


def read_minutes(
    project: Project,
    watched: Watched,
    query: Query,
    since: datetime,
    until: datetime,
    *,
    budget: float,
) -> Minutes:
    """Every minute from ``since`` to ``until`` (both whole minutes), the newest first, as far back
    as ``budget`` seconds reach."""
    deadline = monotonic() + budget
    found, end, length = Minutes({}, until), until, _FIRST_STRETCH
    while end > since and (left := deadline - monotonic()) > 0:
        start = max(since, end - length)
        count = round((end - start).total_seconds() / 60)
        try:
            held = read_slices(project, watched, query, start, count, 60, timeout=left)
        except TooMuch:
            break
        if held.is_full and len(held.slices) > 1:
            start += timedelta(minutes=min(held.slices) + 1)
            del held.slices[min(held.slices)]
        first = round(held.origin.timestamp()) // 60
        found.counts |= {first + number: counts for number, counts in held.slices.items()}
        found.reached = end = start
        length = min(length * 2, _LONGEST_STRETCH)
    return found
