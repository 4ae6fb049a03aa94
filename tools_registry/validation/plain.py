"""The quick way to read arguments, for texts that it reads exactly as the strict way does.

Most calls are small and plain. What this reader cannot vouch for (a key that may occur twice, a
number that no double or 64-bit integer holds, depth) it leaves to the strict one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson

UNSURE: Final = object()
"""Stands for the value of a text that the strict reader has to read."""

_DEEPEST = 40
_WHOLE = float(1 << 63)
"""From here on a float may be an integer that was too long."""
_DOUBTFUL = -(1 << 62)


def read_plain(text: str) -> Any:
    """The object that ``text`` holds, ``UNSURE`` where it may be something else.

    Each key has its colon, and strings have theirs: more colons than those are a repeated key.
    """
    if "\\u003" in text:  # an escaped colon would be counted, and is not there
        return UNSURE
    try:
        value = orjson.loads(text)
    except ValueError:
        return UNSURE
    if type(value) is not dict or _count_colons(value, 0) != text.count(":"):
        return UNSURE
    return value


def _count_colons(value: dict[str, Any] | list[Any], depth: int) -> int:
    """How many colons the text needs at least; less than none where a value is doubtful."""
    if depth > _DEEPEST:
        return _DOUBTFUL
    count = 0
    items: Iterable[Any] = value
    if isinstance(value, dict):
        count, items = len(value), value.values()
    for item in items:
        kind = type(item)
        if kind is str:
            count += item.count(":")
        elif kind is dict or kind is list:
            count += _count_colons(item, depth + 1)
        elif kind is float and not -_WHOLE < item < _WHOLE:
            return _DOUBTFUL
    return count
