"""What every view of a turn shows around itself: heading, first problem, error, rail of turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from console.lib import json
from conversations import transcript
from conversations.kept import Kept
from conversations.models import Conversation, Run, ToolCall, Turn
from tools_registry.validation.findings import Finding

RAIL = 100
"""Turns that the rail holds, around the one shown."""


def frame(turn: Turn, kept: Kept) -> dict[str, Any]:
    """What every view of a turn shows around itself."""
    conversation = turn.conversation
    findings = [*turn.found, *(finding for call in kept.calls for finding in call.found)]
    parameters = json.load(turn.parameters)
    return {
        "turn": turn,
        "conversation": conversation,
        "heading": _heading(turn, conversation),
        "first": _first_problem(turn, kept.calls),
        "problems": len(findings),
        "error": read_error(turn),
        "notes": json.load(turn.notes),
        "live": _find_live(turn),
        "tool_choice": parameters.pop("tool_choice", None),
        "parameters": {name: write(value) for name, value in parameters.items()},
        "rail": _rail(conversation, turn),
        "stream_count": len(kept.chunks),
    }


def read_error(turn: Turn) -> dict[str, str] | None:
    """What went wrong with a turn: its code and what was said of it; None where nothing did."""
    if not turn.error:
        return None
    error = json.load(turn.error)
    if not isinstance(error, Mapping):
        return {"code": "error", "detail": write(error)}
    detail = error.get("detail") or error.get("message") or ""
    return {"code": write(error.get("code") or "error"), "detail": write(detail)}


def write(value: Any) -> str:
    """A JSON value as text: a string as it is."""
    return value if isinstance(value, str) else json.dump(value)


def _heading(turn: Turn, conversation: Conversation) -> str:
    """What the user last said, else the conversation's title."""
    for message in reversed(turn.new_messages):
        if message.get("role") == "user":
            entry = transcript.read([message])[0]
            if entry.text:
                return entry.text
    return conversation.title or conversation.key


def _first_problem(turn: Turn, calls: Sequence[ToolCall]) -> dict[str, Any] | None:
    found: list[tuple[Finding, ToolCall | None]] = [
        (finding, call) for call in calls for finding in call.found
    ]
    found += [(finding, None) for finding in turn.found]
    worst = next((pair for pair in found if pair[0].severity == "rejected"), None)
    finding, call = worst or next(iter(found), (None, None))
    return {"finding": finding, "call": call} if finding else None


def _find_live(turn: Turn) -> Run | None:
    if turn.status != "running":
        return None
    rows = Run.objects.filter(conversation=turn.conversation_id, finished_at=None)
    return rows.order_by("-id").first()


def _rail(conversation: Conversation, turn: Turn) -> dict[str, Any]:
    """The turns around this one, each with the names that it called."""
    half = RAIL // 2
    first = max(1, turn.number - half)
    rows = list(conversation.turns.filter(number__gte=first).order_by("number", "id")[:RAIL])
    names: dict[UUID, list[str]] = {}
    called = ToolCall.objects.filter(turn_id__in=[row.pk for row in rows])
    for pk, name in called.order_by("position").values_list("turn_id", "name"):
        names.setdefault(pk, []).append(name)
    numbers = {row.pk: row.number for row in rows}
    items = [
        {
            "turn": row,
            "names": names.get(row.pk, []),
            "said": "" if names.get(row.pk) else _say(row),
            "branch": _branch(row, numbers),
        }
        for row in rows
    ]
    return {"items": items, "before": first - 1, "total": conversation.turn_count}


def _say(turn: Turn) -> str:
    if not turn.response:
        return ""
    return transcript.read([json.load(turn.response)])[0].text[:200]


def _branch(turn: Turn, numbers: Mapping[UUID, int]) -> int | None:
    """The number of the turn that this one goes on from, where that is not the one before."""
    parent = numbers.get(turn.parent_id) if turn.parent_id else None
    return parent if parent is not None and parent != turn.number - 1 else None
