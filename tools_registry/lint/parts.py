"""A schema's parts: each parameter, however deep, with the place where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tools_registry.specs import ToolSpec
from tools_registry.validation.pointers import append

Schema = Mapping[str, Any]

_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "contains", "not", "if", "then", "else")
_NAMED = ("$defs", "definitions", "patternProperties", "dependentSchemas")
_DEEPEST = 60


@dataclass(frozen=True, slots=True)
class Part:
    """A subschema. ``name`` is set where it is a parameter; ``level`` counts objects around it."""

    pointer: str
    schema: Schema
    name: str | None = None
    level: int = 0
    depth: int = 0


def walk(schema: Any, at: str = "", name: str | None = None, level: int = 0) -> Iterator[Part]:
    """A schema and all within it, outermost first; references are not followed."""
    yield from _walk(schema, at, name, level, 0)


def _walk(schema: Any, at: str, name: str | None, level: int, depth: int) -> Iterator[Part]:
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return
    yield Part(at, schema, name, level, depth)
    inner = schema.get("properties")
    for key, part in inner.items() if isinstance(inner, Mapping) else ():
        place = append(append(at, "properties"), str(key))
        yield from _walk(part, place, str(key), level + 1, depth + 1)
    for word in _LISTS:
        listed = schema.get(word)
        for index, part in enumerate(listed if isinstance(listed, list) else ()):
            yield from _walk(part, append(append(at, word), index), None, level, depth + 1)
    for word in _SINGLE:
        yield from _walk(schema.get(word), append(at, word), None, level, depth + 1)
    for word in _NAMED:
        named = schema.get(word)
        for key, part in named.items() if isinstance(named, Mapping) else ():
            place = append(append(at, word), str(key))
            yield from _walk(part, place, None, level, depth + 1)


def parameters(spec: ToolSpec) -> Iterator[Part]:
    """Every parameter of a tool, nested ones too."""
    return (part for part in walk(spec.parameters, "/parameters") if part.name is not None)


def top_parameters(spec: ToolSpec) -> dict[str, Schema]:
    """The parameters by name, without what is nested in them."""
    inner = (spec.parameters or {}).get("properties")
    named = inner.items() if isinstance(inner, Mapping) else ()
    return {str(name): part for name, part in named if isinstance(part, Mapping)}
