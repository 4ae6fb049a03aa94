"""The calls of a backtest, batch by batch, newest first, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from console.accounts.models import Project
from console.lib.fields import from_stored
from conversations.search.query import Query, Term, parse
from conversations.search.reading import count_matches, find, read_in_order

BATCH = 5_000
"""Calls that one transaction judges."""
BUDGET = 20.0
"""Seconds that finding one batch may take."""
WALKING = 3.0
"""Seconds after which reading row by row gives way to the index: matches are rare."""
COUNTING = 5.0
"""Seconds that counting all calls may take."""


_COLUMNS = (
    'c.id, c.conversation_id, c.turn_id, c."position", c.model, c.arguments, c.findings, c."user",'
    " c.environment"
)


@dataclass(frozen=True, slots=True)
class Stored:
    """What judging needs of a call."""

    id: UUID
    conversation: UUID
    turn: UUID
    position: int
    model: str
    arguments: str
    findings: str
    user: str
    environment: str


@dataclass(frozen=True, slots=True)
class Batch:
    """``older`` goes on after it; None where nothing is left."""

    calls: Sequence[Stored]
    older: UUID | None


def query_of(tool: str, text: str) -> Query:
    """The filter of a backtest: calls of the tool, and what its text asks for. Raises BadQuery."""
    return parse(text).having(Term("tool", (tool,), literal=frozenset([tool])))


def read_batch(
    project: Project, query: Query, before: UUID | None, size: int, now: datetime
) -> Batch:
    """The next calls below ``before``. ``now`` is what times as ``24h`` count from."""
    rows = read_in_order(
        project, query, "calls", _COLUMNS, before=before, size=size, budget=WALKING, now=now
    )
    if rows is not None:
        calls = [_read(row) for row in rows]
        return Batch(calls, calls[-1].id if len(calls) == size else None)
    found = find(project, query, "calls", before=before, size=size, budget=BUDGET, now=now)
    return Batch(read_calls([hit.id for hit in found.hits]), found.older)


def read_calls(ids: Sequence[UUID]) -> list[Stored]:
    """The calls of these keys, newest first; the range of keys spares the other months."""
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM conversations_toolcall c"
            " WHERE id = ANY(%s) AND id >= %s AND id <= %s ORDER BY id DESC",
            [list(ids), min(ids), max(ids)],
        )
        return [_read(row) for row in cursor.fetchall()]


def _read(row: Sequence[Any]) -> Stored:
    call, conversation, turn, position, model, text, found, user, environment = row
    return Stored(
        call, conversation, turn, position, model, from_stored(text), from_stored(found), user,
        environment,
    )  # fmt: skip


def count_calls(project: Project, query: Query, now: datetime) -> int | None:
    """How many calls the filter finds; None where counting takes too long."""
    return count_matches(project, query, "calls", budget=COUNTING, now=now)
