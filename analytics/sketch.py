"""DDSketch: quantiles of durations to a relative error of 1%, from counts of buckets. Pure.

C. Masson, J. E. Rim and H. K. Lee (2019), "DDSketch: a fast and fully-mergeable quantile sketch
with relative-error guarantees", PVLDB 12(12). Bucket i holds the values in (gamma^(i-1), gamma^i];
two sketches merge by adding the counts of equal buckets, which SQL does as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

ERROR = 0.01
GAMMA = (1 + ERROR) / (1 - ERROR)
LN_GAMMA = math.log(GAMMA)
LEAST = 0.001
"""Milliseconds below which all values are one bucket."""


def bucket(value: float) -> int:
    """The bucket of a value, as ``BUCKET`` has it in SQL."""
    return math.ceil(math.log(min(max(value, LEAST), 1e12)) / LN_GAMMA)


BUCKET = f"ceil(ln(least(greatest(%s, {LEAST}::float8), 1e12)) / {LN_GAMMA!r}::float8)::smallint"
"""SQL of the bucket of an expression, put in for ``%s``."""


def value_of(number: int) -> float:
    """What stands for the values of a bucket: none of them is further off than ``ERROR``."""
    return 2 * GAMMA**number / (GAMMA + 1)


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """The value at rank floor(share * (n - 1)) of n values; None without any."""
    whole = sum(counts.values())
    if not whole:
        return None
    rank, seen = math.floor(share * (whole - 1)), 0
    for number in sorted(counts):
        seen += counts[number]
        if seen > rank:
            return value_of(number)
    raise AssertionError("the counts add up to the whole")


def share_above(counts: Mapping[int, int], limit: float) -> int:
    """How many values are in buckets above that of ``limit``."""
    last = bucket(limit)
    return sum(count for number, count in counts.items() if number > last)
