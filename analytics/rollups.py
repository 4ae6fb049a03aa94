"""Rollups kept up with the raw rows: hours that changed are computed anew, then what holds them.

Whoever changes turns or calls marks their hours (``analytics.marks``). A round takes the marks of a
quarter of a day away and computes its hours in the same transaction: it sees all that was written
before the marks it took, and what is written meanwhile leaves a mark for the next round. Two rounds
never compute one project at a time. An hour has three parts, none of which reads what another
writes: they are computed side by side, each by a connection of its own, and the marks are gone only
when all of them are written.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache as cache_of_rounds
from django.db import Error, connection, transaction
from django.utils import timezone

from analytics.costs import rollup as top_rollup
from analytics.latency.rollup import write_sketches
from analytics.records import DirtyHour, DirtyMonth
from analytics.rollup_hour import write_counts
from analytics.rollup_sql import FEW, TABLES, Table, write_longer
from analytics.spans import (
    DAY,
    FIVE,
    HOUR,
    KEPT_FEW_FIVES,
    KEPT_FIVES,
    MONTH,
    QUARTER,
    after,
    floor,
)
from console.lib import uuid7

logger = logging.getLogger(__name__)
BUDGET = 20.0
"""Seconds after which a round leaves the rest to the next one."""
_LOCK = 4_021_905
_RESTING = "rollups:resting"
_LONGER = ((QUARTER, HOUR), (DAY, QUARTER))
_REST, _LONGEST_REST = 4.0, 9.0
"""A round that does what goes on now is followed by a rest of so many times its length, at most so
many seconds: pages lag less than 15."""

# The planner knows nothing of how many rows each part of an hour has: it would sort or loop where
# it could hash.
_BY_HASH = (
    "SET LOCAL work_mem = '64MB'; SET LOCAL enable_sort = off;"
    " SET LOCAL enable_mergejoin = off; SET LOCAL enable_nestloop = off"
)
_AS_USUAL = (
    "SET LOCAL work_mem TO DEFAULT; SET LOCAL enable_sort TO DEFAULT;"
    " SET LOCAL enable_mergejoin TO DEFAULT; SET LOCAL enable_nestloop TO DEFAULT"
)


def keep_up() -> int:
    """``catch_up``, unless the last round took so long that a rest is due."""
    if cache_of_rounds.get(_RESTING):
        return 0
    started = time.monotonic()
    done = catch_up()
    rest = min(_LONGEST_REST, _REST * (time.monotonic() - started))
    if done and rest >= 1:
        cache_of_rounds.set(_RESTING, 1, rest)
    return done


def catch_up(*, seconds: float = BUDGET, now: datetime | None = None) -> int:
    """Compute what is marked, the newest first, for so long; how many hours were.

    Hours that cannot be computed stay marked and do not keep the others from it. Months are left
    to ``compute_months``.
    """
    until, done = time.monotonic() + seconds, 0
    now = now or timezone.now()
    for project, quarter in _list_marked():
        try:
            done += _compute_quarter(project, quarter, now)
        except Error:
            logger.exception("hours of project %s from %s could not be computed", project, quarter)
        if time.monotonic() >= until:
            break
    return done


def _list_marked() -> list[tuple[int, datetime]]:
    """Projects with the quarters of days in which hours are marked, the newest first."""
    marked = DirtyHour.objects.values_list("project_id", "hour").distinct()
    found = {(project, floor(hour, QUARTER)) for project, hour in marked}
    return sorted(found, key=lambda one: (one[1], one[0]), reverse=True)


def _compute_quarter(project: int, quarter: datetime, now: datetime) -> int:
    # Other connections see nothing of a caller's own transaction.
    apart = not connection.in_atomic_block
    with transaction.atomic():
        if not _take_lock(project):
            return 0
        _plan_plainly()
        hours = _take_marks(project, quarter)
        compute_hours(project, hours, now, apart=apart)
        compute_longer(project, hours)
        months = {floor(hour, MONTH) for hour in hours}
        marks = [DirtyMonth(project_id=project, start=month) for month in months]
        DirtyMonth.objects.bulk_create(marks, ignore_conflicts=True)
    return len(hours)


def compute_months() -> int:
    """Make the months anew whose days changed; how many. They are long, and few look at them, so
    that it is done every few minutes."""
    done = 0
    for project, month in DirtyMonth.objects.values_list("project_id", "start"):
        with transaction.atomic():
            if _take_lock(project):
                _plan_plainly()
                DirtyMonth.objects.filter(project_id=project, start=month).delete()
                _compute_step(project, MONTH, DAY, month)
                done += 1
    return done


def _take_lock(project: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCK, project % (1 << 31)])
        return bool(cursor.fetchone()[0])


def _plan_plainly() -> None:
    """Compiling a statement of so many parts takes longer than running it."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit = off")


