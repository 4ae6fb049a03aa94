"""A percentile beside its limit: is it near, and how often is it passed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from analytics.sketch import quantile, share_above

NEAR = 20
"""Per cent of its limit that a 99th percentile may still be below it and count as near."""
State = Literal["", "ok", "near", "over"]


@dataclass(frozen=True, slots=True)
class Timing:
    """Durations of one name: milliseconds at the median, the 95th and the 99th percentile, each
    within 1% (``analytics.sketch``). ``limit`` in ms is 0 where there is none; ``source`` says
    whose it is. ``above`` counts the durations above the limit."""

    name: str
    number: int
    p50: float
    p95: float
    p99: float
    limit: float = 0.0
    source: str = ""
    above: int = 0

    @property
    def state(self) -> State:
        if not self.limit:
            return ""
        if self.p99 > self.limit:
            return "over"
        return "near" if self.p99 >= self.limit * (1 - NEAR / 100) else "ok"

    @property
    def room(self) -> float:
        """Per cent of the limit that p99 leaves; negative above it."""
        return 100 * (1 - self.p99 / self.limit) if self.limit else 0.0

    @property
    def above_percent(self) -> float:
        return 100 * self.above / self.number if self.number else 0.0

    @property
    def sentence(self) -> str:
        """What there is to say of the limit, "" without one."""
        if self.state == "over":
            return f"p99 is {-self.room:.0f}% above the limit"
        if self.state == "near":
            return f"p99 is within {NEAR}% of the limit"
        return f"p99 leaves {self.room:.0f}% of the limit" if self.limit else ""


def time(name: str, sketch: Mapping[int, int], limit: float = 0.0, source: str = "") -> Timing:
    """The timing of a sketch with at least one duration."""
    p50, p95, p99 = (quantile(sketch, share) or 0.0 for share in (0.5, 0.95, 0.99))
    above = share_above(sketch, limit) if limit else 0
    return Timing(name, sum(sketch.values()), p50, p95, p99, limit, source, above)
