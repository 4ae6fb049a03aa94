"""A provider's figures beside ours, by day and model, and what differs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from analytics.usage_exports.lines import Line, total

_DATED = re.compile(r"-(20\d\d-?[01]\d-?[0-3]\d|latest)$")
MEASURES = ("cost", "input_tokens", "output_tokens", "requests")


@dataclass(frozen=True)
class Pair:
    """One day of one model on both sides; a side that is None has nothing of it."""

    day: date
    model: str
    theirs: Line | None
    ours: Line | None

    @property
    def differences(self) -> dict[str, Decimal | int]:
        """Theirs less ours, of what the export tells."""
        found: dict[str, Decimal | int] = {}
        for name in MEASURES:
            told = getattr(self.theirs, name) if self.theirs else None
            if told is not None:
                found[name] = told - (getattr(self.ours, name) or 0 if self.ours else 0)
        return found


@dataclass(frozen=True)
class Comparison:
    """``measures`` are those that the export tells; ``pairs`` in order of day and model."""

    pairs: Sequence[Pair]
    measures: Sequence[str]
    theirs: Line
    ours: Line

    @property
    def difference(self) -> dict[str, Decimal | int]:
        return Pair(self.theirs.day, "", self.theirs, self.ours).differences


def normalise(model: str) -> str:
    """A model's name without the date of its snapshot."""
    return _DATED.sub("", model.strip().lower())


def compare(theirs: Iterable[Line], ours: Iterable[Line]) -> Comparison:
    """Both sides by day and model. Where the export has days without models, so has ours.

    Raises ValueError for an export without lines.
    """
    told = list(theirs)
    if not told:
        raise ValueError("an export without lines")
    measures = [name for name in MEASURES if any(getattr(one, name) is not None for one in told)]
    with_models = any(line.model for line in told)
    first, last = min(line.day for line in told), max(line.day for line in told)
    left = {(one.day, one.model): one for one in _named(told, with_models)}
    within = [line for line in ours if first <= line.day <= last]
    right = {(one.day, one.model): one for one in _named(within, with_models)}
    pairs = [Pair(*key, left.get(key), right.get(key)) for key in sorted({*left, *right})]
    return Comparison(pairs, measures, _whole(told, first), _whole(within, first))


def _named(lines: Iterable[Line], with_models: bool) -> list[Line]:
    return total(
        Line(
            one.day, normalise(one.model) if with_models else "", one.cost, one.input_tokens,
            one.output_tokens, one.requests,
        )
        for one in lines
    )  # fmt: skip


def _whole(lines: Iterable[Line], day: date) -> Line:
    sums = Line(day, "")
    for line in lines:
        sums = sums.plus(line)
    return sums
