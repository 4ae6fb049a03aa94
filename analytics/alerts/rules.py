"""What an alert watches for, and whether a measurement is beyond it. Pure.

A rule looks at one window of time that ends now. Its figure is the metric's value itself, or how
far the value is from its own past: the same hour of the week in the weeks before, in spreads. It
alerts beyond one level and recovers only within another, so that a value that hovers at the level
is one alert and not many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, sqrt
from statistics import median
from typing import Literal

from analytics.sketch import quantile

State = Literal["no_data", "ok", "warning", "alert"]
Basis = Literal["threshold", "past"]
Direction = Literal["above", "below"]
Unit = Literal["percent", "count", "dollars", "ms", "budget"]

WEEKS = 4
"""How many weeks back the same hour is looked at."""
FEWEST_WEEKS = 2
"""Of these, how many must have had enough calls."""
RECOVERY = 0.8
"""Where no level of recovery is given: this part of the level of the alert."""
_MAD = 1.4826
"""Median absolute deviation to standard deviation, for a normal distribution."""
_STEADY = 0.05
"""No value is so steady that a twentieth of it would not count as usual."""
_FURTHEST = 99.0


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric over one window: ``part`` is what is counted or summed, ``base`` the calls or turns
    that it was counted among, ``seconds`` the window's length. ``buckets`` is the sketch of how
    long they lasted (``analytics.sketch``). Of a budget both are cents: spent, and to spend."""

    part: float
    base: int
    seconds: float
    buckets: Mapping[int, int] = field(default_factory=dict)

    def value(self, unit: Unit, share: float = 0.0) -> float | None:
        """Per cent of the base, a count, dollars an hour, or the milliseconds at a share such as
        0.95; None for a share of nothing."""
        if unit == "count":
            return self.part
        if unit == "dollars":
            return self.part * 3600 / self.seconds
        if unit == "ms":
            return quantile(self.buckets, share)
        return 100 * self.part / self.base if self.base else None


def merge(readings: Iterable[Reading], seconds: float) -> Reading:
    """All of them as the reading of one window of so many seconds."""
    part, base = 0.0, 0
    buckets: dict[int, int] = {}
    for one in readings:
        part, base = part + one.part, base + one.base
        for bucket, count in one.buckets.items():
            buckets[bucket] = buckets.get(bucket, 0) + count
    return Reading(part, base, seconds, buckets)


@dataclass(frozen=True, slots=True)
class Rule:
    """When to alert. Levels are of the metric's unit, or spreads where the basis is the past.

    ``window`` is in seconds. With fewer than ``minimum`` calls (or turns) in it there is nothing
    to say. ``renotify`` are the seconds between reminders, 0 for none; ``tells_no_data`` says
    whether silence of the traffic is told. ``share`` is that of a percentile.
    """

    unit: Unit
    window: int
    level: float
    warning: float | None = None
    recovery: float | None = None
    basis: Basis = "threshold"
    direction: Direction = "above"
    minimum: int = 1
    renotify: int = 0
    tells_no_data: bool = False
    share: float = 0.0

    def crosses(self, figure: float, level: float) -> bool:
        if self.direction == "above":
            return figure > level
        return figure < (-level if self.basis == "past" else level)

    @property
    def recovered_within(self) -> float:
        """The level that the figure must not cross for an alert to be over."""
        if self.recovery is not None:
            return self.recovery
        eased = RECOVERY if self.direction == "above" or self.basis == "past" else 1 / RECOVERY
        return self.level * eased


@dataclass(frozen=True, slots=True)
class Measured:
    """What a window shows. ``figure`` is what the rule's levels are compared with; None where there
    is nothing to say, and then ``lack`` says why. ``expected`` is of the past, None without one."""

    reading: Reading
    value: float | None
    figure: float | None
    expected: float | None = None
    lack: Literal["", "few", "past"] = ""


def measure(rule: Rule, reading: Reading, past: Sequence[Reading] = ()) -> Measured:
    """The window's figure. ``past`` are the windows that end a week earlier, two, and so on."""
    value = reading.value(rule.unit, rule.share)
    if value is None or reading.base < rule.minimum:
        return Measured(reading, value, None, lack="few")
    if rule.basis == "threshold":
        return Measured(reading, value, value)
    usual = [
        known
        for week in past
        if week.base >= rule.minimum and (known := week.value(rule.unit, rule.share)) is not None
    ]
    if len(usual) < FEWEST_WEEKS:
        return Measured(reading, value, None, lack="past")
    expected = float(median(usual))
    spread = _spread(rule.unit, expected, usual, reading.base)
    return Measured(reading, value, _deviation(value - expected, spread), expected)


def _spread(unit: Unit, expected: float, usual: Sequence[float], base: int) -> float:
    """What is usual around the expected value: how the weeks differ, and what chance alone does to
    so many calls (a binomial share, or a Poisson count), whichever is larger."""
    differing = _MAD * float(median(abs(value - expected) for value in usual))
    if unit == "percent":
        share = min(max(expected / 100, 1 / (base + 1)), base / (base + 1))
        chance = 100 * sqrt(share * (1 - share) / max(base, 1))
    else:
        chance = sqrt(max(expected, 1.0)) if unit == "count" else 0.0
    return max(differing, chance, _STEADY * abs(expected))


def _deviation(difference: float, spread: float) -> float:
    if not difference:
        return 0.0
    spreads = difference / spread if spread else inf * difference
    return max(-_FURTHEST, min(_FURTHEST, spreads))


def judge(rule: Rule, figure: float, before: State) -> State:
    """The state that a figure means after the state ``before``."""
    if rule.crosses(figure, rule.level):
        return "alert"
    if before == "alert" and rule.crosses(figure, rule.recovered_within):
        return "alert"
    if rule.warning is None:
        return "ok"
    if rule.crosses(figure, rule.warning):
        return "warning"
    eased = rule.warning * (rule.recovered_within / rule.level if rule.level else 1.0)
    if before in ("warning", "alert") and rule.crosses(figure, eased):
        return "warning"
    return "ok"


def is_worse(rule: Rule, measured: Measured, other: Measured) -> bool:
    """Is it nearer to an alert, or further beyond it? Any figure is, next to none."""
    if measured.figure is None or other.figure is None:
        return measured.figure is not None
    if rule.direction == "above":
        return measured.figure > other.figure
    return measured.figure < other.figure


def find_start(rule: Rule, slices: Sequence[tuple[float, Reading]]) -> float | None:
    """When it began: the start of the earliest slice from which on, up to the newest, each slice
    that has calls is beyond the level of recovery. None where the newest is not, or the rule is one
    whose slices mean nothing by themselves (counts, budgets and the past).

    ``slices`` are (start, reading), oldest first.
    """
    if rule.unit in ("count", "budget") or rule.basis == "past":
        return None
    found = None
    for start, reading in reversed(slices):
        value = reading.value(rule.unit, rule.share)
        if value is None or not reading.base:
            continue
        if not rule.crosses(value, rule.recovered_within):
            break
        found = start
    return found
