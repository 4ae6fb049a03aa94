"""Rollups kept up with the raw rows: hours that changed are computed anew, then what holds them.

Whoever changes turns or calls marks their hours (``analytics.marks``). A round takes the marks of a
quarter of a day away and computes its hours in the same transaction: it sees all that was written
before the marks it took, and what is written meanwhile leaves a mark for the next round. Two rounds
never compute one project at a time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.db import Error, connection, transaction
from django.utils import timezone

from analytics.costs import rollup as top_rollup
from analytics.records import DirtyHour
from analytics.rollup_sql import TABLES, write_hour, write_longer
from analytics.spans import DAY, FIVE, HOUR, KEPT_FIVES, MONTH, QUARTER, after, floor
from console.lib import uuid7

logger = logging.getLogger(__name__)
BUDGET = 20.0
"""Seconds after which a round leaves the rest to the next one."""
_LOCK = 4_021_905
_LONGER = ((QUARTER, HOUR), (DAY, QUARTER), (MONTH, DAY))

_hour = cache(write_hour)
_longer = cache(write_longer)


def catch_up(*, seconds: float = BUDGET, now: datetime | None = None) -> int:
    """Compute what is marked, the newest first, for so long; how many hours were.

    Hours that cannot be computed stay marked and do not keep the others from it.
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
    with transaction.atomic():
        if not _take_lock(project):
            return 0
        hours = _take_marks(project, quarter)
        for hour in hours:
            compute_hour(project, hour, now)
        top_rollup.write_hours(project, hours)
        compute_longer(project, hours)
    return len(hours)


def _take_lock(project: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCK, project % (1 << 31)])
        return bool(cursor.fetchone()[0])


def _take_marks(project: int, quarter: datetime) -> list[datetime]:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM analytics_dirtyhour WHERE project_id = %s AND hour >= %s AND hour < %s"
            " RETURNING hour",
            [project, quarter, after(quarter, QUARTER)],
        )
        return sorted({hour for (hour,) in cursor.fetchall()})


def compute_hour(project: int, hour: datetime, now: datetime) -> None:
    """Make the rows of one hour anew, and those of its five minutes where they are kept."""
    end = after(hour, HOUR)
    values: dict[str, Any] = {
        "project": project,
        "since": hour,
        "until": end,
        "low": uuid7.floor(hour),
        "high": uuid7.floor(end),
    }
    grains = [HOUR, FIVE] if hour > now - KEPT_FIVES else [HOUR]
    with connection.cursor() as cursor:
        for grain in grains:
            cursor.execute(_hour(), values | {"grain": grain})


def compute_longer(project: int, hours: Sequence[datetime]) -> None:
    """Make the longer steps that hold these hours anew, the shorter of them first."""
    with connection.cursor() as cursor:
        for grain, shorter in _LONGER:
            for start in sorted({floor(hour, grain) for hour in hours}):
                values: dict[str, Any] = {"project": project, "grain": grain, "shorter": shorter}
                values |= {"since": start, "until": after(start, grain)}
                cursor.execute(_longer(), values)
                top_rollup.write_longer(project, grain, shorter, start)


def drop_fives(now: datetime) -> int:
    """Remove the rows of five minutes that are older than they are kept; how many."""
    gone = 0
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(
                f"DELETE FROM {table.name} WHERE grain = %s AND start < %s",
                [FIVE, floor(now - KEPT_FIVES - timedelta(hours=1), HOUR)],
            )
            gone += int(cursor.rowcount)
    return gone
