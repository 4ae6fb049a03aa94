"""Gemini's dialect: function declarations, whose Schema is not quite JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools_registry.importers.items import Notes
from tools_registry.importers.wire import Dialect, Entry
from tools_registry.lint.parts import walk
from tools_registry.validation.pointers import append

_SCHEMAS = ("parameters", "response")
_WHOLE = (*_SCHEMAS, "parametersJsonSchema", "parameters_json_schema", "responseJsonSchema")
_JSON_SCHEMA = _WHOLE[2:]


def _fits(entry: Entry, at: str) -> bool:
    if any(f"/{key}/" in at for key in ("functionDeclarations", "function_declarations")):
        return True
    return any(key in entry for key in _JSON_SCHEMA) or any(
        is_gemini_type(_type_of(entry.get(key))) for key in _SCHEMAS
    )


def _type_of(schema: Any) -> Any:
    return schema.get("type") if isinstance(schema, Mapping) else None


def is_gemini_type(kind: Any) -> bool:
    """Whether a type is written as Gemini's enumeration: in upper case, or as its number."""
    return isinstance(kind, str) and kind.isupper() or type(kind) is int


def _tell(entry: Entry, at: str, notes: Notes) -> Entry:
    for key in _SCHEMAS:
        if is_gemini_type(_type_of(entry.get(key))):
            _tell_schema(entry[key], append(at, key), notes)
    for one, other in (("parameters", "parametersJsonSchema"), ("response", "responseJsonSchema")):
        if entry.get(one) is not None and entry.get(other) is not None:
            notes.add("lost", "not_kept", f"{one} counts, {other} beside it does not", at)
    return entry


def _tell_schema(schema: Any, at: str, notes: Notes) -> None:
    for part in walk(schema, at):
        if is_gemini_type(part.schema.get("type")):
            place = append(part.pointer, "type")
            notes.add("changed", "type_lowered", "The type is written in lower case", place)
        if part.schema.get("nullable") is True:
            place = append(part.pointer, "nullable")
            notes.add("changed", "null_admitted", "nullable is written as the type null", place)
        for word, value in part.schema.items():
            if word.startswith(("min", "max")) and isinstance(value, str) and value.isdecimal():
                place = append(part.pointer, word)
                notes.add("changed", "count_read", "A count in quotes is a number", place)


DIALECT = Dialect("gemini", "Gemini", _fits, _tell)
