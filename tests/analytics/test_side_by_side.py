"""The parts of an hour, written by connections of their own: the same rows, and all or nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from analytics import marks, rollups
from analytics.costs.records import ConductCount, TopCost
from analytics.records import CallCount, DirtyHour, LatencySketch
from analytics.rollup_sql import TABLES
from console.accounts.models import Project
from tests.analytics.making import NOW, ago, catch_up, make_turn, rejected
from tests.factories import make_project

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = [table.name for table in TABLES] + [
    model._meta.db_table for model in (TopCost, ConductCount)
]


def make_hour(project: Project) -> None:
    for minutes in (62, 64, 75):
        make_turn(
            project,
            ago(minutes=minutes),
            [rejected(name="book"), {"latency_ms": 12.0}],
            model=f"gpt-{minutes}",
            latency_ms=200.0,
            tags=["plan:pro"],
            cost="0.0021",
        )


def read_rows() -> dict[str, list[Any]]:
    found = {}
    with connection.cursor() as cursor:
        for name in NAMES:
            cursor.execute(f"SELECT {name}::text FROM {name} ORDER BY 1")
            found[name] = cursor.fetchall()
    return found


def test_side_by_side_is_the_same_as_one_after_the_other() -> None:
    project = make_project()
    make_hour(project)
    assert catch_up() == 2
    apart = read_rows()
    assert all(apart[model._meta.db_table] for model in (CallCount, LatencySketch, TopCost))
    marks.mark(project.pk, ago(hours=2), NOW)
    with transaction.atomic():
        catch_up()
    assert read_rows() == apart


@contextmanager
def renamed(table: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO away")
        try:
            yield
        finally:
            cursor.execute(f"ALTER TABLE away RENAME TO {table}")


@pytest.mark.parametrize("model", [CallCount, LatencySketch, TopCost])
def test_a_part_that_fails_leaves_the_hour_marked(
    model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    project = make_project()
    make_hour(project)
    with renamed(model._meta.db_table):
        assert rollups.catch_up(now=NOW) == 0
        assert DirtyHour.objects.filter(project_id=project.pk).exists()
    assert "could not be computed" in caplog.text
    assert catch_up() == 2
    assert not DirtyHour.objects.exists()
    assert sum(row.calls for row in CallCount.objects.filter(grain=60)) == 6


def test_a_round_waits_for_what_a_killed_one_is_still_writing() -> None:
    project = make_project()
    make_hour(project)
    done: list[int] = []

    def run() -> None:
        try:
            done.append(rollups.catch_up(now=NOW))
        finally:
            connection.close()

    round_ = threading.Thread(target=run)
    with transaction.atomic():
        rollups._wait_for_lock(rollups._LOCK + 2, project.pk)
        round_.start()
        round_.join(0.5)
        assert round_.is_alive() and not done
    round_.join(20)
    assert done == [2] and TopCost.objects.filter(project=project).exists()
