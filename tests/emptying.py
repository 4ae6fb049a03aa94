"""Leave nothing behind a test that commits: no row, and no run that a server still plays.

Django's own way truncates every table with its indexes and partitions, and writes the content
types and permissions anew: about half a second. Here the rows are deleted and those two stay.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import redis
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.test import TransactionTestCase

from conversations import run_log
from conversations.models import Run

# Written by the migrations; a server keeps their keys in memory.
KEPT = {"django_content_type", "auth_permission"}
BUSY = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'
"""


def install() -> None:
    """Make it what pytest-django does after such a test."""
    TransactionTestCase._fixture_teardown = _empty  # type: ignore[attr-defined]


def _empty(_case: Any) -> None:
    for last in (False, False, True):
        await_quiet()
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_statements())
            return
        except OperationalError:  # a deadlock with a server that began to write just then
            if last:
                raise


@cache
def _statements() -> str:
    """As a replica PostgreSQL fires no trigger: neither those of foreign keys,
    so that any order will do, nor those that keep a version from being deleted."""
    tables = {*connection.introspection.django_table_names(only_existing=True)} - KEPT
    deletes = [f'DELETE FROM "{table}"' for table in sorted(tables)]
    return "; ".join(["SET LOCAL session_replication_role = replica", *deletes])


def end_runs(within: float = 5.0) -> bool:
    """Cancel what a server still plays: it would write into the next test. True when all ended."""
    going = Run.objects.filter(finished_at=None)
    with redis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as client:
        for run in going.all():
            if owner := client.get(run_log.alive_key(run.pk)):
                command = {"run": str(run.pk), "command": '{"type": "cancel"}'}
                client.xadd(f"web:{owner}:mail", command)
    deadline = time.monotonic() + within
    while going.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def await_quiet() -> None:
    """Wait, at most 10 s, until no server of the test still works in the database."""
    deadline = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(BUSY)
            if cursor.fetchone() == (0,):
                return
            time.sleep(0.02)
