"""Pricing stored turns again, batch by batch: a look at what would change, then the change itself.

A batch reads, prices and writes in one transaction that holds the event's row, and moves the cursor
in it: a worker that is killed leaves nothing of its batch, and another goes on at the cursor. The
hours of changed turns are recomputed by the rollups, which see the change themselves.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from analytics.repricing.records import Repricing
from analytics.repricing.tally import Tally
from console.accounts.models import Project, User
from console.lib import json, uuid7
from console.lib.fields import from_stored, to_stored
from conversations.ingest.store.pricing import named, price_turn, read_book
from conversations.ingest.usage import read_usage
from conversations.models import Connection
from conversations.prices import Price

BATCH = 1000
STALLED = timedelta(seconds=30)
"""After that long without a batch its worker counts as gone."""
_LOCK = 4_021_910
_OPEN = ("previewing", "applying")
_COLUMNS = "id, at, model, provider, protocol, connection_id, usage, cost, price"


@dataclass(frozen=True)
class Choice:
    """Which turns: of [since, until), of a model and of a connection where they are given."""

    since: datetime
    until: datetime
    model: str = ""
    connection: Connection | None = None
    only_unpriced: bool = False


class _Stored(NamedTuple):
    id: UUID
    at: datetime
    model: str
    provider: str
    protocol: str
    connection: int | None
    usage: str
    cost: Decimal | None
    price: str


def start(project: Project, choice: Choice, user: User | None) -> Repricing:
    """Note what is to be looked at. Raises ValueError for a time that ends before it begins."""
    if choice.until <= choice.since:
        raise ValueError("The time ends before it begins.")
    return Repricing.objects.create(
        project=project,
        since=choice.since,
        until=choice.until,
        model=choice.model,
        connection=choice.connection,
        connection_name=choice.connection.name if choice.connection else "",
        only_unpriced=choice.only_unpriced,
        requested_by=user,
        touched_at=timezone.now(),
    )


def apply(row: Repricing, user: User) -> bool:
    """Write what was looked at. False where it is not ready for it."""
    ready = Repricing.objects.filter(pk=row.pk, status="previewed")
    return bool(
        ready.update(
            status="applying", applied_by=user, cursor=None, total=None, done=0, finished_at=None,
            cancel_asked=False, tally="{}", touched_at=timezone.now(), chain=F("chain") + 1,
        )
    )  # fmt: skip


def cancel(row: Repricing) -> bool:
    """Ask for the end; what is written stays written. False where it is over already."""
    rows = Repricing.objects.filter(pk=row.pk, status__in=_OPEN)
    return bool(rows.update(cancel_asked=True))


def run(pk: UUID, chain: int, *, seconds: float) -> bool:
    """Price batch by batch until all is done, somebody cancels or the time is over; whether it is
    over."""
    end = time.monotonic() + seconds
    while not advance(pk, chain):
        if time.monotonic() >= end:
            return False
    return True


def advance(pk: UUID, chain: int) -> bool:
    """Price one batch; whether there is no more to do for this chain."""
    with transaction.atomic():
        row = Repricing.objects.select_for_update(of=("self",)).filter(pk=pk, chain=chain).first()
        if row is None or not row.is_open:
            return True
        if row.cancel_asked:
            return _close(row, "cancelled")
        if row.total is None:
            row.total = _count(row)
            return _keep(row)
        return _price_batch(row)


def fail(pk: UUID, error: Exception) -> None:
    """Close one that cannot go on; what is written stays."""
    told = f"{type(error).__name__}: {error}"[:300]
    rows = Repricing.objects.filter(pk=pk, status__in=_OPEN)
    rows.update(status="failed", error=told, finished_at=timezone.now())


def take_stalled() -> list[tuple[UUID, int]]:
    """Those whose worker is gone, each with the new chain by which it goes on."""
    now = timezone.now()
    taken = []
    stalled = Repricing.objects.filter(status__in=_OPEN, touched_at__lt=now - STALLED)
    for pk, chain in stalled.values_list("pk", "chain"):
        mine = Repricing.objects.filter(pk=pk, chain=chain, status__in=_OPEN)
        if mine.update(chain=F("chain") + 1, touched_at=now):
            taken.append((pk, chain + 1))
    return taken


# ---- one batch


def _where(row: Repricing) -> tuple[str, list[Any]]:
    sql = "project_id = %s AND id >= %s AND id < %s"
    values: list[Any] = [row.project_id, uuid7.floor(row.since), uuid7.floor(row.until)]
    if row.model:
        sql, values = f"{sql} AND model = %s", [*values, row.model]
    if row.connection_id:
        sql, values = f"{sql} AND connection_id = %s", [*values, row.connection_id]
    return (f"{sql} AND cost IS NULL", values) if row.only_unpriced else (sql, values)


def _count(row: Repricing) -> int:
    where, values = _where(row)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM conversations_turn WHERE {where}", values)
        return int(cursor.fetchone()[0])


def _price_batch(row: Repricing) -> bool:
    writes = row.status == "applying"
    if writes:
        _take_turn(row.project_id)
    turns = _read(row)
    tally = Tally.from_json(json.load(row.tally if writes else row.preview))
    book = read_book(turn.connection for turn in turns)
    changed = []
    for turn in turns:
        seller = book.get(turn.connection or 0) or named(turn.provider, turn.protocol)
        usage = read_usage(json.load(from_stored(turn.usage)))
        price = price_turn(usage, model=turn.model, seller=seller, at=turn.at)
        if tally.add(turn.model, turn.cost, price.cost):
            changed.append((turn, price))
    if writes:
        _write(row, changed)
    told = json.dump(tally.to_json())
    row.tally, row.preview = (told, row.preview) if writes else (row.tally, told)
    row.done += len(turns)
    if len(turns) < BATCH:
        return _close(row, "applied" if writes else "previewed")
    row.cursor = turns[-1].id
    return _keep(row)


def _take_turn(project: int) -> None:
    """Two that write at once would each tell of, and note on turns, what stood before both."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, project % (1 << 31)])


