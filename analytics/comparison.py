"""Before and after: what a version or a moment did to a share of calls, in a sentence. Pure.

A sentence is only said of enough calls on both sides; with fewer it says how many are needed.
"""

from __future__ import annotations

from dataclasses import dataclass

from console.lib.proportions import relative_change, wilson

LEAST = 30
"""Calls that each side needs."""


@dataclass(frozen=True, slots=True)
class Side:
    """So many misfires of so many calls; ``url`` leads to the calls."""

    name: str
    part: int
    whole: int
    url: str = ""

    @property
    def percent(self) -> float:
        return 100 * self.part / self.whole if self.whole else 0.0

    @property
    def told(self) -> str:
        return f"{self.part:,} of {self.whole:,} calls ({self.percent:.2f}%)"


@dataclass(frozen=True, slots=True)
class Comparison:
    """``what`` was changed, as the beginning of a sentence: "get_weather v7"."""

    what: str
    before: Side
    after: Side

    @property
    def lacking(self) -> int:
        """Calls that the smaller side still needs."""
        return max(0, LEAST - min(self.before.whole, self.after.whole))

    @property
    def change(self) -> tuple[float, float, float] | None:
        """The relative change and its 95% interval in per cent; None where a side has no misfire
        or too few calls."""
        if self.lacking or not self.before.part or not self.after.part:
            return None
        change, low, high = relative_change(
            (self.before.part, self.before.whole), (self.after.part, self.after.whole)
        )
        return 100 * change, 100 * low, 100 * high

    @property
    def is_certain(self) -> bool:
        """Does the interval of the change leave out "no change"? Without a ratio: do the two
        shares' own intervals lie apart?"""
        if self.lacking:
            return False
        if (change := self.change) is not None:
            return change[1] > 0 or change[2] < 0
        first, second = (wilson(side.part, side.whole) for side in (self.before, self.after))
        return first[1] < second[0] or second[1] < first[0]

    @property
    def is_better(self) -> bool:
        return self.after.percent < self.before.percent

    @property
    def figure(self) -> str:
        """How large the change is: ``73.4%``, ``17.5 times``; "" where there is no ratio."""
        change = self.change
        if change is None:
            return ""
        if change[0] >= 100:
            return f"{1 + change[0] / 100:.1f} times"
        return f"{abs(change[0]):.1f}%"

    @property
    def sentence(self) -> str:
        """The whole of it without the figure, which stands at its end."""
        if self.lacking:
            return f"{self.what}: {self.lacking} more calls are needed for a comparison"
        if not self.is_certain:
            return f"{self.what} made no difference that these calls could show"
        if not self.figure:
            return f"{self.what} {'ended' if self.is_better else 'brought'} incorrect calls"
        if self.is_better:
            return f"{self.what} cut incorrect calls by"
        verb = "multiplied" if self.figure.endswith("times") else "raised"
        return f"{self.what} {verb} incorrect calls by"

    @property
    def interval(self) -> str:
        """The 95% interval of the change as people read it; "" without a ratio."""
        change = self.change
        if change is None:
            return ""
        _, low, high = change
        if change[0] >= 100:
            return f"{1 + low / 100:.1f} to {1 + high / 100:.1f} times"
        if change[0] < 0:
            return f"{-high:.1f} to {-low:.1f}%"
        return f"{low:.1f} to {high:.1f}%"
