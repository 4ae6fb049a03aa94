"""Retention: turns and their bytes go when their project has kept them for as long as it wants.

A month that is over for every project goes as a whole, by dropping its partitions. Where one
project keeps longer than another, the rows of the shorter go in batches. A turn that stays while
its parent goes is given the messages that it had from there. Conversations without turns and
toolsets without users go, too. Doing it twice, or beside ingest, is harmless.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.models import Exists, OuterRef

from console.accounts.models import Project
from console.lib import uuid7
from conversations.custody import TURN_DAYS, WIRE_DAYS, ProjectCustody, Sweep
from conversations.models import Conversation, Quarantined, Run, Turn
from conversations.partitions import TABLES, add_months
from conversations.removal import (
    delete_conversations,
    delete_turns,
    detach,
    detach_turn,
    lock_conversations,
)
from conversations.replay.forgetting import drop_bytes, drop_old
from tools_registry.models import Toolset

logger = logging.getLogger(__name__)

DAILY = (3, 17)
"""The hour and minute of each day's sweep, UTC."""
time_of = uuid7.time
BATCH = 2000
"""Rows that one statement deletes: short locks, and a kill loses at most one batch."""
_QUIET = timedelta(hours=1)
"""A conversation without turns may be about to get its first one."""
_SETTLED = timedelta(hours=12)
_WIRES = "conversations_turnwire"
_PARTITION = re.compile(r"(conversations_\w+)_(\d{4})_(\d\d)")
_LOCK = 4_021_904


@dataclass(frozen=True)
class Limits:
    """A project's moments: what is older goes. None keeps for ever."""

    project: int
    turns: datetime | None
    wires: datetime | None


@dataclass(frozen=True)
class Partition:
    """One month of one table. ``rows`` are an estimate of the planner, -1 where it has none."""

    name: str
    table: str
    month: datetime
    size: int = 0
    rows: int = -1

    @property
    def end(self) -> datetime:
        return add_months(self.month, 1)


@dataclass
class Swept:
    """What a sweep removes, or would remove: names of partitions, and rows by project."""

    partitions: list[str] = field(default_factory=list)
    rows: dict[int, dict[str, int]] = field(default_factory=dict)

    def add(self, project: int, kind: str, count: int) -> None:
        if count:
            counts = self.rows.setdefault(project, {})
            counts[kind] = counts.get(kind, 0) + count

    def of(self, project: int) -> dict[str, int]:
        return self.rows.get(project, {})


def limits_of(now: datetime) -> list[Limits]:
    """The limits of every project; one that never chose has the defaults."""
    chosen = {
        custody.project_id: (custody.turn_days, custody.wire_days)
        for custody in ProjectCustody.objects.all()
    }
    return [
        _limits(project, *chosen.get(project, (TURN_DAYS, WIRE_DAYS)), now)
        for project in Project.objects.order_by("pk").values_list("pk", flat=True)
    ]


def _limits(project: int, turn_days: int | None, wire_days: int | None, now: datetime) -> Limits:
    turns = None if turn_days is None else now - timedelta(days=turn_days)
    wires = None if wire_days is None else now - timedelta(days=wire_days)
    if turns is not None:  # bytes never outlive their turn
        wires = turns if wires is None else max(turns, wires)
    return Limits(project, turns, wires)


def read_partitions() -> list[Partition]:
    """The monthly partitions that there are, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT child.relname, pg_total_relation_size(child.oid), child.reltuples::bigint"
            " FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid"
            " JOIN pg_class parent ON parent.oid = inhparent WHERE parent.relname = ANY(%s)",
            [list(TABLES)],
        )
        rows = cursor.fetchall()
    found = []
    for name, size, count in rows:
        if match := _PARTITION.fullmatch(name):
            month = datetime(int(match[2]), int(match[3]), 1, tzinfo=UTC)
            found.append(Partition(name, match[1], month, size, count))
    return sorted(found, key=lambda one: (one.month, one.table))


def choose_partitions(partitions: list[Partition], limits: list[Limits]) -> list[Partition]:
    """Those that are over for every project: their last moment is before each one's limit."""
    turns = _oldest([one.turns for one in limits])
    wires = _oldest([one.wires for one in limits])
    return [
        one
        for one in partitions
        if (limit := wires if one.table == _WIRES else turns) is not None and one.end <= limit
    ]


