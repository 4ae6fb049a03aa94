"""Stored rows, many by one statement: what is read of conversations, and what changed of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from console.lib import json
from console.lib.fields import from_stored, to_stored
from conversations.ingest.store.columns import array_text, arrays_of, findings_text, layers_text
from conversations.ingest.store.judging import codes_of
from conversations.ingest.store.lineage import Link
from conversations.ingest.store.prepared import CallState
from conversations.ingest.store.results import words_of
from tools_registry.validation.findings import Finding, worst

WINDOW = 500
"""How many of a conversation's newest turns, and of its calls, new ones are joined with."""

_READ = (
    "id, turn_id, conversation_id, position, at, call_id, name, arguments, model, tool_version_id,"
    " findings, layers::text, status, result, answered_by, answered_at, latency_ms, cached, cost"
)


def read_links(
    conversations: Sequence[UUID], bounds: tuple[UUID, UUID], most: int | None = WINDOW
) -> dict[UUID, list[Link]]:
    """The newest turns of each conversation, all where ``most`` is None.

    ``bounds`` are the least and the greatest key that they can have, so that no other partition
    is looked at.
    """
    found: dict[UUID, list[Link]] = {pk: [] for pk in conversations}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT asked.id, held.* FROM unnest(%s::uuid[]) AS asked (id), LATERAL (
              SELECT id, at, message_count, prefix_hash, parent_id, inherited_count, user_count
              FROM conversations_turn WHERE conversation_id = asked.id AND id BETWEEN %s AND %s
              ORDER BY number DESC LIMIT %s) AS held
            """,
            [list(conversations), *bounds, most],
        )
        for conversation, *rest in cursor.fetchall():
            found[conversation].append(Link(*rest))
    return found


def read_calls(
    conversations: Sequence[UUID], bounds: tuple[UUID, UUID], most: int | None = WINDOW
) -> dict[UUID, list[CallState]]:
    """The newest calls of each conversation, in order."""
    found: dict[UUID, list[CallState]] = {pk: [] for pk in conversations}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT held.* FROM unnest(%s::uuid[]) AS asked (id), LATERAL (
              SELECT {_READ} FROM conversations_toolcall
              WHERE conversation_id = asked.id AND id BETWEEN %s AND %s
              ORDER BY id DESC LIMIT %s) AS held
            """,
            [list(conversations), *bounds, most],
        )
        for row in cursor.fetchall():
            found[row[2]].append(_read_call(row))
    for calls in found.values():
        calls.sort(key=lambda call: (call.at, call.turn, call.position))
    return found


def read_calls_of(turns: Sequence[Any]) -> list[CallState]:
    """The calls of turns, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_READ} FROM conversations_toolcall"
            " WHERE turn_id = ANY(%s::uuid[]) ORDER BY turn_id, position",
            [list(turns)],
        )
        return [_read_call(row) for row in cursor.fetchall()]


def _read_call(row: Sequence[Any]) -> CallState:
    values = list(row)
    for place in (5, 6, 7, 13):
        if values[place] is not None:
            values[place] = from_stored(values[place])
    values[10] = [Finding.from_json(one) for one in json.load(from_stored(values[10]))]
    values[11] = json.load(values[11])
    call = CallState(*values)
    call.stored = True
    return call


def update_calls(calls: Sequence[CallState]) -> None:
    """Write what became of stored calls, in the order of their keys."""
    rows = [
        (
            call.id, call.verdict, findings_text(call.findings), layers_text(call),
            array_text(call.codes), call.status,
            None if call.result is None else to_stored(call.result),
            call.answered_by, call.answered_at, call.latency_ms, call.cached, call.cost,
        )
        for call in sorted(calls, key=lambda one: one.id)
    ]  # fmt: skip
    if not rows:
        return
    ids = [row[0] for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE conversations_toolcall AS held SET
              verdict = new.verdict, findings = new.findings, layers = new.layers::jsonb,
              codes = new.codes::varchar[], status = new.status, result = new.result,
              answered_by = new.answered_by, answered_at = new.answered_at,
              latency_ms = new.latency_ms, cached = new.cached, cost = new.cost
            FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
              %s::text[], %s::text[], %s::timestamptz[], %s::float8[], %s::bool[], %s::numeric[])
              AS new (id, verdict, findings, layers, codes, status, result, answered_by,
                answered_at, latency_ms, cached, cost)
            WHERE held.id = new.id AND held.id BETWEEN %s AND %s
            """,
            [*arrays_of(rows), min(ids), max(ids)],
        )


