"""Which hours changed: triggers mark them, in the transaction that changes turns or calls.

A mark is a row without any constraint, so that two writers of one hour never wait for each other.
Whatever writes (ingest, a label, a new judgement, a new price, retention, erasure) marks the hours
it wrote to. Dropping a partition fires no trigger: ``mark_gone`` finds the hours that it took away.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from analytics.records import DirtyHour
from analytics.spans import FIVE, KEPT_FEW_FIVES
from console.accounts.models import Project

HOUR = timedelta(hours=1)

_FUNCTION = """
CREATE FUNCTION analytics_mark_hours() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO analytics_dirtyhour (project_id, hour)
  SELECT DISTINCT project_id, date_trunc('hour', at, 'UTC') FROM changed;
  RETURN NULL;
END $body$
"""
_TABLES = {"turn": "conversations_turn", "call": "conversations_toolcall"}
_EVENTS = {"insert": "NEW", "update": "NEW", "delete": "OLD"}
INSTALL = [
    _FUNCTION,
    *(
        f"CREATE TRIGGER {name}_{event}_marks AFTER {event.upper()} ON {table}"
        f" REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT"
        " EXECUTE FUNCTION analytics_mark_hours()"
        for name, table in _TABLES.items()
        for event, rows in _EVENTS.items()
    ),
]
UNDO = [
    *(
        f"DROP TRIGGER {name}_{event}_marks ON {table}"
        for name, table in _TABLES.items()
        for event in _EVENTS
    ),
    "DROP FUNCTION analytics_mark_hours",
]


def mark(project: int, since: datetime, until: datetime) -> None:
    """Have the hours of [since, until) recomputed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO analytics_dirtyhour (project_id, hour) SELECT %s, hour FROM"
            " generate_series(date_trunc('hour', %s::timestamptz, 'UTC'), %s, '1 hour') AS hour",
            [project, since, until - timedelta(microseconds=1)],
        )


_GONE = """
INSERT INTO analytics_dirtyhour (project_id, hour)
SELECT DISTINCT r.project_id, r.start
FROM accounts_project p
CROSS JOIN LATERAL (SELECT least(
  (SELECT t.at FROM conversations_turn t WHERE t.project_id = p.id ORDER BY t.id LIMIT 1),
  (SELECT c.at FROM conversations_toolcall c WHERE c.project_id = p.id ORDER BY c.id LIMIT 1)
) AS at) oldest
CROSS JOIN LATERAL (
  SELECT project_id, start FROM analytics_turncount WHERE project_id = p.id AND grain = 60
  UNION SELECT project_id, start FROM analytics_callcount WHERE project_id = p.id AND grain = 60
) r
WHERE r.start < coalesce(date_trunc('hour', oldest.at, 'UTC'), 'infinity')
"""


_COARSE = f"""
INSERT INTO analytics_dirtyhour (project_id, hour)
SELECT project_id, start
FROM (
  SELECT DISTINCT project_id, start FROM analytics_turncount
  WHERE grain = 60 AND start >= %s AND start < %s
) hours WHERE NOT EXISTS (
  SELECT 1 FROM analytics_turncount f WHERE f.project_id = hours.project_id AND f.grain = {FIVE}
    AND f.start >= hours.start AND f.start < hours.start + interval '1 hour'
) ORDER BY start DESC LIMIT %s
"""


def mark_coarse(now: datetime, most: int) -> int:
    """Mark the newest hours that were computed before their five minutes were kept for a month, at
    most so many; how many."""
    with connection.cursor() as cursor:
        cursor.execute(_COARSE, [now - KEPT_FEW_FIVES + HOUR, now - HOUR, most])
        return int(cursor.rowcount)


def count_waiting(project: Project) -> int:
    """How many hours of the project, but for the one that goes on, wait to be recomputed."""
    rows = DirtyHour.objects.filter(project_id=project.pk, hour__lt=timezone.now() - HOUR)
    return rows.values("hour").distinct().count()


def mark_gone() -> int:
    """Mark the hours of rollups that lie before a project's oldest turn and call; how many."""
    with connection.cursor() as cursor:
        cursor.execute(_GONE)
        return int(cursor.rowcount)
