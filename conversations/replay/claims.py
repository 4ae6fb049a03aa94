"""Outcomes claimed, kept and given back: the queue of a replay is its rows in PostgreSQL.

A claim is a lease. Whoever's lease ran out may still come back with a result: it counts only
while the row is still his, so that no outcome is made twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from console.lib import json
from console.lib.fields import from_stored, to_plain, to_stored
from conversations.replay.records import Replay

LEASE = timedelta(seconds=20)
_TABLE = "conversations_replayoutcome"
_FREE = "(o.status = 'open' OR (o.status = 'running' AND o.claimed_until < %(now)s))"


@dataclass(frozen=True, slots=True)
class Item:
    """One outcome to be made. ``rounds`` and ``waiting`` are what an earlier part of its
    conversation left, as JSON text."""

    id: int
    variant: int
    case: int
    trial: int
    lane: int | None
    model: str
    attempts: int
    rounds: str = "[]"
    waiting: str = ""


_CLAIM = f"""
UPDATE {_TABLE} t SET status = 'running', claim = %(claim)s, claimed_until = %(until)s
FROM (
  SELECT id FROM {_TABLE} o
  WHERE replay_id = %(replay)s AND connection_id IS NOT DISTINCT FROM %(lane)s AND {_FREE}
    AND status IN ('open', 'running') AND (not_before IS NULL OR not_before <= %(now)s)
  ORDER BY id LIMIT %(size)s FOR UPDATE SKIP LOCKED
) free WHERE t.id = free.id
RETURNING t.id, variant_id, case_id, trial, connection_id, model, attempts, rounds, waiting
"""


def claim(replay: int, mine: UUID, lane: int | None, size: int) -> list[Item]:
    """The next free outcomes of a lane, in order: the control's first."""
    now = timezone.now()
    given: dict[str, Any] = {"replay": replay, "claim": mine, "lane": lane, "size": size}
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, given | {"now": now, "until": now + LEASE})
        rows = cursor.fetchall()
    return [_read(row) for row in sorted(rows)]


def _read(row: Sequence[Any]) -> Item:
    key, variant, case, trial, lane, model, attempts, rounds, waiting = row
    return Item(
        key, variant, case, trial, lane, model, attempts, from_stored(rounds), from_stored(waiting)
    )


def renew(mine: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_TABLE} SET claimed_until = %s WHERE claim = %s AND status = 'running'",
            [timezone.now() + LEASE, mine],
        )


def release(mine: UUID, ids: Sequence[int]) -> None:
    """Give back what was claimed and not begun."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_TABLE} SET status = 'open', claim = NULL, claimed_until = NULL"
            " WHERE id = ANY(%s) AND claim = %s AND status = 'running'",
            [list(ids), mine],
        )


@dataclass
class Result:
    """What came of an outcome; the fields of its row. ``not_before`` with the status open is one
    that is asked again later."""

    id: int
    status: str
    attempts: int = 0
    not_before: datetime | None = None
    passed: bool | None = None
    judged_by: str = ""
    verdict: str = ""
    codes: Sequence[str] = ()
    findings: Sequence[Any] = ()
    calls: Sequence[Any] = ()
    text: str = ""
    finish_reason: str = ""
    offered: Sequence[str] = ()
    routed: str = ""
    rounds: Sequence[Any] = ()
    waiting: str = ""
    error: Mapping[str, Any] | None = None
    protocol: str = ""
    request: bytes = b""
    chunks: bytes = b""
    model_calls: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: Decimal | None = None
    latency_ms: float | None = None
    first_token_ms: float | None = None
    finished_at: datetime = field(default_factory=timezone.now)


_SAVED = (
    "status", "attempts", "not_before", "passed", "judged_by", "verdict", "codes", "findings",
    "calls", "text", "finish_reason", "offered", "routed", "rounds", "waiting", "error",
    "protocol", "request", "chunks", "model_calls", "input_tokens", "output_tokens", "cost",
    "latency_ms", "first_token_ms", "finished_at",
)  # fmt: skip
_SAVE = f"""
UPDATE {_TABLE} SET {", ".join(f"{name} = %s" for name in _SAVED)},
  claim = NULL, claimed_until = NULL
WHERE id = %s AND claim = %s AND status = 'running'
"""


def save(mine: UUID, results: Sequence[Result]) -> None:
    """Store results in one transaction; those of rows that are another's by now are dropped."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(_SAVE, [(*_values(one), one.id, mine) for one in results])


def _values(one: Result) -> list[Any]:
    made = {
        "codes": list(one.codes),
        "findings": _text(one.findings),
        "calls": _text(one.calls),
        "text": to_stored(one.text),
        "finish_reason": to_plain(one.finish_reason)[:60],
        "offered": json.dump([to_plain(name) for name in one.offered]),
        "routed": to_plain(one.routed)[:500],
        "rounds": _text(one.rounds),
        "waiting": to_stored(one.waiting),
        "error": to_stored(json.dump(one.error)) if one.error else "",
        "finished_at": None if one.status in ("open", "waiting") else one.finished_at,
    }
    return [made[name] if name in made else getattr(one, name) for name in _SAVED]


