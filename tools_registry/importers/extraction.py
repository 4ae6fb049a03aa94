"""A part of a larger document as a schema of its own, with what it refers to in ``$defs``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from tools_registry.dialects import UnreadableTool
from tools_registry.importers.items import Notes
from tools_registry.importers.names import make_name
from tools_registry.validation.pointers import append, tokens

_LISTS = frozenset(["anyOf", "oneOf", "allOf", "prefixItems"])
_SINGLE = frozenset(
    ["items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"]
    + ["unevaluatedItems", "unevaluatedProperties", "additionalItems", "contentSchema"]
)
_NAMED = frozenset(["properties", "$defs", "definitions", "patternProperties", "dependentSchemas"])
MISSING = object()
"""Stands for the value of a pointer that leads nowhere."""


def look_up(document: Any, pointer: str) -> Any:
    """The value at a pointer, ``MISSING`` where there is none."""
    found = document
    for token in tokens(pointer):
        if isinstance(found, Mapping) and token in found:
            found = found[token]
        elif isinstance(found, list) and token.isdecimal() and int(token) < len(found):
            found = found[int(token)]
        else:
            return MISSING
    return found


def target_of(reference: Any, at: str) -> str:
    """The pointer to which a local ``$ref`` leads. Raises ``UnreadableTool`` for another one."""
    if not isinstance(reference, str):
        raise UnreadableTool(append(at, "$ref"), "A $ref is a text")
    if not reference.startswith("#"):
        detail = (
            f"{reference[:200]} is another document, which is not fetched; put it into this one"
        )
        raise UnreadableTool(append(at, "$ref"), detail)
    pointer = unquote(reference[1:])
    if pointer and not pointer.startswith("/"):
        detail = f"{reference[:200]} is a named anchor; write it as a path such as #/components/…"
        raise UnreadableTool(append(at, "$ref"), detail)
    return pointer


Convert = Callable[[dict[str, Any], str], dict[str, Any]]


class Extraction:
    """Schemas copied out of ``document`` for one definition, with what they refer to.

    ``base`` is the pointer of the part that becomes the definition's root schema: references
    into it stay, with a shorter path. ``convert`` changes each schema after its inner ones.
    """

    def __init__(
        self,
        document: Any,
        notes: Notes,
        *,
        base: str | None = None,
        convert: Convert | None = None,
    ) -> None:
        self.document, self.notes, self.base = document, notes, base
        self.convert = convert
        self.definitions: dict[str, Any] = {}
        self._names: dict[str, str] = {}

    def copy(self, schema: Any, at: str) -> Any:
        """The schema at a pointer with its references made good within the new definition."""
        if not isinstance(schema, Mapping) or isinstance(schema.get("$id"), str):
            return schema  # with an address of its own it is a document of its own
        result: dict[str, Any] = {}
        for word, value in schema.items():
            place = append(at, word)
            if word in _LISTS or (word == "items" and isinstance(value, list)):
                listed = enumerate(value if isinstance(value, list) else ())
                result[word] = [self.copy(part, append(place, n)) for n, part in listed] or value
            elif word in _SINGLE:
                result[word] = self.copy(value, place)
            elif word in _NAMED and isinstance(value, Mapping):
                result[word] = {k: self.copy(part, append(place, k)) for k, part in value.items()}
            elif word == "$ref":
                result[word] = self._refer(value, at)
            else:
                result[word] = value
        return self.convert(result, at) if self.convert else result

    def close(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The root schema with the gathered definitions."""
        if not self.definitions:
            return schema
        return {**schema, "$defs": {**schema.get("$defs", {}), **self.definitions}}

    def _refer(self, reference: Any, at: str) -> str:
        if isinstance(reference, str) and reference[:1] == "#" and reference[1:2] not in ("", "/"):
            return reference  # a named anchor, which moves along with what it names
        target = target_of(reference, at)
        if self.base is not None and (target == self.base or target.startswith(f"{self.base}/")):
            return f"#{target[len(self.base) :]}"
        return f"#/$defs/{self._define(target, at)}"

    def _define(self, target: str, at: str) -> str:
        if target in self._names:
            return self._names[target]
        found = look_up(self.document, target)
        if found is MISSING or not isinstance(found, Mapping | bool):
            raise UnreadableTool(append(at, "$ref"), f"#{target} leads to no schema here")
        name = self._name(target)
        self._names[target] = name
        self.definitions[name] = {}  # keeps its place while it refers to itself
        self.definitions[name] = self.copy(found, target)
        self.notes.add("changed", "reference_moved", "What a $ref names stands in $defs", target)
        return name

    def _name(self, target: str) -> str:
        last = next(iter(tokens(target)[-1:]), "root")
        name = free = make_name(last.replace(".", "_"))
        taken = set(self._names.values()) | self._own_names()
        number = 2
        while free in taken:
            free, number = f"{name}_{number}", number + 1
        return free

    def _own_names(self) -> set[str]:
        root = look_up(self.document, self.base) if self.base is not None else None
        own = root.get("$defs") if isinstance(root, Mapping) else None
        return set(own) if isinstance(own, Mapping) else set()
