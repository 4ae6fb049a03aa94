"""Two edits of one text put together, line by line. Pure.

Stretches that both left, or that one changed, settle themselves; where both changed the same
lines, both stand between marks, for a person to choose (the three-way merge of ``diff3``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_LONGEST = 2000
"""Lines of a text up to which stretches are looked for: the search is quadratic."""
MINE, BETWEEN, THEIRS = "<<<<<<< yours", "=======", ">>>>>>> theirs"


@dataclass(frozen=True, slots=True)
class Merged:
    """The text, and how many places are left to choose."""

    text: str
    conflicts: int


def merge(base: str, mine: str, theirs: str) -> Merged:
    """Both edits of ``base``; of very long texts both stand whole, for a person to choose."""
    sides = base.split("\n"), mine.split("\n"), theirs.split("\n")
    lines: list[str] = []
    conflicts = 0
    at = (0, 0, 0)
    for *starts, length in _synced(*sides):
        old, own, other = (side[a:b] for side, a, b in zip(sides, at, starts, strict=True))
        if own in (old, other):
            lines += other
        elif other == old:
            lines += own
        else:
            conflicts += 1
            lines += [MINE, *own, BETWEEN, *other, THEIRS]
        lines += sides[0][starts[0] : starts[0] + length]
        at = (starts[0] + length, starts[1] + length, starts[2] + length)
    return Merged("\n".join(lines), conflicts)


def _synced(
    base: Sequence[str], mine: Sequence[str], theirs: Sequence[str]
) -> Iterator[tuple[int, int, int, int]]:
    """Stretches that both left as they were: their starts in the three, and their length. The
    last has none and stands at the ends."""
    if max(map(len, (base, mine, theirs))) > _LONGEST:
        yield len(base), len(mine), len(theirs), 0
        return
    own = SequenceMatcher(None, base, mine, autojunk=False).get_matching_blocks()
    other = SequenceMatcher(None, base, theirs, autojunk=False).get_matching_blocks()
    left = right = 0
    while left < len(own) and right < len(other):
        one, two = own[left], other[right]
        start, end = max(one.a, two.a), min(one.a + one.size, two.a + two.size)
        if end > start:
            yield start, one.b + start - one.a, two.b + start - two.a, end - start
        if one.a + one.size < two.a + two.size:
            left += 1
        else:
            right += 1
    yield len(base), len(mine), len(theirs), 0
