"""What lists show of what was found: one row each, with the details that the reader chose."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse

from console.accounts.models import Project
from conversations.models import Conversation, ToolCall, Turn
from conversations.search.fields import Kind
from conversations.search.reading import Hit

_SAID = 4000
"""Characters of a turn's messages that a row's title is looked for in."""
_UNSHOWN = ("findings", "parameters", "usage", "price", "response", "error", "notes", "expected")
_ANY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Detail:
    """One detail of a row: what it is, and its value; ``wire`` came from outside."""

    name: str
    text: str
    wire: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a list. ``url`` is its full page, ``peek`` what stands beside the list."""

    id: UUID
    url: str
    peek: str
    title: str
    at: datetime
    verdict: str
    codes: Sequence[str]
    details: Sequence[Detail]
    version: int | None = None
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A detail that can be chosen: of the row it makes the text, "" for nothing to say."""

    name: str
    label: str
    write: Callable[[Any], str]
    wire: bool = False
    chosen: bool = False


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f} ms"


def _dollars(value: Any) -> str:
    if value is None:
        return "unpriced"
    return f"${float(value):,.4f}" if value >= 0.01 or not value else f"${float(value):.6f}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


_SHARED = (
    Column("source", "Source", lambda row: row.source),
    Column("user", "User", lambda row: row.user, wire=True),
    Column("environment", "Environment", lambda row: row.environment, wire=True),
    Column("tags", "Tags", lambda row: " ".join(row.tags[:6]), wire=True),
)
_MODEL = (
    Column("model", "Model", lambda row: row.model, wire=True, chosen=True),
    Column("provider", "Provider", lambda row: row.provider, wire=True),
    Column("latency", "Latency", lambda row: _milliseconds(row.latency_ms), chosen=True),
)
COLUMNS: dict[Kind, tuple[Column, ...]] = {
    "conversations": (
        Column("turns", "Turns", lambda row: _count(row.turn_count, "turn"), chosen=True),
        Column("calls", "Calls", lambda row: _count(row.call_count, "call"), chosen=True),
        *_SHARED,
    ),
    "turns": (
        *_MODEL,
        Column("first_token", "First token", lambda row: _milliseconds(row.first_token_ms)),
        Column("cost", "Cost", lambda row: _dollars(row.cost), chosen=True),
        Column("status", "Status", lambda row: row.status),
        Column("finish", "Finish", lambda row: row.finish_reason, wire=True),
        *_SHARED,
    ),
    "calls": (
        Column("status", "Status", lambda row: row.status or "unanswered", chosen=True),
        *_MODEL,
        Column("cost", "Cost", lambda row: "" if row.cost is None else _dollars(row.cost)),
        Column("id", "Call id", lambda row: row.call_id[:60], wire=True),
        *_SHARED,
    ),
}


def choose(kind: Kind, text: str) -> list[Column]:
    """The columns that the address names, in their usual order; else the usual ones."""
    named = set(text.split(","))
    found = [column for column in COLUMNS[kind] if column.name in named]
    return found or [column for column in COLUMNS[kind] if column.chosen]


def read_rows(
    project: Project, kind: Kind, hits: Sequence[Hit], columns: Sequence[Column]
) -> list[Row]:
    """The rows of the hits, in their order; what was deleted meanwhile is left out."""
    if not hits:
        return []
    reader = {"calls": _read_calls, "turns": _read_turns, "conversations": _read_conversations}
    return reader[kind](project, hits, columns)


def _details(row: Any, columns: Sequence[Column]) -> list[Detail]:
    written = [(column, column.write(row)) for column in columns]
    return [Detail(column.label, text, column.wire) for column, text in written if text]


def within(hits: Sequence[Hit]) -> dict[str, Any]:
    """The condition for the rows of these hits; its range spares the other months."""
    ids = [hit.id for hit in hits]
    return {"id__in": ids, "id__gte": min(ids), "id__lte": max(ids)}


def _read_calls(project: Project, hits: Sequence[Hit], columns: Sequence[Column]) -> list[Row]:
    rows = ToolCall.objects.filter(**within(hits)).select_related("tool_version")
    by_id = {row.pk: row for row in rows.defer("result", "findings", "layers", "former")}
    turn_of, peek_of = _address("turn-find", project), _address("call-peek", project)
    return [
        Row(
            id=call.pk,
            url=f"{turn_of(call.turn_id)}#call-{call.position}",
            peek=peek_of(call.pk),
            title=call.name,
            at=call.at,
            verdict=call.verdict,
            codes=call.codes,
            details=_details(call, columns),
            version=call.tool_version.number if call.tool_version else None,
            rest=call.arguments[:400],
        )
        for hit in hits
        if (call := by_id.get(hit.id))
    ]


def _read_turns(project: Project, hits: Sequence[Hit], columns: Sequence[Column]) -> list[Row]:
    rows = Turn.objects.filter(**within(hits)).select_related("conversation")
    by_id = {row.pk: row for row in rows.defer(*_UNSHOWN)}
    peek_of = _address("turn-peek", project)
    return [
        Row(
            id=turn.pk,
            url=_url("turn", project, turn.conversation_id, turn.number),
            peek=peek_of(turn.pk),
            title=said_last(turn) or turn.conversation.title or turn.conversation.key,
            at=turn.at,
            verdict=turn.verdict,
            codes=turn.codes,
            details=[Detail("Turn", f"turn {turn.number}"), *_details(turn, columns)],
        )
        for hit in hits
        if (turn := by_id.get(hit.id))
    ]


def said_last(turn: Turn) -> str:
    """The text of the last user message that is new in the turn; "" where it has none."""
    for message in reversed(turn.new_messages):
        if message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, str):
                return content[:_SAID]
            parts = content if isinstance(content, list) else []
            texts = [part.get("text") for part in parts if isinstance(part, dict)]
            return " ".join(text for text in texts if isinstance(text, str))[:_SAID]
    return ""


def _read_conversations(
    project: Project, hits: Sequence[Hit], columns: Sequence[Column]
) -> list[Row]:
    ids = [hit.conversation for hit in hits]
    by_id = Conversation.objects.in_bulk(ids)
    codes, address_of = find_codes(ids), _address("conversation", project)
    return [
        Row(
            id=found.pk,
            url=address_of(found.pk),
            peek=address_of(found.pk),
            title=found.title or found.key,
            at=found.last_at,
            verdict=found.verdict,
            codes=codes.get(found.pk, ()),
            details=_details(found, columns),
        )
        for hit in hits
        if (found := by_id.get(hit.conversation))
    ]


def find_codes(conversations: Sequence[UUID]) -> dict[UUID, list[str]]:
    """The finding codes of each conversation's calls, the most frequent first."""
    counts: dict[UUID, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    found = ToolCall.objects.filter(conversation__in=conversations).exclude(codes=[])
    for conversation, codes in found.values_list("conversation_id", "codes")[:2000]:
        for code in codes:
            counts[conversation][code] += 1
    return {
        conversation: sorted(found, key=lambda code: (-found[code], code))
        for conversation, found in counts.items()
    }


def _address(name: str, project: Project) -> Callable[[UUID], str]:
    """The addresses of rows by their keys: looked up once for a list."""
    before, _, after = _url(name, project, _ANY).rpartition(str(_ANY))
    return lambda key: f"{before}{key}{after}"


def _url(name: str, project: Project, *args: Any) -> str:
    return reverse(f"conversations:{name}", args=[project.slug, *args])
