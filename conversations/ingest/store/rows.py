"""New rows, by the batch: turns, their calls and wires, and the keys that they take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from console.lib.fields import to_stored
from conversations.ingest.store.columns import (
    MARK,
    array_text,
    arrays_of,
    copy_in,
    findings_text,
    json_text,
    layers_text,
)
from conversations.ingest.store.judging import codes_of
from conversations.ingest.store.prepared import CallState, NewTurn
from conversations.ingest.store.pricing import Book, named, price_turn, read_book
from conversations.ingest.usage import read_usage
from tools_registry.validation.findings import worst

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
_LARGEST_COUNT = 2**63 - 1


class Wire(NamedTuple):
    """The bytes of a turn as ``conversations.wire`` packs them, and the connection that they went
    through."""

    request: bytes
    chunks: bytes
    connection: int | None = None


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
        to_stored(messages) if MARK in messages else messages,
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
        call.model, call.verdict, findings_text(call.findings), layers_text(call),
        array_text(call.codes), call.status,
        None if call.result is None else to_stored(call.result), call.answered_by,
        call.answered_at, call.latency_ms, call.cached, call.cost, "",
    )  # fmt: skip


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
