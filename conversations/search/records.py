"""Stored conversations, turns and calls as JSON values for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from console.lib import json
from conversations.models import Conversation, Label, ToolCall, Turn
from conversations.recording import rebuild_request
from conversations.search.fields import Kind
from conversations.search.reading import Hit
from conversations.search.rows import within

_CALL_FIELDS = (
    "id", "at", "conversation_id", "turn_id", "position", "call_id", "name", "arguments",
    "verdict", "codes", "status", "result", "latency_ms", "cost", "model", "provider", "source",
    "user", "environment", "tags",
)  # fmt: skip
_TURN_FIELDS = (
    "id", "at", "conversation_id", "number", "key", "status", "model", "provider", "messages",
    "response", "error", "finish_reason", "verdict", "codes", "latency_ms", "first_token_ms",
    "input_tokens", "output_tokens", "cost", "source", "user", "environment", "tags",
)  # fmt: skip
_CONVERSATION_FIELDS = (
    "id", "key", "title", "started_at", "last_at", "turn_count", "call_count", "verdict",
    "source", "user", "environment", "tags",
)  # fmt: skip
EXPORTED: dict[Kind, tuple[str, ...]] = {
    "calls": (*_CALL_FIELDS, "version"),
    "turns": _TURN_FIELDS,
    "conversations": _CONVERSATION_FIELDS,
}
_JSON = ("messages", "response", "error")


def read_records(kind: Kind, hits: Sequence[Hit]) -> list[dict[str, Any]]:
    """Whole records of the hits for other programs, in their order: JSON values only."""
    if not hits:
        return []
    if kind == "conversations":
        held: dict[UUID, Any] = Conversation.objects.in_bulk([hit.conversation for hit in hits])
        return [record_of(held[hit.conversation], kind) for hit in hits if hit.conversation in held]
    calls = ToolCall.objects.select_related("tool_version")
    rows: Any = calls if kind == "calls" else Turn.objects
    held = {row.pk: row for row in rows.filter(**within(hits))}
    return [record_of(held[hit.id], kind) for hit in hits if hit.id in held]


def record_of(row: Any, kind: Kind) -> dict[str, Any]:
    """The row of a conversation, turn or call; a call's comes with its tool version."""
    return {name: _value(row, name) for name in EXPORTED[kind]}


def describe_call(call: ToolCall) -> dict[str, Any]:
    """A call with its findings, what each layer said, and the judgement before this one."""
    former = json.load(call.former) if call.former else None
    return record_of(call, "calls") | {
        "findings": [finding.to_json() for finding in call.found],
        "layers": call.layers,
        "former": former,
        "answered_by": call.answered_by or None,
        "answered_at": call.answered_at and _value(call, "answered_at"),
        "cached": call.cached,
    }


def describe_turn(turn: Turn) -> dict[str, Any]:
    """A turn with its whole request, its calls and their results, findings, labels and notes."""
    whole = record_of(turn, "turns")
    del whole["messages"]
    calls = ToolCall.objects.filter(turn_id=turn.pk, project=turn.project_id)
    labels = Label.objects.filter(turn_id=turn.pk, project=turn.project_id, superseded_at=None)
    return whole | {
        "parent_id": turn.parent_id and str(turn.parent_id),
        "request": rebuild_request(turn),
        "usage": json.load(turn.usage),
        "price": json.load(turn.price) if turn.price else None,
        "expected": json.load(turn.expected) if turn.expected else None,
        "findings": [finding.to_json() for finding in turn.found],
        "notes": json.load(turn.notes),
        "labels": [_describe_label(label) for label in labels.order_by("pk")],
        "calls": [
            describe_call(call)
            for call in calls.select_related("tool_version").order_by("position")
        ],
    }


def _describe_label(label: Label) -> dict[str, Any]:
    return {
        "kind": label.kind,
        "call": label.call_id and str(label.call_id),
        "expected": json.load(label.expected) if label.expected else None,
        "note": label.note,
        "at": _value(label, "created_at"),
    }


def _value(row: Any, name: str) -> Any:
    if name == "version":
        return row.tool_version.number if row.tool_version else None
    value = getattr(row, name)
    if name in _JSON:
        return json.load(value) if value else None
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, UUID):
        return str(value)
    return float(value) if name == "cost" and value is not None else value
