"""A series of calls as pure values: which were bad, and when their share rose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log

Trait = tuple[str, str]
"""A kind of ``suspects.PRIORS`` and a value."""
_CERTAIN = 12.0
"""The likelihood ratio statistic at which a rise counts: chi-squared with one degree of freedom
has more than 10.8 once in 1,000; every moment was looked at, so a little more is asked for."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One call, or turn, of what is compared."""

    at: datetime
    bad: bool
    traits: tuple[Trait, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was changed at a moment; ``kind`` and ``key`` name it."""

    kind: str
    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Share:
    """``part`` of ``whole``."""

    part: int = 0
    whole: int = 0

    @property
    def value(self) -> float:
        return self.part / self.whole if self.whole else 0.0


def share_of(rows: Sequence[Seen]) -> Share:
    """The bad ones of the rows."""
    return Share(sum(row.bad for row in rows), len(rows))


def find_onset(rows: Sequence[Seen], since: datetime) -> tuple[datetime, bool]:
    """When the share of bad calls rose most clearly, and whether it rose at all; ``since`` if not.

    The split of the series at which two binomial rates are likeliest against one, as a
    likelihood ratio statistic (S. S. Wilks, 1938). ``rows`` are in the order of time.
    """
    whole, bad = len(rows), sum(row.bad for row in rows)
    best, at, seen = _CERTAIN, -1, 0
    for index, row in enumerate(rows):
        if row.bad and index:
            left, right = Share(seen, index), Share(bad - seen, whole - index)
            if right.value > left.value:
                found = 2 * (
                    _likelihood(left) + _likelihood(right) - _likelihood(Share(bad, whole))
                )
                if found > best:
                    best, at = found, index
        seen += row.bad
    return (rows[at].at, True) if at >= 0 else (since, False)


def _likelihood(share: Share) -> float:
    """The greatest log-likelihood of a binomial share."""
    good, whole = share.whole - share.part, share.whole
    return sum(count * log(count / whole) for count in (share.part, good) if count)
