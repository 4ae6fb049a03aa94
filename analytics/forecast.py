"""What a month will cost when it is over, and how far off that may be. Pure.

The method is the mean of the past days by day of the week, with a prediction interval for the sum
of the days that are left: R. J. Hyndman and G. Athanasopoulos, "Forecasting: Principles and
Practice" (3rd ed.), §5.2 (mean and seasonal methods) and §5.5 (prediction intervals). The days are
taken for independent; what a mean of n days does not know of itself weighs on every day left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import NormalDist

LEVEL = 0.8
"""How often the month should end within the band."""
HISTORY = 56
"""Days that are looked back."""
LEAST = 7
"""Days without which nothing is foretold."""
_WEEKLY = 28
"""Days from which on the days of the week are told apart."""
METHOD = (
    "The mean of the last {days} days{weekly}, with the {level:.0%} prediction interval of the"
    " days that are left (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, §5.2"
    " and §5.5)."
)


@dataclass(frozen=True)
class Forecast:
    """Dollars at the end of the month, ``low`` to ``high`` in ``LEVEL`` of all cases.

    ``days`` are those that it was made of.
    """

    spent: float
    expected: float
    low: float
    high: float
    days: int
    is_weekly: bool

    @property
    def method(self) -> str:
        weekly = ", each day of the week on its own" if self.is_weekly else ""
        return METHOD.format(days=self.days, weekly=weekly, level=LEVEL)


def month_of(now: datetime) -> tuple[datetime, datetime]:
    """The first moments of the month and of the next one, UTC."""
    start = datetime(now.year, now.month, 1, tzinfo=UTC)
    return start, (start + timedelta(days=32)).replace(day=1)


def foretell(days: Mapping[date, float], now: datetime, *, end: datetime | None = None) -> Forecast:
    """The month's cost from the costs of its days and of those before; a day that is absent after
    the first one cost nothing. ``end`` is another end than the month's.

    Raises ValueError with fewer than ``LEAST`` whole days.
    """
    start, month_end = month_of(now)
    end = end or month_end
    today = now.astimezone(UTC).date()
    past = _past(days, today)
    if len(past) < LEAST:
        raise ValueError(f"{len(past)} whole days are too few; a forecast needs {LEAST}")
    spent = sum(cost for day, cost in days.items() if start.date() <= day <= today)
    model = _Model(past)
    left = (end - now).total_seconds() / 86400
    whole = [today + timedelta(days=n) for n in range(1, (end.date() - today).days)]
    rest_of_today = left - len(whole)
    more = model.mean(today) * rest_of_today + sum(map(model.mean, whole))
    spread = model.spread(left) * _student(LEVEL, model.freedom)
    return Forecast(
        spent, spent + more, max(spent, spent + more - spread), spent + more + spread, len(past),
        model.is_weekly,
    )  # fmt: skip


def _past(days: Mapping[date, float], today: date) -> list[tuple[date, float]]:
    """The whole days since the first one that cost anything, the newest ``HISTORY`` of them."""
    first = min((day for day, cost in days.items() if day < today and cost), default=today)
    count = min(HISTORY, (today - first).days)
    if count >= _WEEKLY:
        count -= count % 7  # each day of the week as often as the others
    span = [today - timedelta(days=n) for n in range(count, 0, -1)]
    return [(day, float(days.get(day, 0.0))) for day in span]


class _Model:
    """A mean, or one for each day of the week, and the spread around it."""

    def __init__(self, past: Sequence[tuple[date, float]]) -> None:
        self.is_weekly = len(past) >= _WEEKLY
        groups: dict[int, list[float]] = {}
        for day, cost in past:
            groups.setdefault(self._group(day), []).append(cost)
        self._means = {key: sum(costs) / len(costs) for key, costs in groups.items()}
        self.freedom = len(past) - len(groups)
        errors = sum((cost - self.mean(day)) ** 2 for day, cost in past)
        self._sigma = math.sqrt(errors / self.freedom)
        self._count = len(past)

    def _group(self, day: date) -> int:
        return day.weekday() if self.is_weekly else 0

    def mean(self, day: date) -> float:
        return self._means[self._group(day)]

    def spread(self, left: float) -> float:
        """The deviation of the sum of ``left`` days: their own, and that of the mean itself."""
        return self._sigma * math.sqrt(left + left * left / self._count)


def _student(level: float, freedom: int) -> float:
    """The two-sided quantile of Student's t by the expansion around the normal one
    (Abramowitz and Stegun 26.7.5), good to 1% from 5 degrees of freedom."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