def _oldest(moments: list[datetime | None]) -> datetime | None:
    known = [moment for moment in moments if moment is not None]
    return min(known) if known and len(known) == len(moments) else None


# ---- a sweep


def sweep(now: datetime, *, dry_run: bool = False) -> Swept:
    """Remove what no project keeps any longer; with ``dry_run``, only say what that would be.

    One sweep runs at a time; another one that is asked for meanwhile removes nothing.
    """
    swept = Swept()
    limits = limits_of(now)
    if dry_run:
        _foresee(swept, limits)
        return swept
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return swept
    try:
        idle = {one.project: _idle_toolsets(one.project, now) for one in limits}
        for partition in choose_partitions(read_partitions(), limits):
            _drop(swept, partition)
        for one in limits:
            _sweep_project(swept, one, now)
            swept.add(one.project, "toolsets", _sweep_toolsets(one.project, idle[one.project], now))
        _note(swept, limits, now)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
    return swept


def foresee(project: Project, now: datetime) -> Swept:
    """What the next sweep would remove of one project."""
    swept = Swept()
    _foresee(swept, [one for one in limits_of(now) if one.project == project.pk])
    return swept


_KINDS = {
    "conversations_turn": "turns",
    "conversations_toolcall": "calls",
    _WIRES: "wires",
}


def _foresee(swept: Swept, limits: list[Limits]) -> None:
    swept.partitions = [one.name for one in choose_partitions(read_partitions(), limits)]
    for one in limits:
        for table, kind in _KINDS.items():
            before = one.wires if table == _WIRES else one.turns
            if before is None:
                continue
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT count(*) FROM {table} WHERE project_id = %s AND {TABLES[table]} < %s",
                    [one.project, uuid7.floor(before)],
                )
                swept.add(one.project, kind, cursor.fetchone()[0])


def _drop(swept: Swept, partition: Partition) -> None:
    """Drop a month of a table and what hangs on it; waits 5 s for writers, else the next sweep."""
    is_turns = partition.table == "conversations_turn"
    first, after = uuid7.floor(partition.month), uuid7.floor(partition.end)
    if is_turns:
        for project in Project.objects.values_list("pk", flat=True):
            detach(project, first, after)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            cursor.execute(f'LOCK TABLE "{partition.table}" IN ACCESS EXCLUSIVE MODE')
            cursor.execute(
                f'SELECT project_id, count(*) FROM "{partition.name}" GROUP BY project_id'
            )
            counts = cursor.fetchall()
            if is_turns:  # those that came meanwhile
                for project in [project for project, _ in counts]:
                    detach(project, first, after)
                for table in ("conversations_turnkey", "conversations_label"):
                    cursor.execute(
                        f'DELETE FROM {table} WHERE turn_id IN (SELECT id FROM "{partition.name}")'
                    )
            cursor.execute(f'DROP TABLE "{partition.name}"')
    except OperationalError as error:
        logger.warning("%s stays until the next sweep: %s", partition.name, error)
        return
    swept.partitions.append(partition.name)
    for project, count in counts:
        swept.add(project, _KINDS[partition.table], count)


def _sweep_project(swept: Swept, limits: Limits, now: datetime) -> None:
    project = limits.project
    if limits.wires:
        swept.add(project, "wires", _delete_expired(_WIRES, project, limits.wires))
        swept.add(project, "wires", drop_bytes(project, limits.wires))
    if limits.turns:
        detach(project, UUID(int=0), uuid7.floor(limits.turns))
        swept.add(project, "turns", _delete_turns(project, limits.turns))
        expired = _delete_expired("conversations_toolcall", project, limits.turns)
        swept.add(project, "calls", expired)
        swept.add(project, "others", _sweep_others(project, limits.turns))
    swept.add(project, "conversations", _sweep_empty(project, now))


