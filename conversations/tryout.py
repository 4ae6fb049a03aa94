"""Trying redaction rules out, on a pasted text and on the turns stored last: changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from console.accounts.models import Project
from console.lib import json
from conversations.ingest.record import BadRecord, TurnRecord, read_record
from conversations.models import ToolCall, Turn
from conversations.redaction import Counts, Rules, redact
from conversations.redaction.json_text import redact_json

LAST = 100
_SHOWN = 10
_LONGEST_SHOWN = 20_000


@dataclass(frozen=True)
class Changed:
    """A stored turn that the rules would change, and how many places each rule."""

    turn: Turn
    counts: Counts


@dataclass(frozen=True)
class OnTurns:
    """What rules would change in the turns stored last; ``first`` are the newest of them."""

    looked_at: int = 0
    changed: int = 0
    counts: Counts = field(default_factory=dict)
    first: tuple[Changed, ...] = ()


@dataclass(frozen=True)
class OnText:
    """A text after redaction: its pieces with whether each is a replacement."""

    pieces: list[tuple[str, bool]]
    counts: Counts
    is_record: bool


def try_text(text: str, rules: Rules) -> OnText:
    """Redact a pasted text: a whole turn record, a call's arguments or result, or plain text."""
    record = _read(text)
    if record is not None:
        changed, counts = redact(record, rules)
        return OnText(rules.split(json.pretty(changed.to_json())), counts, True)
    found: Counts = {}
    pointers = tuple(one for one in rules.pointers if one.root in ("arguments", "results"))
    new = redact_json(text, rules, pointers, found)
    return OnText(rules.split(new[:_LONGEST_SHOWN]), found, False)


def _read(text: str) -> TurnRecord | None:
    try:
        value = json.load(text)
        return read_record(value) if isinstance(value, dict) and "request" in value else None
    except (ValueError, RecursionError, BadRecord):
        return None


def try_turns(project: Project, rules: Rules) -> OnTurns:
    """What the rules would change in the last ``LAST`` turns that applications sent."""
    rows = Turn.objects.filter(project=project).exclude(source="playground")
    turns = list(rows.select_related("conversation").order_by("-id")[:LAST])
    calls: dict[object, list[ToolCall]] = {}
    for call in ToolCall.objects.filter(turn_id__in=[turn.pk for turn in turns]):
        calls.setdefault(call.turn_id, []).append(call)
    total: Counts = {}
    changed = []
    for turn in turns:
        counts = redact(record_of(turn, calls.get(turn.pk, [])), rules)[1]
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
        if counts:
            changed.append(Changed(turn, counts))
    return OnTurns(len(turns), len(changed), total, tuple(changed[:_SHOWN]))


def record_of(turn: Turn, calls: list[ToolCall]) -> TurnRecord:
    """What the turn itself brought, as a record: its new messages, its answer, its results."""
    response = json.load(turn.response) if turn.response else None
    return TurnRecord.model_validate(
        {
            "id": turn.key,
            "conversation": turn.conversation.key,
            "at": turn.at,
            "model": turn.model,
            "user": turn.user,
            "tags": turn.tags,
            "request": {
                "messages": turn.new_messages,
                "parameters": json.load(turn.parameters),
            },
            "response": {"message": response} if response else None,
            "error": json.load(turn.error) if turn.error else (None if response else ""),
            "tool_results": [
                {"position": call.position, "content": call.result}
                for call in calls
                if call.result is not None
            ],
        }
    )
