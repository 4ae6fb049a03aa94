"""What a rule would have done over minutes that are past. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from analytics.alerts.rules import WEEKS, Measured, Reading, Rule, is_worse, measure, merge
from analytics.spans import FIVE

MINUTE = 60
HOUR = 3600
WEEK = 7 * 24 * HOUR
Readings = Mapping[int, Reading]
"""What was, by the minute (or hour) since 1970."""
_NOTHING = Reading(0.0, 0, 0.0)


@dataclass(slots=True)
class _Window:
    """Minutes that come in and go out."""

    part: float = 0.0
    base: int = 0
    buckets: dict[int, int] = field(default_factory=dict)

    def move(self, comes: Reading, goes: Reading) -> None:
        self.base += comes.base - goes.base
        # Sums of floating point do not come back to nothing by themselves.
        self.part = self.part + comes.part - goes.part if self.base else 0.0
        for bucket, count in comes.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count
        for bucket, count in goes.buckets.items():
            self.buckets[bucket] -= count


def slide(
    rule: Rule, minutes: Readings, since: int, until: int, hours: Readings, finely: int = 0
) -> Iterator[tuple[int, Measured]]:
    """The rule's window as it stood at the end of each minute from ``since`` to ``until``, both in
    minutes since 1970. ``hours`` are those of the weeks before, where the rule looks at them. Up to
    the minute ``finely`` only those that end at a whole five minutes."""
    length = max(1, rule.window // MINUTE)
    window = _Window()
    for minute in range(since - length, since):
        window.move(minutes.get(minute, _NOTHING), _NOTHING)
    stretch, past = (0, 0), list[Reading]()
    measured: Measured | None = None
    for end in range(since + 1, until + 1):
        comes, goes = minutes.get(end - 1), minutes.get(end - 1 - length)
        if comes or goes:  # most minutes are empty where they are held by five
            window.move(comes or _NOTHING, goes or _NOTHING)
            measured = None
        if end < finely and end % FIVE:
            continue
        if rule.basis == "past" and (same := past_hours(rule, end * MINUTE, 0)) != stretch:
            stretch = same
            past = [read_past(rule, hours, end * MINUTE, week) for week in range(1, WEEKS + 1)]
            measured = None
        if measured is None:  # else nothing came or went since
            reading = Reading(window.part, window.base, length * MINUTE, window.buckets)
            measured = measure(rule, reading, past)
        yield end, measured


def pick_worst(
    rule: Rule, series: Sequence[tuple[int, Measured]], size: int
) -> list[tuple[int, Measured]]:
    """Of every ``size`` minutes the window that is nearest to an alert, by the first minute."""
    worst: dict[int, Measured] = {}
    for end, measured in series:
        step = (end - 1) // size * size
        held = worst.get(step)
        if held is None or is_worse(rule, measured, held):
            worst[step] = measured
    return sorted(worst.items())


def past_hours(rule: Rule, end: float, week: int) -> tuple[int, int]:
    """The whole hours, as (first, how many), that stand for the window that ends at ``end`` (in
    seconds since 1970) so many weeks earlier: the clock hour of its middle, or as many hours as the
    window has, that end with that of its end."""
    count = max(1, rule.window // HOUR)
    middle = int((end - rule.window / 2) // HOUR)
    first = middle if count == 1 else int(end // HOUR) - count
    return first - week * WEEK // HOUR, count


def read_past(rule: Rule, hours: Readings, end: float, week: int) -> Reading:
    """The window so many weeks earlier, of whole hours; a count is scaled to the window."""
    first, count = past_hours(rule, end, week)
    seconds = count * HOUR
    whole = merge((hours.get(hour, _NOTHING) for hour in range(first, first + count)), seconds)
    if rule.unit != "count":
        return whole
    return Reading(whole.part * rule.window / seconds, whole.base, seconds)


def at(minute: int) -> datetime:
    """The time of a minute since 1970."""
    return datetime.fromtimestamp(minute * MINUTE, UTC)