def _text(values: Sequence[Any]) -> str:
    return to_stored(json.dump(list(values))) if values else "[]"


def fail_lane(replay: int, lane: int | None, error: Mapping[str, Any]) -> int:
    """Fail what nobody has begun of a lane that cannot be used; how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_TABLE} SET status = 'failed', error = %s, finished_at = %s"
            " WHERE replay_id = %s AND connection_id IS NOT DISTINCT FROM %s AND status = 'open'",
            [to_stored(json.dump(error)), timezone.now(), replay, lane],
        )
        return int(cursor.rowcount)


@dataclass(frozen=True, slots=True)
class Left:
    """What is not over: lanes with free outcomes, and when the next of those that wait is due."""

    lanes: frozenset[int | None] = frozenset()
    next_at: datetime | None = None
    running: int = 0

    @property
    def is_nothing(self) -> bool:
        return not self.lanes and not self.running


_LEFT = f"""
SELECT connection_id, count(*) FILTER (WHERE {_FREE}),
  count(*) FILTER (WHERE status = 'running' AND claimed_until >= %(now)s),
  min(coalesce(not_before, %(now)s)) FILTER (WHERE {_FREE})
FROM {_TABLE} o WHERE replay_id = %(replay)s AND status IN ('open', 'running')
GROUP BY connection_id
"""


def look(replay: int) -> Left:
    """What is left to do."""
    with connection.cursor() as cursor:
        cursor.execute(_LEFT, {"replay": replay, "now": timezone.now()})
        rows = cursor.fetchall()
    due = [at for _, free, _, at in rows if free]
    return Left(
        frozenset(lane for lane, free, _, _ in rows if free),
        min(due, default=None),
        sum(running for _, _, running, _ in rows),
    )


@dataclass(frozen=True, slots=True)
class Spent:
    """What a replay took so far. ``dollars`` are of the priced outcomes; ``uncounted`` are those
    whose provider did not say how many tokens they took."""

    done: int = 0
    running: int = 0
    dollars: Decimal = Decimal(0)
    tokens: int = 0
    uncounted: int = 0


def spent(replay: int) -> Spent:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE status IN ('done', 'failed', 'waiting')),"
            " count(*) FILTER (WHERE status = 'running' AND claimed_until >= %s),"
            " coalesce(sum(cost), 0),"
            " coalesce(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)), 0),"
            " count(*) FILTER (WHERE model_calls > 0 AND input_tokens IS NULL)"
            f" FROM {_TABLE} WHERE replay_id = %s",
            [timezone.now(), replay],
        )
        done, running, dollars, tokens, uncounted = cursor.fetchone()
    return Spent(done, running, dollars, int(tokens), uncounted)


def claim_within(row: Replay, mine: UUID, lane: int | None, size: int) -> list[Item] | None:
    """``claim`` under the replay's ceiling: as many as are likely to stay within it, None where it
    is reached. One worker at a time, so that two do not spend the same rest."""
    if row.ceiling_dollars is None and row.ceiling_tokens is None:
        return claim(row.pk, mine, lane, size)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, row.pk % (1 << 31)])
        so_far = spent(row.pk)
        room = room_of(row, so_far)
        if room <= 0:
            return [] if so_far.running else None
        return claim(row.pk, mine, lane, min(size, room))


_LOCK = 0x52504C
"""Tells these locks from others of the database."""


def room_of(row: Replay, so_far: Spent) -> int:
    """How many more outcomes are likely to stay within the ceiling, at what one took so far, or
    was estimated to take."""
    outcomes = max(1, int(row.estimate.get("outcomes") or row.total or 1))
    rooms: list[float] = []
    if row.ceiling_tokens is not None:
        tokens = sum(int(row.estimate.get(name) or 0) for name in ("input_tokens", "output_tokens"))
        guess = tokens / outcomes
        taken = so_far.tokens + so_far.uncounted * guess
        rooms.append(_room(row.ceiling_tokens, taken, guess, so_far))
    if row.ceiling_dollars is not None:
        dollars = float(row.estimate.get("dollars") or 0)
        ceiling = float(row.ceiling_dollars)
        rooms.append(_room(ceiling, float(so_far.dollars), dollars / outcomes, so_far))
    return int(min(rooms))


def _room(ceiling: float, taken: float, guess: float, so_far: Spent) -> float:
    if taken >= ceiling:
        return 0
    each = taken / so_far.done if so_far.done and taken else guess
    return (ceiling - taken) / each - so_far.running if each else float(1 << 30)
