"""The calls of a backtest, batch by batch, newest first, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from console.accounts.models import Project
from console.lib.fields import from_stored
from conversations.search.query import Query, Term, parse
from conversations.search.reading import Hit, count_matches, find

BATCH = 5_000
"""Calls that one transaction judges."""
BUDGET = 20.0
"""Seconds that finding one batch may take."""
COUNTING = 5.0
"""Seconds that counting all calls may take."""


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
    found = find(project, query, "calls", before=before, size=size, budget=BUDGET, now=now)
    return Batch(_read_calls(found.hits), found.older)


def _read_calls(hits: Sequence[Hit]) -> list[Stored]:
    """The hits' rows, newest first; the range of keys spares the other months."""
    if not hits:
        return []
    ids = [hit.id for hit in hits]
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT id, conversation_id, turn_id, "position", model, arguments, findings, "user",'
            " environment FROM conversations_toolcall"
            " WHERE id = ANY(%s) AND id >= %s AND id <= %s ORDER BY id DESC",
            [ids, min(ids), max(ids)],
        )
        rows = cursor.fetchall()
    return [
        Stored(
            call, conversation, turn, position, model, from_stored(text), from_stored(found), *of
        )
        for call, conversation, turn, position, model, text, found, *of in rows
    ]


def count_calls(project: Project, query: Query, now: datetime) -> int | None:
    """How many calls the filter finds; None where counting takes too long."""
    return count_matches(project, query, "calls", budget=COUNTING, now=now)
