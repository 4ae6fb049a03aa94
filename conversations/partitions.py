"""Monthly partitions of the tables that grow with traffic.

Keys are UUIDv7, so a month is a range of keys. Rows outside every month lie in the
default partition.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.migrations.operations import CreateModel
from django.db.migrations.state import ProjectState

from console.lib import uuid7

TABLES = {
    "conversations_turn": "id",
    "conversations_turnwire": "turn_id",
    "conversations_toolcall": "id",
}
AHEAD = 3
logger = logging.getLogger(__name__)


class CreatePartitioned(CreateModel):
    """CreateModel whose table is range-partitioned by its primary key."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        column = model._meta.pk.column
        plain = schema_editor.sql_create_table
        schema_editor.sql_create_table = f'{plain} PARTITION BY RANGE ("{column}")'
        try:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        finally:
            schema_editor.sql_create_table = plain
        table = model._meta.db_table
        schema_editor.execute(f'CREATE TABLE "{table}_default" PARTITION OF "{table}" DEFAULT')


def add_months(month: datetime, count: int) -> datetime:
    """The first moment of the month ``count`` months after that of ``month``, UTC."""
    years, index = divmod(month.year * 12 + month.month - 1 + count, 12)
    return datetime(years, index + 1, 1, tzinfo=UTC)


_made: set[tuple[str, datetime]] = set()
_EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)


def make_months(months: Iterable[datetime]) -> None:
    """Make the partitions of these months (their first moments) where they are missing.

    Older than 2015 all lies in the default partition. A month of which that holds rows already
    stays there.
    """
    database = str(connection.settings_dict["NAME"])
    for month in sorted(months):
        if month < _EARLIEST or (database, month) in _made:
            continue
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_xact_lock(hashtext('partitions'))")
                make_partitions(month, ahead=0)
        except IntegrityError:
            logger.warning("the rows of %s stay in the default partition", f"{month:%Y-%m}")
        _made.add((database, month))


def make_partitions(now: datetime, *, ahead: int = AHEAD) -> list[str]:
    """Make the partitions of this month and of those ``ahead``; the names of the new ones."""
    made = []
    with connection.cursor() as cursor:
        for offset in range(ahead + 1):
            first, after = add_months(now, offset), add_months(now, offset + 1)
            for table in TABLES:
                name = f"{table}_{first:%Y_%m}"
                cursor.execute("SELECT to_regclass(%s)", [name])
                if cursor.fetchone()[0] is None:
                    cursor.execute(
                        f'CREATE TABLE IF NOT EXISTS "{name}" PARTITION OF "{table}"'
                        f" FOR VALUES FROM ('{uuid7.floor(first)}') TO ('{uuid7.floor(after)}')"
                    )
                    made.append(name)
    return made
