"""Which parameter is the same one under another name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools_registry import canonical
from tools_registry.validation.near import near

_WORDS = frozenset(["description", "title", "examples", "$comment"])


def find_renames(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """Old names by which a parameter went, each with the near name and equal schema that came."""
    added = [name for name in new if name not in old]
    renames: dict[str, str] = {}
    for name in (name for name in old if name not in new):
        free = [
            other
            for other in added
            if other not in renames.values() and _is_equal(old[name], new[other])
        ]
        other = near(name, free)
        if other is not None:
            renames[name] = other
    return renames


def _is_equal(one: Any, two: Any) -> bool:
    return canonical.dumps(_plain(one)) == canonical.dumps(_plain(two))


def _plain(schema: Any) -> Any:
    """Without the words that only a model reads."""
    if not isinstance(schema, Mapping):
        return schema
    return {key: value for key, value in schema.items() if key not in _WORDS}
