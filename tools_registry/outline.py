"""A schema's parameters as rows for people to read: name, type, limits, description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tools_registry.validation import pointers
from tools_registry.validation.declared import look_up
from tools_registry.validation.explain import cut, listing

_DEEPEST = 6
_MOST = 500
_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "matches {}",
    "format": "format {}",
    "default": "{} by default",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One parameter; ``depth`` 0 is a top-level one. ``limits`` are in words. ``pointer`` is where
    it stands in arguments, with ``*`` for places in lists.
    """

    name: str
    pointer: str
    depth: int
    type: str
    is_required: bool
    limits: tuple[str, ...]
    description: str


def read_rows(schema: Any) -> list[Row]:
    """The parameters of a schema, nested ones after their parent. Follows local references."""
    return list(islice(_object_rows(schema, schema, 0), _MOST))


def _object_rows(part: Any, root: Any, depth: int, above: str = "") -> Iterator[Row]:
    part = _resolve(part, root)
    properties = part.get("properties")
    if not isinstance(properties, Mapping) or depth > _DEEPEST:
        return
    required = part.get("required")
    for name, declared in properties.items():
        inner = _resolve(declared, root)
        pointer = pointers.anywhere(pointers.append(above, name))
        yield Row(
            name,
            pointer,
            depth,
            _type(inner, root),
            isinstance(required, list) and name in required,
            tuple(_limits(inner)),
            str(inner.get("description") or ""),
        )
        if "items" in inner and "properties" not in inner:
            yield from _object_rows(inner["items"], root, depth + 1, f"{pointer}/*")
        else:
            yield from _object_rows(inner, root, depth + 1, pointer)


def _resolve(part: Any, root: Any) -> Mapping[str, Any]:
    """The schema with its local reference merged in; {} for ``true``, ``false`` and rubbish."""
    for _ in range(8):
        if not isinstance(part, Mapping):
            return {}
        reference = part.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return part
        found = look_up(root, pointers.tokens(reference[1:]))
        own = {key: value for key, value in part.items() if key != "$ref"}
        part = {**found, **own} if isinstance(found, Mapping) else own
    return {}


def _type(part: Mapping[str, Any], root: Any) -> str:
    kind = part.get("type")
    if isinstance(kind, list):
        return " or ".join(map(str, kind))
    if kind == "array":
        inner = _type(_resolve(part.get("items"), root), root)
        return f"array of {inner}" if inner != "any" else "array"
    if isinstance(kind, str):
        return kind
    for keyword in ("anyOf", "oneOf"):
        if isinstance(part.get(keyword), list):
            kinds = [_type(_resolve(branch, root), root) for branch in part[keyword]]
            return " or ".join(dict.fromkeys(kinds))
    return "object" if "properties" in part else "any"


def _limits(part: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(part.get("enum"), list):
        yield f"one of {listing(part['enum'])}"
    if "const" in part:
        yield f"always {cut(part['const'])}"
    for keyword, words in _LIMITS.items():
        if keyword in part:
            value = part[keyword]
            plain = keyword in ("pattern", "format") and isinstance(value, str)
            yield words.format(value if plain else cut(value))
