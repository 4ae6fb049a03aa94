"""Reading JSON of which nothing may be assumed: what has another shape reads as absent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from conversations.parts import ProviderError


def obj(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """A list, or what stands where a list should."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def compact(value: Any) -> str:
    """A JSON value as compact text, key order kept."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def rest_of(payload: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """The members that are not ``known`` and say something."""
    if known.issuperset(payload):
        return {}
    return {
        key: value
        for key, value in payload.items()
        if key not in known and value not in (None, "", [], {})
    }


def error_of(value: Any, fallback: str = "error") -> ProviderError:
    """A provider's error object, or whatever it sent in its place."""
    if not isinstance(value, dict):
        return ProviderError(fallback, text(value) or compact(value), value)
    inner = obj(value.get("error"))
    if inner:
        value = inner
    code = value.get("code") or value.get("type") or value.get("status") or fallback
    message = text(value.get("message")) or text(value.get("error")) or compact(value)
    return ProviderError(str(code), message, value)