def _read(row: Repricing) -> list[_Stored]:
    where, values = _where(row)
    if row.cursor:
        where, values = f"{where} AND id > %s", [*values, row.cursor]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM conversations_turn WHERE {where} ORDER BY id LIMIT {BATCH}",
            values,
        )
        return [_Stored(*found) for found in cursor.fetchall()]


def _write(row: Repricing, changed: Sequence[tuple[_Stored, Price]]) -> None:
    """Write new prices; each row's snapshot says what stood there before, and until when."""
    if not changed:
        return
    until = timezone.now().isoformat(timespec="seconds")
    given: list[list[Any]] = [[], [], []]
    for turn, price in changed:
        before = json.load(from_stored(turn.price)) if turn.price else {}
        cost = None if turn.cost is None else str(turn.cost)
        former = {
            "cost": cost,
            "source": before.get("source") or before.get("reason", ""),
            "until": until,
            "repricing": str(row.pk),
        }
        snapshot = to_stored(json.dump({**price.snapshot, "former": former}))
        for column, value in zip(given, (turn.id, price.cost, snapshot), strict=True):
            column.append(value)
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE conversations_turn AS held SET cost = new.cost, price = new.price
            FROM unnest(%s::uuid[], %s::numeric[], %s::text[]) AS new (id, cost, price)
            WHERE held.id = new.id AND held.id BETWEEN %s AND %s""",
            [*given, changed[0][0].id, changed[-1][0].id],
        )


def _keep(row: Repricing) -> bool:
    row.touched_at = timezone.now()
    row.save(update_fields=["touched_at", "total", "done", "cursor", "tally", "preview"])
    return False


def _close(row: Repricing, status: str) -> bool:
    row.status, row.finished_at = status, timezone.now()
    row.save(update_fields=["status", "finished_at"])
    _keep(row)
    return True
