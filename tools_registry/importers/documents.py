"""A source's text as a value, JSON or YAML, with the line of each part.

YAML is read by its core schema (1.2): no dates, no ``yes`` for true. Anchors and merge keys are
followed; aliases that would expand to a huge document are refused. Reading never recurses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from tools_registry.definitions import nearest
from tools_registry.importers.items import CannotRead
from tools_registry.validation import pointers
from tools_registry.validation.positions import Position, json_positions
from tools_registry.validation.syntax import read_value

LARGEST = 20_000_000
"""Characters of a source."""
_DEEPEST = 200
_MOST_VALUES = 2_000_000
_INTEGER = re.compile(r"[-+]?[0-9]{1,4000}|0o[0-7]{1,4000}|0x[0-9a-fA-F]{1,3000}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,5})?")
_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TAGS = frozenset(["int", "float", "bool", "null"])
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True)
class Document:
    """A parsed source. ``places`` are found when first asked for."""

    value: Any
    find_places: Callable[[], Mapping[str, Position]] = field(repr=False, default=dict)

    @cached_property
    def places(self) -> Mapping[str, Position]:
        return self.find_places()

    def place_of(self, pointer: str) -> Position:
        return nearest(pointer, self.places)


def decode(data: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 with its mark. Raises ``CannotRead``."""
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            data = data.decode(encoding, "replace").encode()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CannotRead(f"This is not UTF-8 text: byte {error.start} is none") from None


def read_document(text: str) -> Document:
    """The value of a JSON or YAML text. Raises ``CannotRead`` at the line that is wrong."""
    if len(text) > LARGEST:
        raise CannotRead(f"Shorten the source to {LARGEST:,} characters")
    if not text.strip():
        raise CannotRead("There is nothing in it")
    value, finding = read_value(text)
    if finding is None:
        return Document(value, lambda: json_positions(text))
    if text.lstrip()[:1] in ("{", "[", '"') and not _looks_like_flow_yaml(text):
        detail = finding.detail
        place = int(detail.get("line", 1)), int(detail.get("column", 1))
        if "reason" not in detail:
            raise CannotRead(
                "It is nested too deep to be read, or a number is too long", "", *place
            )
        raise CannotRead(f"This is not JSON: {detail['reason']}", "", *place)
    return _read_yaml(text)


def _looks_like_flow_yaml(text: str) -> bool:
    """``{a: b}`` is YAML; a brace before a quote is JSON, broken or not."""
    return re.match(r"[\s\[{]*[A-Za-z_]", text) is not None and text.lstrip()[0] == "{"


@dataclass
class _Node:
    """A value under construction; ``size`` counts what it holds with aliases written out."""

    value: Any
    at: str
    anchor: str | None
    line: int
    key: Any = None
    has_key: bool = False
    merges: list[Any] = field(default_factory=list)
    size: int = 1


class _Builder:
    """Values from YAML's events."""

    def __init__(self) -> None:
        self.stack: list[_Node] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.places: dict[str, Position] = {}
        self.result: Any = None
        self.documents = 0

    def take(self, event: Any) -> None:
        place = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise CannotRead("There is a second YAML document: give one", "", *place)
        elif isinstance(event, yaml.ScalarEvent):
            value = str(event.value) if self._awaits_key() else _scalar(event, place)
            self._place(value, place, event.anchor, 1)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise CannotRead(f"The alias *{event.anchor} has no anchor", "", *place)
            value, size = self.anchors[event.anchor]
            self._place(value, place, None, size)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event, place)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close(place)

    def _awaits_key(self) -> bool:
        node = self.stack[-1] if self.stack else None
        return node is not None and isinstance(node.value, dict) and not node.has_key

    def _open(self, event: Any, place: Position) -> None:
        if len(self.stack) >= _DEEPEST:
            raise CannotRead("It is nested too deep to be read", "", *place)
        if self._awaits_key():
            raise CannotRead("A key must be a text", "", *place)
        at = self._child(self.stack[-1] if self.stack else None)
        self.places.setdefault(at, place)
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.stack.append(_Node(value, at, event.anchor, place[0]))

    def _close(self, place: Position) -> None:
        node = self.stack.pop()
        for merged in node.merges:
            _merge(node.value, merged, place)
        self._place(node.value, None, node.anchor, node.size)

    def _child(self, parent: _Node | None) -> str:
        if parent is None:
            return ""
        return pointers.append(
            parent.at, parent.key if isinstance(parent.value, dict) else len(parent.value)
        )

    def _place(self, value: Any, place: Position | None, anchor: str | None, size: int) -> None:
        """Put a finished value where it belongs: a key, a member, an element, or the whole."""
        if anchor:
            self.anchors[anchor] = (value, size)
        if not self.stack:
            self.result = value
            if place:
                self.places.setdefault("", place)
            return
        node = self.stack[-1]
        node.size += size
        if node.size > _MOST_VALUES:
            raise CannotRead("Its aliases write out to more than can be read", "", node.line, 1)
        if isinstance(node.value, list):
            if place:
                self.places.setdefault(self._child(node), place)
            node.value.append(value)
        elif not node.has_key:
            if not isinstance(value, str):
                raise CannotRead("A key must be a text", "", *(place or (node.line, 1)))
            node.key, node.has_key = value, True
            self.places.setdefault(self._child(node), place or (node.line, 1))
        else:
            if node.key == "<<":
                node.merges.append(value)
            else:
                node.value[node.key] = value
            node.key, node.has_key = None, False


def _merge(target: dict[str, Any], source: Any, place: Position) -> None:
    for part in source if isinstance(source, list) else [source]:
        if not isinstance(part, dict):
            raise CannotRead("<< merges a mapping, and this is none", "", *place)
        for key, value in part.items():
            target.setdefault(key, value)


def _scalar(event: Any, place: Position) -> Any:
    text = str(event.value)
    tag = event.tag or ""
    if tag == "tag:yaml.org,2002:str" or tag == "!" or (not tag and not event.implicit[0]):
        return text
    if tag and tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
        raise CannotRead(f"The tag {tag[:60]} has no meaning here", "", *place)
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise CannotRead("A number is too large to be kept", "", *place)
        return number
    if _NOT_FINITE.fullmatch(text):
        raise CannotRead(f"{text} is no JSON value", "", *place)
    return text


def _read_yaml(text: str) -> Document:
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise CannotRead(f"This is neither JSON nor YAML: {error.problem}", "", *place) from None
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0][:200]
        raise CannotRead(f"This is neither JSON nor YAML: {reason}") from None
    return Document(builder.result, lambda: builder.places)