def _delete_expired(table: str, project: int, before: datetime) -> int:
    """Delete a project's rows of a time, batch by batch; how many."""
    column, total = TABLES[table], 0
    statement = (
        f"DELETE FROM {table} WHERE {column} = ANY(ARRAY(SELECT {column} FROM {table}"
        f" WHERE project_id = %s AND {column} < %s ORDER BY {column} LIMIT {BATCH}))"
    )
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, [project, uuid7.floor(before)])
            gone = int(cursor.rowcount)
        total += gone
        if gone < BATCH:
            return total


def _delete_turns(project: int, before: datetime) -> int:
    """Delete a project's expired turns with what hangs on them, batch by batch; how many."""
    total, limit = 0, uuid7.floor(before)
    while True:
        rows = Turn.objects.filter(project=project, pk__lt=limit).order_by("pk")
        batch = dict(rows.values_list("pk", "conversation_id")[:BATCH])
        with transaction.atomic():
            # Whoever stores turns of these conversations waits, then finds other parents.
            lock_conversations(list(batch.values()))
            for child in Turn.objects.filter(
                conversation__in=set(batch.values()), parent_id__in=list(batch), pk__gte=limit
            ):
                detach_turn(child)
            total += delete_turns(list(batch))
        if len(batch) < BATCH:
            return total


def _sweep_others(project: int, before: datetime) -> int:
    """Delete what quarantine holds, runs of the playground and replays that are as old."""
    quarantined = Quarantined.objects.filter(project=project, received_at__lt=before)
    runs = Run.objects.filter(project=project, finished_at__lt=before)
    return quarantined.delete()[0] + runs.delete()[0] + drop_old(project, before)


def _sweep_empty(project: int, now: datetime) -> int:
    """Delete conversations that have no turn any more and that nothing was heard of lately."""
    total, after = 0, UUID(int=0)
    without = ~Exists(Turn.objects.filter(conversation=OuterRef("pk")))
    while True:
        rows = Conversation.objects.filter(
            without, project=project, last_at__lt=now - _QUIET, pk__gt=after
        )
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not ids:
            return total
        after = ids[-1]
        with transaction.atomic():
            # Locked first and looked at again: a turn may have come meanwhile.
            locked = Conversation.objects.filter(pk__in=ids).order_by("pk")
            list(locked.select_for_update(skip_locked=True).values_list("pk"))
            total += delete_conversations(list(locked.filter(without).values_list("pk", flat=True)))


def _idle_toolsets(project: int, now: datetime) -> list[int]:
    """Toolsets that no turn has and that were not made just now."""
    used = Turn.objects.filter(project=project, toolset=OuterRef("pk"))
    rows = Toolset.objects.filter(~Exists(used), project=project, created_at__lt=now - _SETTLED)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _sweep_toolsets(project: int, idle: list[int], now: datetime) -> int:
    """Delete toolsets that no turn had now and at an earlier sweep, half a day ago or more.

    A process that stores turns remembers toolsets for less than that, so that none is named
    by a turn after it has gone.
    """
    custody = ProjectCustody.objects.get_or_create(project_id=project)[0]
    if custody.swept_at is not None and now - custody.swept_at < _SETTLED:
        return 0
    going = sorted(set(idle) & set(custody.idle_toolsets))
    ProjectCustody.objects.filter(pk=custody.pk).update(idle_toolsets=idle, swept_at=now)
    return int(Toolset.objects.filter(pk__in=going)._raw_delete("default") or 0)


def _note(swept: Swept, limits: list[Limits], now: datetime) -> None:
    for one in limits:
        if counts := swept.of(one.project):
            Sweep.objects.create(project_id=one.project, at=now, **counts)
