"""The first certain violation of a tool's schema, while the arguments still arrive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

from tools_registry.validation.findings import Finding
from tools_registry.validation.partial import violations
from tools_registry.validation.partial.scanner import Kind, Scanner
from tools_registry.validation.partial.schema import LiveSchema, Node, escape

# A value inside this many others that are judged whole at their end is left to them, so the
# judging stays linear however deep the value nests.
_NESTED_JUDGEMENTS = 4


@dataclass(slots=True)
class _Level:
    """One object or array that is open."""

    kind: Kind
    node: Node | None
    judged: int
    keys: set[str] = field(default_factory=set)
    key: str = ""
    child: Node | None = None
    count: int = 0

    @property
    def token(self) -> str | int:
        return self.key if self.kind == "object" else self.count - 1


class PartialCheck:
    """Judges one argument text as its fragments arrive.

    ``violation`` is the first violation that is certain: no way to go on makes the arguments
    valid. A repeated key is only flagged, and gives way to the first rejected one. Without a
    schema, or with one that is no JSON Schema, only the JSON and its being an object are
    judged. A text that repeats a key is judged as if each of its values counted.
    """

    def __init__(self, schema: Mapping[str, Any] | LiveSchema | None) -> None:
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
                self._reject(violations.malformed(self._scanner.broken, self._scanner.broken_at))
        return self.violation

    def finish(self) -> Finding | None:
        """The text has ended. What is not whole by now is malformed."""
        if not self.ended and not self.broken:
            self._reject(violations.malformed("The text ends too early", self._scanner.text.length))
        return self.violation

    # What the scanner tells.

    def opens(self, kind: Kind) -> None:
        if self._rejected:
            return
        node = self._next_node(kind)
        if node is not None and kind not in node.kinds:
            self._reject(violations.wrong_start(self._pointer(), kind, node))
        elif kind in ("object", "array"):
            judged = self._levels[-1].judged if self._levels else 0
            if node is not None and node.validators(kind):
                judged += 1
            self._levels.append(_Level(kind, node, judged))
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
        level.key = json.loads(raw) if "\\" in raw else raw[1:-1]
        if level.key in level.keys and self._flagged is None:
            self._flagged = violations.duplicate_key(self._pointer(), level.key)
        if level.node is not None:
            level.child = level.node.child(level.key)
            if level.child is None:
                near = [name for name in level.node.declared_names if name not in level.keys]
                self._reject(violations.unexpected(self._pointer(), level.key, near))
        level.keys.add(level.key)

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
            if self._scalar is not None and self._scalar.validators(kind):
                self._judge(self._scalar.validators(kind), start, end)
            return
        level = self._levels.pop()
        if level.node is None:
            return
        for name in level.node.required if kind == "object" else ():
            if name not in level.keys:
                self._reject(violations.missing(self._pointer(), name))
                return
        if not self._levels:
            assert self._schema is not None
            self._judge([self._schema.validator], start, end)
        elif level.judged <= _NESTED_JUDGEMENTS and level.node.validators(kind):
            self._judge(level.node.validators(kind), start, end)

    def _judge(self, validators: list[jsonschema_rs.Validator], start: int, end: int) -> None:
        try:
            value = json.loads(self._scanner.text.slice(start, end))
            for validator in validators:
                if not validator.is_valid(value):
                    error = next(validator.iter_errors(value))
                    self._reject(violations.from_validator(error, self._pointer()))
                    return
        except (ValueError, RecursionError):
            # A number of thousands of digits, an unpaired surrogate, a very deep value: the
            # validator cannot read it, so nothing is certain.
            return

    def _reject(self, finding: Finding) -> None:
        if self._rejected is None:
            self._rejected = finding

    def _pointer(self) -> str:
        return "".join(f"/{escape(level.token)}" for level in self._levels)


def compile_schema(schema: Mapping[str, Any] | None) -> LiveSchema | None:
    """The schema ready for many checks, or None where there is none that can be used."""
    if schema is None:
        return None
    try:
        return LiveSchema(schema)
    except (ValueError, RecursionError):
        return None
