"""A schema moved into a larger document: its references get the path to its new place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def relocate(schema: Any, prefix: str) -> Any:
    """The schema with every local ``$ref`` under ``prefix``, which is ``#/…``.

    A part with an ``$id`` is a document of its own, and stays as it is.
    """
    if isinstance(schema, list):
        return [relocate(part, prefix) for part in schema]
    if not isinstance(schema, Mapping) or isinstance(schema.get("$id"), str):
        return schema
    result = {}
    for key, value in schema.items():
        is_local = key == "$ref" and isinstance(value, str) and value[:2] in ("#", "#/")
        if key in ("enum", "const", "default", "examples"):
            result[key] = value
        else:
            result[key] = prefix + value[1:] if is_local else relocate(value, prefix)
    return result
