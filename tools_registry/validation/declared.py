"""What a schema declares by name: the parameters of an object, and keys outside of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tools_registry.validation import pointers

_OPEN = frozenset(
    (
        "$ref",
        "$dynamicRef",
        "$recursiveRef",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "dependentSchemas",
        "dependencies",
        "patternProperties",
        "additionalProperties",
        "unevaluatedProperties",
        "propertyNames",
        "prefixItems",
    )
)
_PARTS = frozenset(("$ref", "allOf", "anyOf", "oneOf"))
"""Keywords through which other parts of the schema declare names."""
_DEEPEST = 60


def look_up(value: Any, path: Sequence[str | int]) -> Any:
    """What stands at a path of keys and indices; None where there is nothing."""
    for token in path:
        try:
            value = value[int(token)] if isinstance(value, list) else value[token]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return value


def declared_names(schema: Any, path: Sequence[str | int]) -> list[str]:
    """The properties that the subschema at ``path`` declares, also through its parts."""
    part = look_up(schema, path)
    if type(part) is dict and _PARTS.isdisjoint(part):
        properties = part.get("properties")
        return list(properties) if isinstance(properties, Mapping) else []
    return list(dict.fromkeys(_names(part, schema, 0)))


def _names(part: Any, root: Any, depth: int) -> Iterator[str]:
    if not isinstance(part, Mapping) or depth > 5:
        return
    properties = part.get("properties")
    if isinstance(properties, Mapping):
        yield from properties
    reference = part.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        yield from _names(look_up(root, pointers.tokens(reference[1:])), root, depth + 1)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for branch in part.get(keyword) or ():
            yield from _names(branch, root, depth + 1)


def undeclared(
    schema: Any, value: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[str, tuple[str | int, ...], list[str]]]:
    """Keys that no ``properties`` names although the schema, silent on it, lets them pass.

    Yields the key, the path of its object and the names declared there. Judges only plain
    objects: where another keyword may have a say, nothing is reported.
    """
    if not isinstance(schema, Mapping) or len(path) > _DEEPEST or not _OPEN.isdisjoint(schema):
        return
    properties = schema.get("properties")
    if isinstance(value, dict) and isinstance(properties, Mapping):
        for key, item in value.items():
            if key not in properties:
                yield key, path, list(properties)
            elif isinstance(item, dict | list):
                yield from undeclared(properties[key], item, (*path, key))
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            if isinstance(item, dict | list):
                yield from undeclared(schema["items"], item, (*path, index))


def close(schema: Any, depth: int = 0) -> Any:
    """The schema with each object in which ``undeclared`` would report a key closed against it."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST or _OPEN & schema.keys():
        return schema
    closed = dict(schema)
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        closed["properties"] = {k: close(part, depth + 1) for k, part in properties.items()}
        closed["additionalProperties"] = False
    if isinstance(schema.get("items"), Mapping):
        closed["items"] = close(schema["items"], depth + 1)
    return closed
