"""Pieces of traces that wait for others: rows in and out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.db import connection

from console.accounts.models import Project
from console.lib import json
from console.lib.fields import from_stored, to_stored
from conversations.ingest.store.answers import Answer
from conversations.ingest.store.columns import array_text
from conversations.ingest.store.tally import Sender


class Spanned(Protocol):
    @property
    def trace_id(self) -> str: ...

    @property
    def span_id(self) -> str: ...


@dataclass(slots=True)
class Held:
    """One fragment; ``value`` is its JSON, ``call_id`` the call that a result was joined to."""

    trace: str
    span: str
    kind: str
    value: dict[str, Any]
    part: str = ""
    pk: int = 0
    call_id: UUID | None = None

    @classmethod
    def of(cls, kind: str, one: Spanned, value: dict[str, Any], part: str = "") -> Held:
        return cls(one.trace_id, one.span_id, kind, value, part)


def lock_traces(project: Project, traces: Iterable[str]) -> None:
    """Wait for other writers of these traces, until the end of the transaction."""
    numbers = sorted({_number(project.pk, trace) for trace in traces})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(n) FROM unnest(%s::bigint[]) AS t (n)",
            [array_text(numbers)],
        )


def _number(project: int, trace: str) -> int:
    digest = hashlib.sha256(f"trace {project} {trace}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def read(project: Project, traces: Iterable[str]) -> list[Held]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT trace, span, kind, body, part, id, call_id FROM conversations_tracefragment
            WHERE project_id = %s AND trace = ANY(%s) ORDER BY id""",
            [project.pk, array_text(sorted(traces))],
        )
        return [
            Held(trace, span, kind, json.load(from_stored(body)), *rest)
            for trace, span, kind, body, *rest in cursor.fetchall()
        ]


def write(sender: Sender, held: Iterable[Held], now: datetime) -> None:
    """Keep fragments, each once."""
    ordered = sorted(held, key=lambda one: (one.trace, one.span, one.kind, one.part))
    if not ordered:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO conversations_tracefragment
              (project_id, api_key_id, received_at, trace, span, kind, part, body)
            SELECT %s, %s, %s, * FROM
              unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
            ON CONFLICT (project_id, trace, span, kind, part) DO NOTHING
            """,
            [
                sender.project.pk,
                sender.api_key.pk if sender.api_key else None,
                now,
                *(array_text(getattr(one, name) for one in ordered) for name in _COLUMNS),
                array_text(to_stored(json.dump(one.value)) for one in ordered),
            ],
        )


_COLUMNS = ("trace", "span", "kind", "part")


def drop(project: Project, spans: Iterable[tuple[str, str]], kinds: Sequence[str]) -> None:
    """Forget the fragments of these spans: they were joined."""
    pairs = sorted(spans)
    if not pairs:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """DELETE FROM conversations_tracefragment AS held
            USING unnest(%s::text[], %s::text[]) AS gone (trace, span)
            WHERE held.project_id = %s AND held.trace = gone.trace AND held.span = gone.span
              AND held.kind = ANY(%s)""",
            [*(list(column) for column in zip(*pairs, strict=True)), project.pk, list(kinds)],
        )


def mark_joined(answers: Sequence[Answer]) -> None:
    if not answers:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE conversations_tracefragment AS held SET call_id = new.call
            FROM unnest(%s::bigint[], %s::uuid[]) AS new (id, call) WHERE held.id = new.id""",
            [[one.fragment for one in answers], [one.call for one in answers]],
        )
