"""Stretches of time in whole steps: which steps a page reads, and the stretch before. Pure.

Rollups are kept in five grains, named by their minutes. A grain's steps are its bars: five minutes,
an hour, a quarter of a day, a day, a calendar month; all UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FIVE, HOUR, QUARTER, DAY, MONTH = 5, 60, 360, 1440, 43200
GRAINS = (FIVE, HOUR, QUARTER, DAY, MONTH)
KEPT_FIVES = timedelta(days=3)
"""How long the grain of five minutes is kept: longer stretches read hours and more."""
KEPT_FEW_FIVES = timedelta(days=32)
"""How long it is kept by the fewest dimensions: alerts are previewed over a month."""
_LONGER = {FIVE: HOUR, HOUR: QUARTER, QUARTER: DAY}
NAMES = {FIVE: "5 min", HOUR: "hour", QUARTER: "6 h", DAY: "day", MONTH: "month"}
RANGES: dict[str, tuple[str, timedelta, int]] = {
    "1h": ("Last hour", timedelta(hours=1), FIVE),
    "6h": ("Last 6 hours", timedelta(hours=6), FIVE),
    "24h": ("Last 24 hours", timedelta(hours=24), HOUR),
    "7d": ("Last 7 days", timedelta(days=7), QUARTER),
    "30d": ("Last 30 days", timedelta(days=30), DAY),
    "90d": ("Last 90 days", timedelta(days=90), DAY),
    "1y": ("Last 12 months", timedelta(days=365), MONTH),
}
"""Ranges that end now: what they are called, how long they are, and their grain."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_LONGEST = timedelta(days=366 * 10)
_YEARS = range(2000, 2200)


class BadSpan(ValueError):
    """The text names no stretch of time; it says why."""


def floor(at: datetime, grain: int) -> datetime:
    """The first moment of the step in which ``at`` lies."""
    if grain == MONTH:
        return at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    step = timedelta(minutes=grain)
    return _EPOCH + (at - _EPOCH) // step * step


def after(start: datetime, grain: int) -> datetime:
    """The first moment of the next step."""
    if grain == MONTH:
        return floor(floor(start, MONTH) + timedelta(days=32), MONTH)
    return start + timedelta(minutes=grain)


@dataclass(frozen=True, slots=True)
class Span:
    """[since, until) in whole steps of ``grain``. Its last step may still be going on."""

    since: datetime
    until: datetime
    grain: int

    @property
    def starts(self) -> list[datetime]:
        """The first moments of its steps."""
        found, at = [], self.since
        while at < self.until:
            found.append(at)
            at = after(at, self.grain)
        return found

    @property
    def before(self) -> Span:
        """As many steps that end where this one begins."""
        if self.grain == MONTH:
            since = self.since
            for _ in self.starts:
                since = floor(since - timedelta(days=1), MONTH)
            return Span(since, self.since, MONTH)
        return Span(self.since - (self.until - self.since), self.since, self.grain)

    def step(self, start: datetime) -> tuple[datetime, datetime]:
        return start, after(start, self.grain)

    @property
    def thinned(self) -> list[Span]:
        """The same stretch in steps as long as it holds whole ones, shorter ones at its ends.
        Months are not used: their rows come later than those of their days."""
        longer = _LONGER.get(self.grain)
        if not longer:
            return [self]
        begins, ends = floor(self.since, longer), floor(self.until, longer)
        begins = begins if begins == self.since else after(begins, longer)
        if begins >= ends:
            return [self]
        parts = [
            Span(self.since, begins, self.grain),
            *Span(begins, ends, longer).thinned,
            Span(ends, self.until, self.grain),
        ]
        return [part for part in parts if part.since < part.until]


def of_range(name: str, now: datetime) -> Span:
    """One of ``RANGES``, up to and with the step that is going on. KeyError for another name."""
    _, length, grain = RANGES[name]
    until = after(floor(now, grain), grain)
    if grain == MONTH:
        year = until.replace(year=until.year - 1)
        return Span(year, until, MONTH)
    return Span(until - length, until, grain)


def is_known(at: datetime) -> bool:
    """Is it a time that can be reckoned with, a step more or less?"""
    return at.year in _YEARS


def of_times(since: datetime, until: datetime, now: datetime) -> Span:
    """From ``since`` to before ``until``, widened to whole steps of a grain that fits. BadSpan."""
    if until <= since:
        raise BadSpan("The time ends before it begins.")
    if not (is_known(since) and is_known(until)):
        raise BadSpan("Give times of the years 2000 to 2199.")
    if until - since > _LONGEST:
        raise BadSpan("The time is longer than ten years.")
    grain = _grain_of(until - since, now - since)
    end = floor(until, grain)
    return Span(floor(since, grain), end if end == until else after(end, grain), grain)


def _grain_of(length: timedelta, age: timedelta) -> int:
    if length <= timedelta(hours=12) and age < KEPT_FIVES - timedelta(hours=1):
        return FIVE
    if length <= timedelta(days=3):
        return HOUR
    if length <= timedelta(days=14):
        return QUARTER
    return DAY if length <= timedelta(days=124) else MONTH


def label(start: datetime, grain: int) -> str:
    """A step's name on an axis: ``02:45``, ``3 Feb``, ``Feb 2024``."""
    if grain <= HOUR:
        return f"{start:%H:%M}"
    if grain == QUARTER:
        return f"{start.day} {start:%b %H:%M}"
    return f"{start.day} {start:%b}" if grain == DAY else f"{start:%b %Y}"


def whole_label(start: datetime, grain: int) -> str:
    """A step's name by itself: ``3 Feb 2024, 02:45``."""
    if grain >= DAY:
        return f"{start.day} {start:%b %Y}" if grain == DAY else f"{start:%B %Y}"
    return f"{start.day} {start:%b %Y, %H:%M}"


def write_moment(at: datetime) -> str:
    """A time as the filter bar and addresses write it."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"


def write_times(since: datetime, until: datetime) -> str:
    """The term of the lists' language for [since, until); its range has both ends within it."""
    last = until - timedelta(seconds=1)
    return f"time:{write_moment(since)}..{write_moment(last)}"
