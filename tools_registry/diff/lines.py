"""Two texts side by side: rows of lines, with the words that differ marked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_LONGEST = 3000
Piece = tuple[str, bool]
"""A stretch of text, and whether it differs from the other side."""


@dataclass(frozen=True, slots=True)
class Line:
    """``number`` counts from 1; ``is_changed`` lines were removed (left) or added (right)."""

    number: int
    pieces: tuple[Piece, ...]
    is_changed: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the split view: None where a side has no line."""

    left: Line | None
    right: Line | None


def split_rows(old: str, new: str) -> list[Row]:
    """Every line of both texts, equal ones beside each other."""
    before, after = old.splitlines(), new.splitlines()
    rows: list[Row] = []
    if max(len(before), len(after)) > _LONGEST:
        return list(_pair(before, after, 0, 0))
    for kind, i, i2, j, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            rows += [
                Row(_plain(i + n + 1, text), _plain(j + n + 1, text))
                for n, text in enumerate(before[i:i2])
            ]
        else:
            rows += _pair(before[i:i2], after[j:j2], i, j)
    return rows


def _plain(number: int, text: str) -> Line:
    return Line(number, ((text, False),), False)


def _pair(before: list[str], after: list[str], first: int, second: int) -> Iterator[Row]:
    """Changed lines, the first with the first and so on."""
    for n in range(max(len(before), len(after))):
        old = before[n] if n < len(before) else None
        new = after[n] if n < len(after) else None
        left, right = mark(old or "", new or "")
        yield Row(
            Line(first + n + 1, left if new is not None else ((old or "", False),), True)
            if old is not None
            else None,
            Line(second + n + 1, right if old is not None else ((new or "", False),), True)
            if new is not None
            else None,
        )


def mark(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """The pieces of two lines, by words; very long lines differ as a whole."""
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    if max(len(before), len(after)) > _LONGEST:
        return ((old, old != new),), ((new, old != new),)
    left: list[Piece] = []
    right: list[Piece] = []
    for kind, i, i2, j, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        for pieces, part in ((left, before[i:i2]), (right, after[j:j2])):
            if part:
                pieces.append(("".join(part), kind != "equal"))
    return tuple(left), tuple(right)
