"""Lexemes of the inverted index: of values, of powers of two, and of stretches of time. Pure."""

from __future__ import annotations

import math
from uuid import UUID

_LONGEST = 200
"""Characters of a value in the index."""
_LEVELS = (7, 6, 5, 4)
"""Hexadecimal digits of a key that name a stretch: of 17 min, 4.7 h, 3.1 days and 50 days."""
_STRETCHES = 12
_NEARLY = 1e-9
"""How far the logarithms of two machines may lie apart: what is nearer to a power of two than
this is in either bucket."""


def lexeme_of(project: int, field: str, value: str) -> str:
    """The lexeme of a value in the index."""
    return quote(f"{project:d}|{field}|{value[:_LONGEST]}")


def quote(text: str) -> str:
    """Text as one lexeme of a tsquery, whatever its characters."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def buckets(least: float | None, most: float | None, top: int) -> range:
    """The powers of two that the index has of the numbers between; None for no end."""
    first = 0 if least is None else _bucket(least * (1 - _NEARLY), top)
    last = top if most is None else _bucket(most * (1 + _NEARLY), top)
    return range(first, last + 1)


def _bucket(size: float, top: int) -> int:
    return 0 if size < 1 else min(int(math.log2(size)), top)


def cover(low: UUID, high: UUID) -> list[str]:
    """The stretches of the index that hold the keys from ``low`` to ``high``, few and short."""
    for level in _LEVELS:
        first, last = (key.int >> (128 - 4 * level) for key in (low, high))
        if last - first < _STRETCHES or level == _LEVELS[-1]:
            if last - first > 1000:
                first = last - 1000
            return [f"{number:0{level}x}" for number in range(first, last + 1)]
    raise AssertionError("levels are never empty")