def keep_former(judgements: Sequence[tuple[UUID, str]]) -> None:
    """Keep the judgements that calls had before."""
    if not judgements:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE conversations_toolcall AS held SET former = new.former
            FROM unnest(%s::uuid[], %s::text[]) AS new (id, former) WHERE held.id = new.id""",
            [list(column) for column in zip(*judgements, strict=True)],
        )


def update_parents(links: Sequence[tuple[Link, str]]) -> None:
    """Write new parents of stored turns, with the messages that are new since them."""
    if not links:
        return
    rows = [(one.id, one.parent, one.inherited, text) for one, text in links]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE conversations_turn AS held SET parent_id = new.parent,
              inherited_count = new.inherited, messages = new.messages
            FROM unnest(%s::uuid[], %s::uuid[], %s::int[], %s::text[])
              AS new (id, parent, inherited, messages)
            WHERE held.id = new.id
            """,
            [list(column) for column in zip(*rows, strict=True)],
        )


def read_answers(turns: Sequence[UUID]) -> dict[UUID, str]:
    """What the model said in turns, in words."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, response FROM conversations_turn WHERE id = ANY(%s) AND response <> ''",
            [list(turns)],
        )
        return {pk: words_of(json.load(from_stored(text))) for pk, text in cursor.fetchall()}


def read_messages(turns: Sequence[UUID]) -> Mapping[UUID, list[dict[str, Any]]]:
    """The own messages of turns."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, messages FROM conversations_turn WHERE id = ANY(%s)", [list(turns)]
        )
        return {pk: json.load(from_stored(text)) for pk, text in cursor.fetchall()}


def number_turns(conversations: Sequence[UUID]) -> None:
    """Number the turns of conversations anew, in the order of their times."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE conversations_turn AS held SET number = new.number FROM (
              SELECT id, row_number() OVER (
                PARTITION BY conversation_id ORDER BY at, message_count, id) AS number
              FROM conversations_turn WHERE conversation_id = ANY(%s)) AS new
            WHERE held.id = new.id AND held.number <> new.number
            """,
            [list(conversations)],
        )


def judge_turns_again(turns: Sequence[UUID]) -> None:
    """Make the codes and verdicts of stored turns those of their own findings and their calls'."""
    if not turns:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, findings, verdict, codes FROM conversations_turn WHERE id = ANY(%s)",
            [list(turns)],
        )
        held = cursor.fetchall()
        cursor.execute(
            """SELECT turn_id, verdict, codes FROM conversations_toolcall
            WHERE turn_id = ANY(%s) ORDER BY turn_id, position""",
            [list(turns)],
        )
        calls: dict[UUID, list[tuple[str, list[str]]]] = {pk: [] for pk in turns}
        for turn, verdict, codes in cursor.fetchall():
            calls[turn].append((verdict, codes))
        changed = []
        for pk, text, verdict, codes in held:
            own = [Finding.from_json(one) for one in json.load(from_stored(text))]
            now = _worst_of([worst(own), *(one for one, _ in calls[pk])])
            all_codes = dict.fromkeys([*codes_of(own), *(c for _, some in calls[pk] for c in some)])
            if now != verdict or list(all_codes) != codes:
                changed.append((pk, now, array_text(all_codes)))
        if changed:
            cursor.execute(
                """UPDATE conversations_turn AS held SET verdict = new.verdict,
                  codes = new.codes::varchar[]
                FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS new (id, verdict, codes)
                WHERE held.id = new.id""",
                [list(column) for column in zip(*changed, strict=True)],
            )


def _worst_of(verdicts: Iterable[str]) -> str:
    given = set(verdicts)
    return next((one for one in ("rejected", "flagged") if one in given), "accepted")
