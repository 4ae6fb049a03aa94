"""Is the misfire rate down since the fix? Two proportions, with exact intervals. Pure.

Each share has the exact interval of Clopper and Pearson (1934). The interval of the drop joins the
two at a confidence of √0.95 each: the samples are independent, so both hold together in at least
95% of cases, and so does their difference. That is wider than approximations, and never too sure.
``docs/post-mortems.md`` says it for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

from conversations.replay.statistics import Share, share

_EACH = sqrt(0.95)
_MOST = 1 << 20
State = Literal["down", "unclear", "up", "nothing"]


@dataclass(frozen=True, slots=True)
class Recovery:
    """Shares of misfires before and since the fix. ``drop`` is the first less the second, between
    ``low`` and ``high``."""

    before: Share
    after: Share
    low: float
    high: float

    @property
    def drop(self) -> float | None:
        if self.before.value is None or self.after.value is None:
            return None
        return self.before.value - self.after.value

    @property
    def state(self) -> State:
        if not self.before.whole or not self.after.whole:
            return "nothing"
        if self.low > 0:
            return "down"
        return "up" if self.high < 0 else "unclear"


def compare(before: tuple[int, int], after: tuple[int, int]) -> Recovery:
    """Misfires and calls before the fix, and since. Raises ValueError for what is no share."""
    wide_before, wide_after = share(*before, _EACH), share(*after, _EACH)
    return Recovery(
        share(*before),
        share(*after),
        wide_before.low - wide_after.high,
        wide_before.high - wide_after.low,
    )


def calls_needed(recovery: Recovery) -> int | None:
    """How many further calls without a misfire would tell that the rate is down; None where a
    million would not."""
    before, after = recovery.before, recovery.after

    def tells(more: int) -> bool:
        since = (after.part, after.whole + more)
        return compare((before.part, before.whole), since).state == "down"

    if not before.part or not tells(_MOST):
        return None
    low, high = -1, _MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if tells(middle) else (middle, high)
    return high


def has_recurred(expected: Share, since: Share, *, least: int = 3) -> bool:
    """Whether misfires came back: at least ``least``, and by both intervals more often than
    expected."""
    return since.part >= least and since.low > expected.high
