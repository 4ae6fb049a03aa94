"""Rows in and out by the batch: COPY in, one query for many, no round trip a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from console.lib import json
from console.lib.fields import from_stored, to_stored
from conversations.ingest.store.judging import codes_of
from conversations.ingest.store.lineage import Link
from conversations.ingest.store.prepared import CallState, NewTurn
from conversations.ingest.store.pricing import Book, named, price_turn, read_book
from conversations.ingest.store.results import words_of
from conversations.ingest.usage import read_usage
from tools_registry.validation.findings import Finding, worst


class Wire(NamedTuple):
    """The bytes of a turn as ``conversations.wire`` packs them, and the connection that they went
    through."""

    request: bytes
    chunks: bytes
    connection: int | None = None


WINDOW = 500
"""How many of a conversation's newest turns, and of its calls, new ones are joined with."""

TURN_COLUMNS = (
    "id", "project_id", "conversation_id", "parent_id", "number", "key", "at", "source", "status",
    "provider", "protocol", "model", "connection_id", "toolset_id", "messages", "message_count",
    "inherited_count", "user_count", "prefix_hash", "parameters", "response", "error",
    "finish_reason", "input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens",
    "reasoning_tokens", "usage", "cost", "price", "latency_ms", "first_token_ms", "user",
    "environment", "tags", "verdict", "findings", "codes", "notes", "expected",
)  # fmt: skip
CALL_COLUMNS = (
    "id", "project_id", "conversation_id", "turn_id", "position", "at", "call_id", "name",
    "arguments", "tool_version_id", "model", "verdict", "findings", "layers", "codes", "status",
    "result", "answered_by", "answered_at", "latency_ms", "cached", "cost", "former",
    "source", "provider", "user", "environment", "tags",
)  # fmt: skip
_READ = (
    "id, turn_id, conversation_id, position, at, call_id, name, arguments, model, tool_version_id,"
    " findings, layers::text, status, result, answered_by, answered_at, latency_ms, cached, cost"
)
_MARK = "\uf8ff"
_LARGEST_COUNT = 2**63 - 1


def json_text(value: Any) -> str:
    """JSON text as a column holds it: of what columns cannot hold it has the mark alone."""
    text = json.dump(value)
    return to_stored(text) if _MARK in text else text


def array_text(values: Iterable[Any]) -> str:
    """An array as PostgreSQL writes it, of whatever type it is then cast to. psycopg's own way
    costs more than the statement."""
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    text = str(value)
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def arrays_of(rows: Iterable[Sequence[Any]]) -> list[str]:
    """The columns of rows of equal length, one array each."""
    return [array_text(column) for column in zip(*rows, strict=True)]


def copy_in(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy,
    ):
        for row in rows:
            copy.write_row(row)


def write_turns(project: int, source: str, turns: Sequence[NewTurn]) -> None:
    book = read_book(turn.connection for turn in turns)
    rows = (_turn_row(project, source, turn, book) for turn in turns)
    copy_in("conversations_turn", TURN_COLUMNS, rows)


def _turn_row(project: int, source: str, new: NewTurn, book: Book) -> tuple[Any, ...]:
    record, response, link = new.record, new.record.response, new.link
    usage = read_usage(response.usage) if response else None
    seller = book.get(new.connection or 0) or named(record.provider, record.protocol)
    price = price_turn(usage, model=record.model, seller=seller, at=record.at)
    messages = new.messages_text
    choice = record.request.tool_choice
    parameters = {} if choice is None else {"tool_choice": choice}
    findings = new.all_findings
    counts = [
        _count(getattr(usage, name) if usage else None)
        for name in (
            "input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens",
            "reasoning_tokens",
        )
    ]  # fmt: skip
    return (
        new.id, project, new.conversation, link.parent, new.number, record.id, record.at, source,
        "failed" if record.error is not None else "finished", record.provider, record.protocol,
        record.model, new.connection, new.toolset,
        to_stored(messages) if _MARK in messages else messages,
        link.count, link.inherited, link.users, link.prefix,
        json_text(parameters | record.request.parameters),
        json_text(response.message) if response else "",
        "" if record.error is None else json_text(record.error),
        to_stored((response.finish_reason or "") if response else "")[:60],
        *counts, json_text(response.usage or {}) if response else "{}",
        price.cost, json_text(price.snapshot), record.latency_ms, record.first_token_ms,
        record.user, record.environment, array_text(record.tags), worst(findings),
        findings_text(new.findings), array_text(codes_of(findings)),
        json_text([note.to_json() for note in record.notes]) if record.notes else "[]",
        "" if record.expected is None else json_text(record.expected),
    )  # fmt: skip


def _count(tokens: int | None) -> int | None:
    return tokens if tokens is not None and 0 <= tokens <= _LARGEST_COUNT else None


def findings_text(findings: Sequence[Finding]) -> str:
    return json_text([finding.to_json() for finding in findings]) if findings else "[]"


def write_calls(project: int, source: str, turns: Iterable[NewTurn]) -> None:
    """The calls of turns, each with what lists filter by of its turn."""
    rows = (
        _call_row(project, call)
        + (source, new.record.provider, new.record.user, new.record.environment)
        + (array_text(new.record.tags),)
        for new in turns
        for call in new.calls
    )
    copy_in("conversations_toolcall", CALL_COLUMNS, rows)


def _call_row(project: int, call: CallState) -> tuple[Any, ...]:
    return (
        call.id, project, call.conversation, call.turn, call.position, call.at,
        to_stored(call.call_id), to_stored(call.name), to_stored(call.arguments), call.version,
        call.model, call.verdict, findings_text(call.findings), _layers_text(call),
        array_text(call.codes), call.status,
        None if call.result is None else to_stored(call.result), call.answered_by,
        call.answered_at, call.latency_ms, call.cached, call.cost, "",
    )  # fmt: skip


def _layers_text(call: CallState) -> str:
    """The layers as JSON of the database, which has no NUL either."""
    noted = ({**layer, "note": to_stored(layer["note"])} for layer in call.layers)
    return json.dump([*noted] if any(layer["note"] for layer in call.layers) else call.layers)


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
            call.id, call.verdict, findings_text(call.findings), _layers_text(call),
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


def write_wires(project: int, wires: Iterable[tuple[UUID, Wire]]) -> None:
    rows = ((turn, project, wire.request, wire.chunks) for turn, wire in wires)
    copy_in("conversations_turnwire", ("turn_id", "project_id", "request", "chunks"), rows)


def claim_keys(project: int, claims: Iterable[tuple[UUID, UUID]]) -> set[UUID]:
    """Take keys for their turns, in order; those that nobody had taken before."""
    ordered = sorted(dict(claims).items())
    if not ordered:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO conversations_turnkey (id, project_id, turn_id)
            SELECT id, %s, turn FROM unnest(%s::uuid[], %s::uuid[]) AS new (id, turn)
            ON CONFLICT (id) DO NOTHING RETURNING id
            """,
            [project, *arrays_of(ordered)],
        )
        return {row[0] for row in cursor.fetchall()}
