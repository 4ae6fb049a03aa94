"""Running a backtest in small batches, each of which counts once whatever happens to its worker.

A batch reads, judges and writes in one transaction under a lock, and moves the cursor in it: a
worker that is killed leaves nothing of its batch, and another goes on at the cursor.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from console.accounts.models import Project, User
from console.lib import json
from console.lib.fields import to_stored
from conversations.backtest.comparison import Outcome, Subject, compare
from conversations.backtest.contexts import read_contexts
from conversations.backtest.reading import (
    BATCH,
    Stored,
    count_calls,
    query_of,
    read_batch,
)
from conversations.backtest.records import Backtest, BacktestChange
from conversations.backtest.subjects import Choice, subject_of
from conversations.backtest.tally import Tally
from tools_registry.validation import CallContext

LARGEST = 1_000_000
"""Calls of one backtest."""
STALLED = timedelta(seconds=30)
"""After that long without a batch its worker counts as gone."""
_CHANGES = BacktestChange._meta.db_table
_COLUMNS = "backtest_id, call_id, kind, before, after, keys"


@dataclass(frozen=True)
class Step:
    """What one step did: nothing where another worker is at it, or the backtest is over."""

    is_busy: bool = False
    is_over: bool = False


def start(
    project: Project, choice: Choice, query: str, limit: int, *, user: User | None = None
) -> Backtest:
    """Note what is to be judged, and by what. Raises ``BadQuery`` for a filter that is none."""
    query_of(choice.tool, query)
    now = timezone.now()
    return Backtest.objects.create(
        project=project,
        tool=choice.tool,
        version=choice.version,
        draft=choice.draft,
        definition=json.dump(choice.spec.to_json()),
        policy=json.dump(choice.policy.to_json()) if choice.policy else "",
        policy_name=choice.policy_name,
        query=query.strip(),
        limit=limit,
        requested_by=user,
        created_at=now,
        touched_at=now,
    )


def run(backtest: UUID, chain: int = 0, *, seconds: float = math.inf) -> Step:
    """Judge batch by batch until all is done, somebody cancels, or the time is over."""
    end = time.monotonic() + seconds
    step = Step()
    while not (step.is_over or step.is_busy):
        step = advance(backtest, chain)
        if time.monotonic() >= end:
            break
    return step


def advance(backtest: UUID, chain: int = 0) -> Step:
    """Judge one batch."""
    with transaction.atomic():
        if not _lock(backtest):
            return Step(is_busy=True)
        row = Backtest.objects.select_related("project", "version").get(pk=backtest)
        if not row.is_open or row.chain != chain:
            return Step(is_over=True)
        if row.cancel_asked:
            return _close(row, "cancelled")
        if not row.counted:
            return _count(row)
        return _judge_batch(row)


def _lock(backtest: UUID) -> bool:
    """Until the transaction ends, this worker alone; the row itself stays free for readers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [backtest.int % (1 << 63)])
        return bool(cursor.fetchone()[0])


def _count(row: Backtest) -> Step:
    available = count_calls(row.project, query_of(row.tool, row.query), row.created_at)
    _update(row, available=available, counted=True)
    return _close(row, "finished") if available == 0 else Step()


def _judge_batch(row: Backtest) -> Step:
    began = time.monotonic()
    size = min(BATCH, row.limit - row.done)
    query = query_of(row.tool, row.query)
    batch = read_batch(row.project, query, row.cursor, size, row.created_at)
    tally = Tally.from_json(row.told)
    _write_changes(row, batch.calls, judge(batch.calls, subject_of(row)), tally)
    done = row.done + len(batch.calls)
    fields = {
        "done": done,
        "cursor": batch.older,
        "tally": json.dump(tally.to_json()),
        "seconds": row.seconds + time.monotonic() - began,
    }
    if not _update(row, **fields):
        transaction.set_rollback(True)
        return Step(is_over=True)
    is_last = batch.older is None or done >= row.limit
    return _close(row, "finished") if is_last else Step()


def judge(calls: Sequence[Stored], subject: Subject) -> list[Outcome]:
    """Both judgements of each call. Equal calls are judged once, where nothing else counts."""
    if subject.needs_context:
        contexts = read_contexts(calls, subject)
        return [_compare(call, subject, contexts[call.id]) for call in calls]
    known: dict[tuple[str, str], Outcome] = {}
    outcomes = []
    for call in calls:
        key = (call.arguments, call.findings)
        outcome = known.get(key)
        if outcome is None:
            outcome = known[key] = _compare(call, subject, None)
        outcomes.append(outcome)
    return outcomes


def _compare(call: Stored, subject: Subject, context: CallContext | None) -> Outcome:
    return compare(call.arguments, call.findings, subject, context)


def _write_changes(
    row: Backtest, calls: Sequence[Stored], outcomes: Sequence[Outcome], tally: Tally
) -> None:
    """Count every call, and store those that change."""
    tally.span(call.id for call in calls)
    lines, own = [], row.pk.hex
    for call, outcome in zip(calls, outcomes, strict=True):
        keys = tally.add(call.id, call.model, outcome)
        if outcome.kind != "unchanged":
            verdicts = f"{outcome.kind}\t{outcome.was}\t{outcome.now}"
            lines.append(f"{own}\t{call.id.hex}\t{verdicts}\t{_as_array(tuple(keys))}\n")
    if lines:
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {_CHANGES} ({_COLUMNS}) FROM STDIN") as copy,
        ):
            copy.write("".join(lines))


@lru_cache(maxsize=4096)
def _as_array(keys: tuple[str, ...]) -> str:
    """An array of texts as COPY reads it; what no text column holds is escaped as elsewhere."""
    quoted = (key.replace("\\", "\\\\").replace('"', '\\"') for key in map(to_stored, keys))
    literal = ",".join(f'"{key}"' for key in quoted)
    escapes = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
    return "".join(escapes.get(character, character) for character in f"{{{literal}}}")


def _update(row: Backtest, **fields: object) -> bool:
    """Write what a step found, unless the backtest has meanwhile been given to others."""
    rows = Backtest.objects.filter(pk=row.pk, chain=row.chain, status="running")
    return bool(rows.update(touched_at=timezone.now(), **fields))


def _close(row: Backtest, status: str) -> Step:
    _update(row, status=status, finished_at=timezone.now())
    return Step(is_over=True)


def cancel(row: Backtest) -> bool:
    """Ask for the end; what is judged stays. False where it is over already."""
    return bool(Backtest.objects.filter(pk=row.pk, status="running").update(cancel_asked=True))


def fail(backtest: UUID, error: Exception) -> None:
    """Close a backtest that cannot go on; what is judged stays."""
    told = f"{type(error).__name__}: {error}"[:300]
    Backtest.objects.filter(pk=backtest, status="running").update(
        status="failed", error=told, finished_at=timezone.now()
    )


def take_stalled() -> list[tuple[UUID, int]]:
    """Backtests whose worker is gone, each with the new chain by which it goes on."""
    now = timezone.now()
    taken = []
    stalled = Backtest.objects.filter(status="running", touched_at__lt=now - STALLED)
    for pk, chain in stalled.values_list("pk", "chain"):
        mine = Backtest.objects.filter(pk=pk, chain=chain, status="running")
        if mine.update(chain=F("chain") + 1, touched_at=now):
            taken.append((pk, chain + 1))
    return taken
