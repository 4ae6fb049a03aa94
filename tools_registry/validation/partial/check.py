"""The first certain violation of a tool's schema, while the arguments still arrive."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tools_registry.validation.compiled import storable
from tools_registry.validation.findings import Finding
from tools_registry.validation.partial import violations
from tools_registry.validation.partial.scanner import Kind, Scanner
from tools_registry.validation.partial.schema import Judge, LiveSchema, Node
from tools_registry.validation.pointers import append, of
from tools_registry.validation.syntax import NOTHING, read_arguments

# A value inside this many others that are judged whole at their end is left to them, so the
# judging stays linear however deep the value nests.
_NESTED_JUDGEMENTS = 4


@dataclass(slots=True)
class _Level:
    """One object or array that is open."""

    kind: Kind
    node: Node | None
    judged: int
    plain: bool
    keys: set[str] = field(default_factory=set)
    key: str | None = None
    child: Node | None = None
    count: int = 0

    @property
    def token(self) -> str | int | None:
        """Where in it the reading is; None before its first member."""
        return self.key if self.kind == "object" else self.count - 1 if self.count else None


class PartialCheck:
    """Judges one argument text as its fragments arrive.

    ``violation`` is the first violation that is certain: no way to go on makes the arguments
    valid. A repeated key, and a key that is not declared but not forbidden, are only flagged:
    the first of them stands until something is rejected. Without a schema, or with one that is
    no JSON Schema, only the JSON and its being an object are judged. A text that repeats a key
    is judged as if each of its values counted. ``owners`` are the other offered tools by the
    parameters that they declare.
    """

    def __init__(
        self,
        schema: Mapping[str, Any] | LiveSchema | None,
        owners: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._owners = owners or {}
        self._schema = schema if isinstance(schema, LiveSchema | None) else compile_schema(schema)
        self._scanner = Scanner(self)
        self._levels: list[_Level] = []
        self._scalar: Node | None = None
        self._rejected: Finding | None = None
        self._flagged: Finding | None = None

    @property
    def violation(self) -> Finding | None:
        return self._rejected or self._flagged

    @property
    def ended(self) -> bool:
        """The text is one whole JSON value, so far without anything after it."""
        return self._scanner.ended

    @property
    def broken(self) -> bool:
        """The text can no longer become JSON."""
        return self._scanner.broken is not None

    def feed(self, text: str) -> Finding | None:
        """Read on. Returns ``violation``: from the fragment on that made it certain, always."""
        if self._scanner.broken is None:
            self._scanner.feed(text)
            if self._scanner.broken is not None:
                self._reject_malformed(self._scanner.broken, self._scanner.broken_at)
        return self.violation

    def finish(self) -> Finding | None:
        """The text has ended. What is not whole by now is malformed."""
        if not self.ended and not self.broken:
            self._reject_malformed("it ends too early", self._scanner.text.length)
        return self.violation

    def _reject_malformed(self, reason: str, offset: int) -> None:
        self._reject(violations.malformed(reason, offset, self._pointer()))

    # What the scanner tells.

    def opens(self, kind: Kind) -> None:
        if self._rejected:
            return
        node = self._next_node(kind)
        if node is not None and kind not in node.kinds:
            self._reject(violations.wrong_start(self._pointer(), kind, node))
        elif kind in ("object", "array"):
            above = self._levels[-1] if self._levels else None
            judged = above.judged if above else 0
            if node is not None and node.validators(kind):
                judged += 1
            plain = node is not None and node.is_plain and (above is None or above.plain)
            self._levels.append(_Level(kind, node, judged, plain))
        else:
            self._scalar = node

    def _next_node(self, kind: Kind) -> Node | None:
        if not self._levels:
            if kind != "object":
                self._reject(violations.not_an_object(kind))
            return self._schema.root if self._schema else None
        level = self._levels[-1]
        if level.kind == "object":
            return level.child
        level.count += 1
        return level.node.item(level.count - 1) if level.node else None

    def names(self, start: int, end: int) -> None:
        if self._rejected:
            return
        level = self._levels[-1]
        raw = self._scanner.text.slice(start, end)
        key = level.key = str(json.loads(raw)) if "\\" in raw else raw[1:-1]
        if key in level.keys:
            self._flag(violations.duplicate_key(self._pointer(), key))
        if level.node is not None:
            level.child = level.node.child(key)
            if level.child is None or (level.plain and not level.node.declares(key)):
                self._tell_unexpected(key, level.node, level.keys, forbidden=level.child is None)
        level.keys.add(key)

    def _tell_unexpected(self, key: str, node: Node, sent: set[str], *, forbidden: bool) -> None:
        finding = violations.unexpected(
            self._pointer(), key, node, sent, self._owners, forbidden=forbidden
        )
        if forbidden:
            self._reject(finding)
        else:
            self._flag(finding)

    def grows(self, start: int, end: int) -> None:
        if self._rejected or self._scalar is None or not self._scalar.listed_strings:
            return
        longest = max((len(s) for one in self._scalar.listed_strings for s in one), default=0)
        prefix = self._scanner.text.slice(start, min(end, start + longest + 2))[1:]
        if "\\" in prefix:
            return
        for strings in self._scalar.listed_strings:
            if not any(member.startswith(prefix) for member in strings):
                self._reject(violations.not_listed(self._pointer(), self._scalar))
                return

    def closes(self, kind: Kind, start: int, end: int) -> None:
        if self._rejected:
            return
        if kind not in ("object", "array"):
            if self._scalar is not None:
                self._judge(self._scalar.validators(kind), start, end)
            return
        level = self._levels.pop()
        if not self._levels:
            self._judge_whole(start, end)
        elif level.node is not None:
            self._judge_container(level, level.node, start, end)

    def _judge_container(self, level: _Level, node: Node, start: int, end: int) -> None:
        if level.kind == "object":
            absent = next((name for name in node.required if name not in level.keys), None)
            if absent is not None:
                # The compiled schema words it as it will once the call is whole.
                self._judge(node.all_validators, start, end)
                self._reject(violations.missing(append(self._pointer(), absent), absent))
        if level.judged <= _NESTED_JUDGEMENTS:
            self._judge(node.validators(level.kind), start, end)

    def _judge(self, judges: list[Judge], start: int, end: int) -> None:
        if not judges or self._rejected:
            return
        value, _ = read_arguments(f'{{"":{self._scanner.text.slice(start, end)}}}')
        if value is not NOTHING:
            self._hear(judges, value[""])

    def _judge_whole(self, start: int, end: int) -> None:
        """The layers' own judgement of the whole: nothing that they reject is missed."""
        if self._schema is None:
            return
        value, syntax = read_arguments(self._scanner.text.slice(start, end))
        if value is NOTHING:
            self._reject(syntax.findings[0])
        else:
            self._hear([(self._schema.validator, self._schema.document)], value)

    def _hear(self, judges: list[Judge], value: Any) -> None:
        for validator, schema in judges:
            try:
                fits = validator.is_valid(value)
            except UnicodeError:
                value = storable(value)
                fits = validator.is_valid(value)
            if not fits:
                finding = violations.first_error(validator, schema, value, self._pointer())
                if finding is not None:
                    self._reject(finding)
                return

    def _reject(self, finding: Finding) -> None:
        if self._rejected is None:
            self._rejected = finding

    def _flag(self, finding: Finding) -> None:
        if self._flagged is None:
            self._flagged = finding

    def _pointer(self) -> str:
        tokens = (level.token for level in self._levels)
        return of(token for token in tokens if token is not None)


def compile_schema(schema: Mapping[str, Any] | None) -> LiveSchema | None:
    """The schema ready for many checks, or None where there is none that can be used."""
    if schema is None:
        return None
    try:
        return LiveSchema(schema)
    except (ValueError, RecursionError):
        return None