def _take_marks(project: int, quarter: datetime) -> list[datetime]:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM analytics_dirtyhour WHERE project_id = %s AND hour >= %s AND hour < %s"
            " RETURNING hour",
            [project, quarter, after(quarter, QUARTER)],
        )
        return sorted({hour for (hour,) in cursor.fetchall()})


def compute_hours(project: int, hours: Sequence[datetime], now: datetime, *, apart: bool) -> None:
    """Make the rows of hours anew, and those of their five minutes where they are kept; within the
    caller's transaction, or ``apart``: its first part there, the others in their own."""
    if not apart:
        for part in _PARTS:
            part(project, hours, now)
        return
    with ThreadPoolExecutor(len(_PARTS) - 1, thread_name_prefix="rollups") as threads:
        others = [
            threads.submit(_compute_apart, number, project, hours, now)
            for number in range(1, len(_PARTS))
        ]
        _PARTS[0](project, hours, now)
    for other in others:
        other.result()


def _compute_apart(number: int, project: int, hours: Sequence[datetime], now: datetime) -> None:
    try:
        with transaction.atomic():
            _wait_for_lock(_LOCK + number, project)
            _plan_plainly()
            _PARTS[number](project, hours, now)
    finally:
        connection.close()


def _wait_for_lock(lock: int, project: int) -> None:
    """A round that was killed may have left a statement behind that is still writing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [lock, project % (1 << 31)])


def _count_hours(project: int, hours: Sequence[datetime], now: datetime) -> None:
    _write_hours(write_counts(), project, hours, now)


def _sketch_hours(project: int, hours: Sequence[datetime], now: datetime) -> None:
    _write_hours(write_sketches(), project, hours, now)


def _write_hours(statement: str, project: int, hours: Sequence[datetime], now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_BY_HASH)
        for hour in hours:
            cursor.execute(statement, _name_hour(project, hour, now))
        cursor.execute(_AS_USUAL)


def _name_hour(project: int, hour: datetime, now: datetime) -> dict[str, Any]:
    end = after(hour, HOUR)
    grains = [HOUR, FIVE] if hour > now - KEPT_FEW_FIVES else [HOUR]
    return {
        "project": project,
        "grains": grains,
        "most": grains if hour > now - KEPT_FIVES else [HOUR],
        "finest": min(grains),
        "since": hour,
        "until": end,
        "low": uuid7.floor(hour),
        "high": uuid7.floor(end),
    }


def _rank_hours(project: int, hours: Sequence[datetime], now: datetime) -> None:
    top_rollup.write_hours(project, hours)


_PARTS = (_count_hours, _sketch_hours, _rank_hours)


def compute_longer(project: int, hours: Sequence[datetime]) -> None:
    """Make the longer steps that hold these hours anew, the shorter of them first."""
    for grain, shorter in _LONGER:
        for start in sorted({floor(hour, grain) for hour in hours}):
            _compute_step(project, grain, shorter, start)


def _compute_step(project: int, grain: int, shorter: int, start: datetime) -> None:
    values: dict[str, Any] = {
        "project": project,
        "grain": grain,
        "grains": [grain],
        "shorter": shorter,
    }
    with connection.cursor() as cursor:
        cursor.execute(write_longer(), values | {"since": start, "until": after(start, grain)})
    top_rollup.write_longer(project, grain, shorter, start)


def drop_fives(now: datetime) -> int:
    """Remove the rows of five minutes that are older than they are kept; how many."""
    gone = 0
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(
                f"DELETE FROM {table.name} WHERE grain = %s AND start < %s",
                [FIVE, floor(now - _keep_fives(table) - timedelta(hours=1), HOUR)],
            )
            gone += int(cursor.rowcount)
    return gone


def _keep_fives(table: Table) -> timedelta:
    return KEPT_FEW_FIVES if table in FEW else KEPT_FIVES
