"""Alternatives of a schema: which there are, and whether at most one of them can fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from tools_registry.diff.keywords import TYPES, types_of, values_of
from tools_registry.diff.references import Root

Schema = Mapping[str, Any]

_WORDS = frozenset(["description", "title", "default", "examples", "deprecated", "$comment"])
_AROUND = frozenset(["$schema", "$id", "$defs", "definitions", "discriminator"])
_MOST = 60


def is_only(schema: Schema) -> bool:
    """Whether a schema consists of ``anyOf`` or ``oneOf`` and nothing else that is checked."""
    checked = schema.keys() - _WORDS - _AROUND
    return len(checked) == 1 and any(isinstance(schema.get(w), list) for w in ("anyOf", "oneOf"))


def alternatives_of(schema: Schema) -> list[Any]:
    """The alternatives of which a schema is the union: several types are several of them."""
    if is_only(schema):
        return list(schema["anyOf"] if isinstance(schema.get("anyOf"), list) else schema["oneOf"])
    types = schema.get("type")
    plain = {key: value for key, value in schema.items() if key not in _WORDS}
    if isinstance(types, list):
        return [{**plain, "type": one} for one in types]
    return [plain]


def are_disjoint(root: Root, parts: list[Any]) -> bool:
    """Whether no value can fit two of them: by type, by listed values, or by a discriminator."""
    if len(parts) > _MOST:
        return False
    resolved = [root.resolve(part) for part in parts]
    return all(_are_apart(root, one, two) for one, two in combinations(resolved, 2))


def _are_apart(root: Root, one: Any, two: Any) -> bool:
    if one is False or two is False:
        return True
    if not isinstance(one, Mapping) or not isinstance(two, Mapping):
        return False
    if not _widened(one) & _widened(two):
        return True
    if _have_other_values(one, two):
        return True
    return any(True for _ in _discriminators(root, one, two))


def _widened(schema: Schema) -> frozenset[str]:
    types = types_of(schema)
    return types | {"integer"} if "number" in types else types & TYPES


def _have_other_values(one: Schema, two: Schema) -> bool:
    first, second = values_of(one), values_of(two)
    return first is not None and second is not None and not first.keys() & second.keys()


def _discriminators(root: Root, one: Schema, two: Schema) -> Iterator[str]:
    """Required members of both objects that cannot have the same value."""
    if types_of(one) != {"object"} or types_of(two) != {"object"}:
        return
    for name in set(one.get("required") or ()) & set(two.get("required") or ()):
        parts = [
            root.resolve((schema.get("properties") or {}).get(name, True)) for schema in (one, two)
        ]
        if all(isinstance(part, Mapping) for part in parts) and _have_other_values(*parts):
            yield name
