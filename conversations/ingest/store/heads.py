"""Conversations' own rows: made or locked in the order of their keys, then counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from console.lib import json, uuid7
from console.lib.fields import to_stored
from conversations.ingest.store.columns import arrays_of
from conversations.ingest.store.prepared import NewTurn
from tools_registry.validation.findings import worst

_TITLE, _MOST_TAGS = 200, 50
_RANK = ("accepted", "flagged", "rejected")


@dataclass(frozen=True, slots=True)
class Head:
    """A conversation's row, locked until the end of the transaction."""

    id: UUID
    key: str
    turn_count: int
    verdict: str
    started_at: datetime
    last_at: datetime
    is_new: bool


def by_conversation(turns: Iterable[NewTurn]) -> dict[str, list[NewTurn]]:
    found: dict[str, list[NewTurn]] = defaultdict(list)
    for new in turns:
        found[new.record.conversation].append(new)
    return found


def lock_heads(project: int, source: str, turns: Mapping[str, list[NewTurn]]) -> dict[str, Head]:
    """The rows of these conversations, made where they are new; always locked in the order of
    their keys, so that writers that meet wait and never in a circle."""
    rows = [_head_row(key, turns[key]) for key in sorted(turns)]
    columns = arrays_of(rows)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO conversations_conversation AS held (id, project_id, key, title, source,
              "user", environment, tags, turn_count, call_count, verdict, started_at, last_at)
            SELECT id, %s, key, title, %s, who, environment,
              ARRAY(SELECT jsonb_array_elements_text(tags::jsonb)), 0, 0, 'accepted', first, last
            FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
              %s::timestamptz[], %s::timestamptz[])
              AS new (id, key, title, who, environment, tags, first, last)
            ON CONFLICT (project_id, key) DO UPDATE SET
              title = CASE WHEN held.title = '' OR EXCLUDED.started_at < held.started_at
                THEN EXCLUDED.title ELSE held.title END,
              "user" = CASE WHEN held."user" = '' OR
                (EXCLUDED."user" <> '' AND EXCLUDED.started_at < held.started_at)
                THEN EXCLUDED."user" ELSE held."user" END,
              environment = CASE WHEN held.environment = '' OR
                (EXCLUDED.environment <> '' AND EXCLUDED.started_at < held.started_at)
                THEN EXCLUDED.environment ELSE held.environment END,
              tags = CASE WHEN held.tags @> EXCLUDED.tags THEN held.tags ELSE
                (ARRAY(SELECT DISTINCT unnest(held.tags || EXCLUDED.tags) ORDER BY 1))[1:%s] END,
              started_at = LEAST(held.started_at, EXCLUDED.started_at),
              last_at = GREATEST(held.last_at, EXCLUDED.last_at)
            RETURNING id, key, turn_count, verdict, started_at, last_at, xmax = 0
            """,
            [project, source, *columns, _MOST_TAGS],
        )
        return {row[1]: Head(*row) for row in cursor.fetchall()}


def lock_of_calls(project: int, calls: Sequence[UUID]) -> list[Head]:
    """The rows of the conversations that these calls are of, locked in the order of their keys."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, key, turn_count, verdict, started_at, last_at, false
            FROM conversations_conversation WHERE project_id = %s AND id IN (
              SELECT conversation_id FROM conversations_toolcall
              WHERE id = ANY(%s) AND id BETWEEN %s AND %s)
            ORDER BY key FOR UPDATE
            """,
            [project, list(calls), min(calls), max(calls)],
        )
        return [Head(*row) for row in cursor.fetchall()]


def lock_of(project: int, conversations: Sequence[UUID]) -> list[Head]:
    """The rows of these conversations, locked in the order of their keys."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, key, turn_count, verdict, started_at, last_at, false
            FROM conversations_conversation WHERE project_id = %s AND id = ANY(%s)
            ORDER BY key FOR UPDATE
            """,
            [project, list(conversations)],
        )
        return [Head(*row) for row in cursor.fetchall()]


def _head_row(key: str, turns: Sequence[NewTurn]) -> tuple[Any, ...]:
    ordered = sorted(turns, key=lambda new: (new.record.at, new.id))
    records = [new.record for new in ordered]
    tags = sorted({tag for record in records for tag in record.tags})[:_MOST_TAGS]
    return (
        uuid7.now(),
        key,
        to_stored(title_of(records[0].request.messages)),
        next((record.user for record in records if record.user), ""),
        next((record.environment for record in records if record.environment), ""),
        json.dump(tags),
        records[0].at,
        records[-1].at,
    )


def title_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """The first words that a user said."""
    for message in messages:
        if message.get("role") != "user":
            continue
        content = message.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        for part in parts:
            text = part.get("text") if isinstance(part, Mapping) else None
            if isinstance(text, str) and text.strip():
                return " ".join(text[: 4 * _TITLE].split())[:_TITLE]
    return ""


def bounds_of(heads: Iterable[Head]) -> tuple[UUID, UUID]:
    """The least and the greatest key that a turn or call of these conversations can have."""
    held = list(heads)
    last = max(head.last_at for head in held) + timedelta(milliseconds=1)
    return uuid7.floor(min(head.started_at for head in held)), uuid7.floor(last)


def add_counts(heads: Mapping[str, Head], turns: Mapping[str, list[NewTurn]]) -> None:
    """Add new turns and calls to the counts. The rows are locked, so nothing is lost."""
    rows = []
    for key in sorted(turns):
        verdicts = [heads[key].verdict, *(worst(new.all_findings) for new in turns[key])]
        calls = sum(len(new.calls) for new in turns[key])
        rows.append((heads[key].id, len(turns[key]), calls, max(verdicts, key=_RANK.index)))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE conversations_conversation AS held SET
              turn_count = held.turn_count + new.turns, call_count = held.call_count + new.calls,
              verdict = new.verdict
            FROM unnest(%s::uuid[], %s::int[], %s::int[], %s::text[])
              AS new (id, turns, calls, verdict)
            WHERE held.id = new.id
            """,
            arrays_of(rows),
        )


def judge_heads_again(conversations: Collection[UUID]) -> None:
    """Make the verdicts of conversations those of their turns."""
    if not conversations:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE conversations_conversation AS held SET verdict = new.verdict FROM (
              SELECT conversation_id, CASE
                WHEN bool_or(verdict = 'rejected') THEN 'rejected'
                WHEN bool_or(verdict = 'flagged') THEN 'flagged' ELSE 'accepted' END AS verdict
              FROM conversations_turn WHERE conversation_id = ANY(%s) GROUP BY conversation_id
            ) AS new WHERE held.id = new.conversation_id AND held.verdict <> new.verdict
            """,
            [list(conversations)],
        )
