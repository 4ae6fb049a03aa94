"""What a replay's counts allow to be said: intervals, a paired test, and flakiness. Pure.

docs/replay-statistics.md explains each with its source. scipy is imported when it is first used:
it takes half a second, which no start of a server shall pay.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from console.lib.proportions import wilson

FEW = 20
"""Cases below which a share alone misleads."""


@dataclass(frozen=True, slots=True)
class Share:
    """``part`` of ``whole``, and the interval in which its true value lies with ``confidence``."""

    part: int
    whole: int
    low: float
    high: float
    confidence: float = 0.95

    @property
    def value(self) -> float | None:
        return self.part / self.whole if self.whole else None

    @property
    def is_small(self) -> bool:
        """Whether the sample is too small for its percentage to be quoted alone."""
        return self.whole < FEW

    def __str__(self) -> str:
        if not self.whole:
            return "none judged"
        percent = f"{self.part / self.whole:.0%}"
        spread = f"95% CI {self.low * 100:.0f}–{self.high * 100:.0f}"  # noqa: RUF001
        told = f"{self.part} of {self.whole} ({percent}, {spread})"
        return f"{told}; {self.part} of {self.whole} is not {percent}" if self.is_small else told


def share(part: int, whole: int, confidence: float = 0.95) -> Share:
    """The exact interval of Clopper and Pearson (1934), by quantiles of the beta distribution.

    Of nothing it is 0 to 1. Raises ValueError unless 0 <= part <= whole.
    """
    if not 0 <= part <= whole:
        raise ValueError(f"{part} of {whole} is no share")
    if not whole:
        return Share(0, 0, 0.0, 1.0, confidence)
    from scipy.special import betaincinv

    rest = (1 - confidence) / 2
    low = float(betaincinv(part, whole - part + 1, rest)) if part else 0.0
    high = float(betaincinv(part + 1, whole - part, 1 - rest)) if part < whole else 1.0
    return Share(part, whole, low, high, confidence)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Cases by whether they pass under the control and under a variant."""

    both: int = 0
    only_control: int = 0
    only_variant: int = 0
    neither: int = 0

    @property
    def total(self) -> int:
        return self.both + self.only_control + self.only_variant + self.neither


def majority(trials: Sequence[bool | None]) -> bool | None:
    """Whether most of the judged trials of one case passed, a tie not; None without any."""
    judged = [passed for passed in trials if passed is not None]
    return 2 * sum(judged) > len(judged) if judged else None


def pair(
    control: Mapping[Hashable, Sequence[bool | None]],
    variant: Mapping[Hashable, Sequence[bool | None]],
) -> Pairs:
    """Both sides' trials by case, as pairs of the cases that both have judged.

    Trials of one case are no independent cases: each counts once, by its majority.
    """
    counts = {(a, b): 0 for a in (True, False) for b in (True, False)}
    for case in control.keys() & variant.keys():
        one, other = majority(control[case]), majority(variant[case])
        if one is not None and other is not None:
            counts[one, other] += 1
    return Pairs(counts[True, True], counts[True, False], counts[False, True], counts[False, False])


def mcnemar(pairs: Pairs) -> float:
    """The two-sided p of McNemar's exact test: the binomial test of the discordant pairs.

    McNemar (1947), in the exact form. 1 where no pair differs.
    """
    differing = pairs.only_control + pairs.only_variant
    if not differing:
        return 1.0
    from scipy.special import bdtr

    fewer = min(pairs.only_control, pairs.only_variant)
    return min(1.0, 2 * float(bdtr(fewer, differing, 0.5)))


@dataclass(frozen=True, slots=True)
class Difference:
    """The variant's share of passing cases less the control's, with its 95% interval."""

    value: float
    low: float
    high: float
    p: float

    @property
    def is_told_apart(self) -> bool:
        """Whether the test tells the two apart at 5%."""
        return self.p < 0.05


def difference(pairs: Pairs) -> Difference | None:
    """By Newcombe (1998), method 10: Wilson's score intervals of both shares, joined with regard
    to their correlation. None without a pair."""
    total = pairs.total
    if not total:
        return None
    with_variant = pairs.both + pairs.only_variant
    with_control = pairs.both + pairs.only_control
    one, other = with_variant / total, with_control / total
    low1, high1 = wilson(with_variant, total)
    low2, high2 = wilson(with_control, total)
    phi = _correlation(pairs)
    value = one - other
    below = _joined(one - low1, high2 - other, phi)
    above = _joined(high1 - one, other - low2, phi)
    return Difference(value, max(-1.0, value - below), min(1.0, value + above), mcnemar(pairs))


def _joined(one: float, other: float, phi: float) -> float:
    return sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))


def _correlation(pairs: Pairs) -> float:
    """Newcombe's φ, with his correction for continuity where it is positive."""
    a, b, c, d = pairs.both, pairs.only_variant, pairs.only_control, pairs.neither
    scale = (a + b) * (c + d) * (a + c) * (b + d)
    if not scale:
        return 0.0
    cross: float = a * d - b * c
    if cross >= 0:
        cross = max(0.0, cross - pairs.total / 2)
    return cross / sqrt(scale)


@dataclass(frozen=True, slots=True)
class Stability:
    """How steady the trials of one case are. ``hidden`` is the share of failures (of passes, where
    all fail) that trials which all agree still allow, at 95% by the exact one-sided bound."""

    passed: int
    trials: int
    hidden: float

    @property
    def is_flaky(self) -> bool:
        return 0 < self.passed < self.trials


def stability(trials: Sequence[bool | None]) -> Stability:
    """The judged trials of one case. Three that agree still allow 63% of the other kind."""
    judged = [passed for passed in trials if passed is not None]
    hidden = 1 - 0.05 ** (1 / len(judged)) if judged else 1.0
    return Stability(sum(judged), len(judged), hidden)


def expected_recurrence(share_of_failures: float, trials: int) -> float:
    """How likely a misfire of this share would be seen at least once in so many trials."""
    return float(1 - (1 - share_of_failures) ** trials)
