"""Pages of what a filter finds: newest first, by key, and bounded in time.

The newest rows are read in order; what they do not fill is looked up in stretches of time that
grow, so that each holds few matches. When the time is up, what was found stands, and the page
says how far back it read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg.errors import QueryCanceled

from console.accounts.models import Project
from console.lib import uuid7
from conversations.search.asked import Side
from conversations.search.fields import Kind
from conversations.search.names import find_names
from conversations.search.query import Query, read_times
from conversations.search.sql import Finder, Statement

SIZE = 50
BUDGET = 2.0
"""Seconds that one page may read."""
WALK = 5000
"""Rows that are read in order before the index is asked; with words, that it is asked of first."""
WALK_WORDS = 2000
GROWTH = 4
MOST = 2000
"""Matches that one look-up fetches; a stretch that has more is parted."""
PARTS = 4
_SHORTEST = 1 << 86
"""Of a stretch that can be parted: 64 ms."""
_LAST = UUID(int=(1 << 128) - 1)
_TABLES = {
    "calls": "conversations_toolcall",
    "turns": "conversations_turn",
    "conversations": "conversations_turn",
}


@dataclass(frozen=True, slots=True)
class Hit:
    """A matching call or turn, and its conversation."""

    id: UUID
    conversation: UUID


@dataclass(slots=True)
class Found:
    """Matches, newest first. ``older`` goes on after them; None where nothing is left.

    ``reached`` is how far back was read when the time was up; None where it was not.
    """

    hits: list[Hit] = field(default_factory=list)
    older: UUID | None = None
    reached: datetime | None = None


class _TimeUp(Exception):
    pass


def find(
    project: Project,
    query: Query,
    kind: Kind,
    *,
    before: UUID | None = None,
    since: UUID | None = None,
    size: int = SIZE,
    budget: float = BUDGET,
    now: datetime | None = None,
) -> Found:
    """The newest ``size`` matches with keys below ``before`` and above ``since``."""
    reader = _Reader(project, query, kind, time.monotonic() + budget)
    low, high = _bounds(query, now or timezone.now())
    if since is not None:
        low = max(low, UUID(int=min(since.int + 1, _LAST.int)))
    return reader.read(low, high, before, size)


def find_counted(
    project: Project, query: Query, kind: Kind, *, size: int, most: int, budget: float
) -> tuple[list[Hit], int, bool]:
    """The newest ``size`` matches; how many there are, up to ``most``; whether there are, or may
    be, more than that."""
    reader = _Reader(project, query, kind, time.monotonic() + budget)
    low, high = _bounds(query, timezone.now())
    found = reader.read(low, high, None, size)
    count = len(found.hits)
    if found.older is None or found.reached:
        return found.hits, count, found.older is not None
    more, is_more = reader.count_on(low, found, most - count)
    return found.hits, count + more, is_more


def read_in_order(
    project: Project,
    query: Query,
    kind: Kind,
    columns: str,
    *,
    before: UUID | None,
    size: int,
    budget: float,
    now: datetime,
) -> list[tuple[Any, ...]] | None:
    """Columns of the newest ``size`` matches below ``before``, read row by row: the quickest way
    where much matches. None where that is not so, or ``budget`` seconds do not suffice."""
    reader = _Reader(project, query, kind, time.monotonic() + budget)
    low, high = _bounds(query, now)
    return reader.walk_columns(low, min(high, before or high), size, columns)


def count_matches(
    project: Project, query: Query, kind: Kind, *, budget: float, now: datetime
) -> int | None:
    """How many matches there are in all; None where ``budget`` seconds do not suffice."""
    reader = _Reader(project, query, kind, time.monotonic() + budget)
    return reader.count(*_bounds(query, now))


def _bounds(query: Query, now: datetime) -> tuple[UUID, UUID]:
    """The keys of the times that the filter names."""
    first, last = read_times(query, now)
    return _key(first) if first else UUID(int=0), _key(last) if last else _LAST


def _key(at: datetime) -> UUID:
    """The least key of a time; times that no key can have are the first or the last."""
    try:
        return uuid7.floor(at)
    except ValueError:
        return UUID(int=0) if at.year < 1971 else _LAST


class _Reader:
    """One reading of one filter, until ``deadline`` (of the monotonic clock)."""

    def __init__(self, project: Project, query: Query, kind: Kind, deadline: float) -> None:
        self.project, self.kind, self.deadline = project, kind, deadline
        self.finder = Finder(query, kind, project.pk, find_names(project, query))
        self.seen: set[UUID] = set()
        self.shown: tuple[UUID, UUID] | None = None
        """The keys that the pages before this one went through."""

    def read(self, low: UUID, high: UUID, before: UUID | None, size: int) -> Found:
        found = Found()
        self.shown = (before, high) if before is not None else None
        reached = min(high, before or high)
        try:
            for first, last, ordered in self._stretches(low, reached):
                reached = last
                self._read_stretch(first, last, ordered, size + 1, found.hits)
                if len(found.hits) > size:
                    del found.hits[size:]
                    found.older = found.hits[-1].id
                    return found
        except _TimeUp:
            found.older, found.reached = reached, _time_of(reached)
        return found

    def walk_columns(
        self, low: UUID, high: UUID, size: int, columns: str
    ) -> list[tuple[Any, ...]] | None:
        if self.finder.has_words:
            return None
        try:
            return self._run(self.finder.walk(low, high, size, columns))
        except _TimeUp:
            return None

    def count(self, low: UUID, high: UUID) -> int | None:
        try:
            ends = self._ends(low, high)
            return int(self._run(self.finder.count(*ends))[0][0]) if ends else 0
        except _TimeUp:
            return None

    def count_on(self, low: UUID, found: Found, most: int) -> tuple[int, bool]:
        """How many more there are after what was found, up to ``most``; are there others?"""
        count, seen = 0, {str(hit.conversation) for hit in found.hits}
        shown, high = len(seen), found.hits[-1].id
        try:
            ends = self._ends(low, high)
            for first, last in self._grow(
                ends[0] if ends else high, high, found.hits[0].id.int - high.int
            ):
                if self.kind != "conversations":
                    count += self._run(self.finder.tally(first, last, most + 1 - count))[0][0]
                else:
                    self._gather(first, last, shown + most, seen)
                    count = len(seen) - shown
                if count > most:
                    return most, True
        except _TimeUp:
            return count, True
        return count, False

    def _gather(self, first: UUID, last: UUID, most: int, seen: set[str]) -> None:
        """Add the conversations of the stretch that match, until more than ``most`` are seen."""
        stretches = [(first, last)]
        while stretches and len(seen) <= most:
            low, high = stretches.pop()
            rows = self._run(self.finder.gather(low, high, 2 * most))
            seen |= {row[0] for row in rows}
            if sum(row[1] for row in rows) == 2 * most and high.int - low.int > _SHORTEST:
                stretches += _part(low, high)

    def _read_stretch(
        self, first: UUID, last: UUID, ordered: bool, size: int, hits: list[Hit]
    ) -> None:
        """Add the stretch's matches up to ``size``; of a conversation its newest, and that once."""
        for fresh in self._walk(first, last, size) if ordered else self._look_up(first, last, size):
            if self.kind == "conversations":
                fresh = self._not_yet_shown(fresh)
            hits += fresh[: size - len(hits)]
            if len(hits) >= size:
                return

    def _walk(self, first: UUID, last: UUID, size: int) -> Iterator[list[Hit]]:
        most = size * (3 if self.kind == "conversations" else 1)
        while True:
            rows = self._run(self.finder.walk(first, last, most))
            yield [Hit(*row) for row in rows]
            if len(rows) < most:
                return
            last = rows[-1][0]

    def _look_up(self, first: UUID, last: UUID, size: int) -> Iterator[list[Hit]]:
        """What the index names; where that is too much, the newest part of the stretch first."""
        most, stretches = max(MOST, 2 * size), [(first, last)]
        if self.finder.has_choice and self.finder.driver is None:
            self.finder.driver = self._choose_driver(first, last)
        while stretches:
            low, high = stretches.pop()
            rows = self._run(self.finder.look_up(low, high, most + 1))
            if len(rows) <= most:
                yield [Hit(*row) for row in rows]
            elif high.int - low.int > _SHORTEST:
                stretches += _part(low, high)
            else:
                yield from self._walk(low, high, size)

    def _choose_driver(self, first: UUID, last: UUID) -> Side:
        """The side that is expected to have fewer rows."""
        return min(self.finder.sides, key=lambda side: self._expect(side, first, last))

    def _expect(self, side: Side, first: UUID, last: UUID) -> int:
        """How many rows the planner expects of one side."""
        plan = self._run(self.finder.estimate(side, first, last))[0][0]
        return int(plan[0]["Plan"]["Plan Rows"])

    def _not_yet_shown(self, hits: list[Hit]) -> list[Hit]:
        """Without the conversations that this page or one before it has shown."""
        newest: dict[UUID, Hit] = {}
        for hit in hits:
            if hit.conversation not in self.seen:
                newest.setdefault(hit.conversation, hit)
        fresh = list(newest.values())
        self.seen |= set(newest)
        if not fresh or self.shown is None:
            return fresh
        statement = self.finder.shown_before([hit.conversation for hit in fresh], *self.shown)
        earlier = {row[1] for row in self._run(statement)}
        return [hit for hit in fresh if hit.conversation not in earlier]

    def _ends(self, low: UUID, high: UUID) -> tuple[UUID, UUID] | None:
        """The stretch that has rows at all: its first key, and the key after its last."""
        table = _TABLES[self.kind]
        within = f"FROM {table} WHERE project_id = %s AND id >= %s AND id < %s ORDER BY id"
        values = [self.project.pk, low, high]
        newest = self._run(Statement(f"SELECT id {within} DESC LIMIT 1", values))
        if not newest:
            return None
        oldest = self._run(Statement(f"SELECT id {within} LIMIT 1", values))
        after = UUID(int=newest[0][0].int + 1)
        return oldest[0][0], min(high, after)

    def _stretches(self, low: UUID, high: UUID) -> Iterator[tuple[UUID, UUID, bool]]:
        """Stretches from the newest row to the oldest, and whether they are read in order."""
        ends = self._ends(low, high)
        if ends is None:
            return
        oldest, newest = ends
        by_words, indexed = self.finder.has_words, self.finder.is_indexed
        edge = self._edge(oldest, newest, WALK_WORDS if by_words else WALK)
        yield edge, newest, not by_words
        for first, last in self._grow(oldest, edge, newest.int - edge.int):
            yield first, last, not indexed

    def _grow(self, oldest: UUID, edge: UUID, length: int) -> Iterator[tuple[UUID, UUID]]:
        """Stretches from ``edge`` down to the oldest, each longer than the one before it."""
        length = max(length, 1 << 90)
        while edge > oldest:
            length *= GROWTH
            first = max(oldest, _down_to_millisecond(edge.int - length))
            yield first, edge
            edge = first

    def _edge(self, oldest: UUID, newest: UUID, rows: int) -> UUID:
        """The key that so many rows lie above."""
        table = _TABLES[self.kind]
        sql = (
            f"SELECT id FROM {table} WHERE project_id = %s AND id >= %s AND id < %s"
            " ORDER BY id DESC OFFSET %s LIMIT 1"
        )
        found = self._run(Statement(sql, [self.project.pk, oldest, newest, rows]))
        return _down_to_millisecond(found[0][0].int) if found else oldest

    def _run(self, statement: Statement) -> list[tuple[Any, ...]]:
        left = int((self.deadline - time.monotonic()) * 1000)
        if left <= 0:
            raise _TimeUp
        # One message, which is a transaction of its own where there is none around it.
        sql = f"SET LOCAL statement_timeout = {left:d}; {statement.sql}"
        around = transaction.atomic() if connection.in_atomic_block else nullcontext()
        try:
            with around, connection.cursor() as cursor:
                cursor.execute(f"{sql}; SET LOCAL statement_timeout TO DEFAULT", statement.values)
                cursor.nextset()
                rows: list[tuple[Any, ...]] = cursor.fetchall()
                return rows
        except OperationalError as error:
            if isinstance(error.__cause__, QueryCanceled):
                raise _TimeUp from error
            raise


def _part(low: UUID, high: UUID) -> list[tuple[UUID, UUID]]:
    """The stretch in parts, the newest last."""
    step = (high.int - low.int) // PARTS
    edges = [_down_to_millisecond(low.int + step * part) for part in range(1, PARTS)]
    ends = [low, *edges, high]
    return list(zip(ends, ends[1:], strict=False))


def _time_of(key: UUID) -> datetime:
    now = timezone.now()
    return min(uuid7.time(key), now) if key < uuid7.floor(now) else now


def _down_to_millisecond(number: int) -> UUID:
    return UUID(int=max(0, number) >> 80 << 80)
