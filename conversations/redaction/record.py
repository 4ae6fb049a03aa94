"""Redaction of a turn record: messages, arguments, results, errors and ids.

Tool definitions, roles, call ids and names of tools are left: without them nothing could be
judged. Parts that do not change are the same objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conversations.ingest.notes import Note
from conversations.ingest.record import Request, Response, ToolResult, TurnRecord
from conversations.redaction.json_text import redact_json
from conversations.redaction.pointers import Path, Pointer, below
from conversations.redaction.rules import Counts, Rules

_FORM = frozenset({"role", "tool_call_id", "id", "type"})
_RESULT_ROLES = ("tool", "function")
_NOWHERE = -1
_BINARY = ";base64,"
_LEAST_NUMBER, _MOST_NUMBER = 10**6, 10**19
"""Whole numbers that are looked at: 7 to 19 digits."""


def redact(record: TurnRecord, rules: Rules) -> tuple[TurnRecord, Counts]:
    """The record as it may be stored, and how many places each rule changed.

    A record that no rule touches is returned as it is. Redacting twice changes nothing more.
    A changed record carries the note ``redacted``.
    """
    if not rules:
        return record, {}
    work = _Redaction(rules)
    changes = work.change(record)
    if not changes:
        return record, {}
    changed = record.model_copy(update=changes)
    return changed.with_notes([note_of(work.counts)]), work.counts


def redact_result(result: ToolResult, rules: Rules) -> ToolResult:
    """A result that comes apart from its turn, as it may be stored."""
    return _Redaction(rules).result(result)


def redact_arguments(arguments: Any, rules: Rules) -> Any:
    """The arguments of one call."""
    return _Redaction(rules).arguments(arguments)


def redact_messages(messages: Sequence[Any], rules: Rules) -> tuple[list[Any], Counts]:
    """Messages whose places in their request are not known; how many places each rule changed.

    Pointers to the message of one number say nothing of them.
    """
    work = _Redaction(rules)
    return [work.message(_NOWHERE, message) for message in messages], work.counts


def note_of(counts: Counts) -> Note:
    """The note of a turn that redaction changed: the rules and how many places each."""
    said = ", ".join(f"{name} {count}×" for name, count in counts.items())
    return Note("redacted", f"Replaced before storing: {said}.")


Change = Callable[[Any], Any]


@dataclass
class _Redaction:
    rules: Rules
    counts: Counts = field(default_factory=dict)
    roots: dict[str, tuple[Pointer, ...]] = field(init=False)

    def __post_init__(self) -> None:
        roots = ("arguments", "results", "messages", "parameters", "error")
        self.roots = {root: below(self.rules.pointers, root) for root in roots}

    def change(self, record: TurnRecord) -> dict[str, Any]:
        """The fields of the record that change, with their new values."""
        rules, counts = self.rules, self.counts
        new = {
            "id": rules.hide_id(record.id, counts),
            "conversation": rules.hide_id(record.conversation, counts),
            "user": rules.hide_user(record.user, counts),
            "tags": _each(record.tags, lambda tag: rules.replace(tag, counts)[:200]),
            "request": self.request(record.request),
            "response": self.response(record.response, len(record.request.messages)),
            "error": self.data(record.error, self.roots["error"]),
            "tool_results": _each(record.tool_results, self.result),
            "expected": self.expected(record.expected),
        }
        return {name: value for name, value in new.items() if value is not getattr(record, name)}

    def request(self, request: Request) -> Request:
        messages = _each_at(request.messages, self.message)
        parameters = self.data(request.parameters, self.roots["parameters"], names=False)
        if messages is request.messages and parameters is request.parameters:
            return request
        return request.model_copy(update={"messages": messages, "parameters": parameters})

    def response(self, response: Response | None, position: int) -> Response | None:
        if response is None:
            return None
        message = self.message(position, response.message)
        if message is response.message:
            return response
        return response.model_copy(update={"message": message})

    def result(self, result: ToolResult) -> ToolResult:
        content = self.data(result.content, self.roots["results"])
        return (
            result if content is result.content else result.model_copy(update={"content": content})
        )

    def expected(self, expected: Any) -> Any:
        if not isinstance(expected, Mapping):
            return expected
        return self.member(expected, "calls", lambda calls: _each(calls, self.expected_call))

    def expected_call(self, call: Any) -> Any:
        return self.member(call, "arguments", self.arguments)

    def message(self, position: int, message: Any) -> Any:
        """A message in OpenAI chat form."""
        is_result = message.get("role") in _RESULT_ROLES
        results = self.roots["results"] if is_result else ()

        def change(name: str, value: Any) -> Any:
            path = (str(position), name)
            if name in _FORM or (name == "name" and is_result):
                return value
            if name == "tool_calls":
                return _each(value, self.call)
            if name == "function_call":
                return self.member(value, "arguments", self.arguments)
            if name == "content" and results:
                value = self.data(value, results, names=False)
            return self.data(value, self.roots["messages"], path, names=False)

        return _members(message, change)

    def call(self, call: Any) -> Any:
        call = self.member(
            call, "function", lambda made: self.member(made, "arguments", self.arguments)
        )
        return self.member(call, "custom", lambda made: self.member(made, "input", self.arguments))

    def arguments(self, value: Any) -> Any:
        return self.data(value, self.roots["arguments"])

    def member(self, value: Any, name: str, change: Change) -> Any:
        if not isinstance(value, Mapping) or name not in value:
            return value
        return _members(value, lambda key, held: change(held) if key == name else held)

    def data(
        self, value: Any, pointers: tuple[Pointer, ...], path: Path = (), *, names: bool = True
    ) -> Any:
        """A JSON value: texts by the rules, places by the pointers; names too where asked."""
        for pointer in pointers:
            if pointer.matches(path):
                return value if value is None else self.put(value, pointer)
        if isinstance(value, str):
            return self.text(value, _deeper(pointers, path))
        if isinstance(value, int) and _LEAST_NUMBER <= value < _MOST_NUMBER:
            text = str(value)
            new = self.rules.replace(text, self.counts)
            return value if new == text else new
        if isinstance(value, list | tuple):
            return _each_at(
                value, lambda at, item: self.data(item, pointers, (*path, str(at)), names=names)
            )
        if isinstance(value, Mapping):
            held = _members(
                value, lambda key, item: self.data(item, pointers, (*path, key), names=names)
            )
            return self.names(held) if names else held
        return value

    def put(self, value: Any, pointer: Pointer) -> Any:
        if value == pointer.replacement:
            return value
        self.counts[pointer.name] = self.counts.get(pointer.name, 0) + 1
        return pointer.replacement

    def text(self, value: str, pointers: tuple[Pointer, ...]) -> str:
        if value.startswith("data:") and _BINARY in value[:100]:
            return value
        new = redact_json(value, self.rules, pointers, self.counts)
        return value if new == value else new

    def names(self, value: Any) -> Any:
        renamed = [redact_json(name, self.rules, (), self.counts) for name in value]
        if all(new == old for new, old in zip(renamed, value, strict=True)):
            return value
        seen: dict[str, int] = {}
        result = {}
        for (old, held), new in zip(value.items(), renamed, strict=True):
            seen[new] = seen.get(new, 0) + (new != old)
            result[new if seen[new] <= 1 else f"{new} {seen[new]}"] = held
        return result


def _deeper(pointers: tuple[Pointer, ...], path: Path) -> tuple[Pointer, ...]:
    """The pointers that go on below ``path``, written from there."""
    size = len(path)
    return tuple(
        Pointer(pointer.name, pointer.root, pointer.path[size:], pointer.replacement)
        for pointer in pointers
        if len(pointer.path) > size
        and all(mine in ("*", its) for mine, its in zip(pointer.path, path, strict=False))
    )


def _each(values: Any, change: Change) -> Any:
    return _each_at(values, lambda _, value: change(value))


def _each_at(values: Any, change: Callable[[int, Any], Any]) -> Any:
    """The list or tuple with its items changed; the same object where none is."""
    if not isinstance(values, list | tuple):
        return values
    new = [change(at, value) for at, value in enumerate(values)]
    return values if _are_same(new, values) else type(values)(new)


def _members(value: Mapping[str, Any], change: Callable[[str, Any], Any]) -> Any:
    new = {name: change(name, held) for name, held in value.items()}
    return value if _are_same(new.values(), value.values()) else new


def _are_same(new: Iterable[Any], old: Iterable[Any]) -> bool:
    return all(mine is its for mine, its in zip(new, old, strict=True))
