"""Inputs that a call leaves open for what another call of the turn gives. Pure.

A model that makes two calls at once cannot know the first one's result: it leaves the input of
the second out, or writes something in its place. Where the other tool declares an output of that
name and type, it is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools_registry.lint.words import split
from tools_registry.specs import ToolSpec
from tools_registry.validation.pointers import append

_PLACEHOLDER = re.compile(
    r"<[\w .-]+>|\{\{?[\w .-]+\}?\}|\[[A-Za-z][\w .-]*\]|\$\{?[A-Za-z_]\w*\}?"
)
_WORDS_ONLY = re.compile(r"(?i)tbd|todo|placeholder|unknown|from[ _](?:previous|above).*")

Source = tuple[str, str, ToolSpec | None]
"""A call that may give a value: its key, its tool's name, its definition."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The input at ``pointer`` is filled with ``field`` of the result of the call ``source``."""

    pointer: str
    source: str
    field: str


def find_openings(
    arguments: Any, spec: ToolSpec | None, sources: Sequence[Source]
) -> Iterator[Opening]:
    """The open inputs that one of ``sources`` gives; the first in their order that fits."""
    schema = (spec.parameters if spec else None) or {}
    declared = schema.get("properties")
    if not isinstance(arguments, dict) or not isinstance(declared, Mapping):
        return
    required = schema.get("required") or ()
    for name, wanted in declared.items():
        if not _is_open(name, arguments, name in required, wanted):
            continue
        for key, tool, other in sources:
            field = _output_for(name, wanted, tool, other)
            if field is not None:
                yield Opening(append("", name), key, field)
                break


def _is_open(name: str, arguments: Mapping[str, Any], required: bool, wanted: Any) -> bool:
    """Absent or null although it is required, or something that only holds its place."""
    value = arguments.get(name)
    if value is None:
        return required and "null" not in _types(wanted)
    if not isinstance(value, str):
        return False
    text = value.strip()
    if isinstance(wanted, Mapping) and (text in (wanted.get("enum") or ()) or not text):
        return not text and required
    is_placeholder = _PLACEHOLDER.fullmatch(text) or _WORDS_ONLY.fullmatch(text)
    return bool(is_placeholder) or _fold(text) == _fold(name) != text.casefold()


def _output_for(name: str, wanted: Any, tool: str, spec: ToolSpec | None) -> str | None:
    """The declared output that is this input: of the same name, or ``id`` of what the tool is
    about (``create_order`` gives the ``order_id``)."""
    outputs = ((spec.output_schema if spec else None) or {}).get("properties")
    if not isinstance(outputs, Mapping):
        return None
    about = "".join(word.casefold() for word in split(tool.rpartition(".")[2])[1:])
    for field, given in outputs.items():
        names = {_fold(field)} | ({f"{about}id"} if _fold(field) == "id" else set())
        types = _types(wanted), _types(given)
        fits = not all(types) or types[0] & types[1] or types == ({"number"}, {"integer"})
        if _fold(name) in names and fits:
            return str(field)
    return None


def _types(schema: Any) -> set[str]:
    found = schema.get("type") if isinstance(schema, Mapping) else None
    return set(found) if isinstance(found, list) else {found} if isinstance(found, str) else set()


def _fold(name: str) -> str:
    return "".join(word.casefold() for word in re.findall(r"[^\W_]+", name))
