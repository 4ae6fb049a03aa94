"""A request's messages made ready to read: texts, calls, and each result beside its call. Pure.

Messages are OpenAI chat messages as they came. What has no place of its own is shown as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.lib import json

_KNOWN = {"role", "content", "tool_calls", "tool_call_id", "function_call", "name", "refusal"}
_REASONING = ("reasoning", "reasoning_content")


@dataclass(slots=True)
class Said:
    """A piece of a message: ``kind`` is text, reasoning, refusal, or json for anything else."""

    kind: str
    text: str


@dataclass(slots=True)
class Asked:
    """A call in the history and what the messages after it answered; None while nothing did."""

    id: str
    name: str
    arguments: str
    result: str | None = None
    result_at: int | None = None


@dataclass(slots=True)
class Entry:
    """One message. ``answers`` is the name of the call that a tool message answers."""

    index: int
    role: str
    said: list[Said] = field(default_factory=list)
    calls: list[Asked] = field(default_factory=list)
    name: str = ""
    call_id: str = ""
    answers: Asked | None = None

    @property
    def text(self) -> str:
        return "\n".join(piece.text for piece in self.said)


def read(messages: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """All messages in order. A tool message is joined to the nearest open call of its id.

    Where ids repeat, results go to the calls in their order; the legacy ``function`` role
    names its function and answers the last open call of that name.
    """
    entries: list[Entry] = []
    open_calls: list[Asked] = []
    for index, message in enumerate(messages):
        entry = _read_one(index, message)
        if entry.calls:
            open_calls += entry.calls
        if entry.role in ("tool", "function"):
            entry.answers = _close(entry, open_calls)
        entries.append(entry)
    return entries


def _close(entry: Entry, open_calls: list[Asked]) -> Asked | None:
    by_id = entry.role == "tool" and bool(entry.call_id)
    for call in open_calls:
        if (call.id == entry.call_id) if by_id else (call.name == entry.name):
            call.result, call.result_at = entry.text, entry.index
            open_calls.remove(call)
            return call
    return None


def _read_one(index: int, message: Mapping[str, Any]) -> Entry:
    entry = Entry(
        index,
        str(message.get("role") or "?"),
        name=str(message.get("name") or ""),
        call_id=str(message.get("tool_call_id") or ""),
    )
    for key in _REASONING:
        if isinstance(message.get(key), str) and message[key]:
            entry.said.append(Said("reasoning", message[key]))
    entry.said += read_content(message.get("content"))
    if isinstance(message.get("refusal"), str):
        entry.said.append(Said("refusal", message["refusal"]))
    entry.calls = read_calls(message)
    rest = {key: value for key, value in message.items() if key not in _KNOWN}
    rest = {key: value for key, value in rest.items() if key not in _REASONING and value}
    if rest:
        entry.said.append(Said("json", json.pretty(rest)))
    return entry


def read_content(content: Any) -> list[Said]:
    """The pieces of a message's content: a text, a list of parts, or nothing."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [Said("text", content)]
    parts = content if isinstance(content, list) else [content]
    return [_read_part(part) for part in parts]


def _read_part(part: Any) -> Said:
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return Said("text", part["text"])
    return Said("json", json.pretty(part))


def read_calls(message: Mapping[str, Any]) -> list[Asked]:
    """The calls of an assistant message, custom and legacy ones too."""
    found = []
    for call in message.get("tool_calls") or []:
        if not isinstance(call, Mapping):
            continue
        body = call.get("function") or call.get("custom") or {}
        arguments = body.get("arguments", body.get("input", ""))
        found.append(Asked(str(call.get("id") or ""), _text(body.get("name")), _text(arguments)))
    legacy = message.get("function_call")
    if isinstance(legacy, Mapping):
        found.append(Asked("", _text(legacy.get("name")), _text(legacy.get("arguments"))))
    return found


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dump(value)


@dataclass(frozen=True, slots=True)
class Window:
    """The entries that are shown, in two parts, and how many lie folded between them."""

    head: list[Entry]
    tail: list[Entry]
    hidden: int
    hidden_from: int


HEAD, TAIL, MANY = 4, 30, 40


def fold(entries: list[Entry]) -> Window:
    """The middle of a long history folded; results that stand beside their call left out."""
    shown = [entry for entry in entries if entry.answers is None]
    if len(shown) <= MANY:
        return Window(shown, [], 0, 0)
    head, tail = shown[:HEAD], shown[-TAIL:]
    return Window(head, tail, len(shown) - HEAD - TAIL, HEAD)
