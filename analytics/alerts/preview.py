"""What a rule would have done over minutes that are past. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from analytics.alerts.rules import WEEKS, Measured, Reading, Rule, is_worse, measure

MINUTE = 60
HOUR = 3600
WEEK = 7 * 24 * HOUR
Counts = Mapping[int, tuple[float, int]]
"""What was counted or summed and of how many, by the minute (or hour) since 1970."""
_NOTHING = (0.0, 0)


def slide(rule: Rule, minutes: Counts, since: int, until: int) -> Iterator[tuple[int, Measured]]:
    """The rule's window as it stood at the end of each minute from ``since`` to ``until``, both in
    minutes since 1970."""
    length = max(1, rule.window // MINUTE)
    hours = fold(minutes) if rule.basis == "past" else {}
    part, base = 0.0, 0
    for minute in range(since - length, since):
        more, rows = minutes.get(minute, _NOTHING)
        part, base = part + more, base + rows
    stretch, past = (0, 0), list[Reading]()
    for end in range(since + 1, until + 1):
        more, rows = minutes.get(end - 1, _NOTHING)
        less, gone = minutes.get(end - 1 - length, _NOTHING)
        base += rows - gone
        part = part + more - less if base else 0.0
        if hours and (same := past_hours(rule, end * MINUTE, 0)) != stretch:
            stretch = same
            past = [read_past(rule, hours, end * MINUTE, week) for week in range(1, WEEKS + 1)]
        yield end, measure(rule, Reading(part, base, length * MINUTE), past)


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


def fold(minutes: Counts) -> dict[int, tuple[float, int]]:
    """Minutes summed by the hour since 1970."""
    hours: dict[int, tuple[float, int]] = {}
    for minute, (part, base) in minutes.items():
        more, rows = hours.get(minute // 60, _NOTHING)
        hours[minute // 60] = part + more, base + rows
    return hours


def past_hours(rule: Rule, end: float, week: int) -> tuple[int, int]:
    """The whole hours, as (first, how many), that stand for the window that ends at ``end`` (in
    seconds since 1970) so many weeks earlier: the clock hour of its middle, or as many hours as the
    window has, that end with that of its end."""
    count = max(1, rule.window // HOUR)
    middle = int((end - rule.window / 2) // HOUR)
    first = middle if count == 1 else int(end // HOUR) - count
    return first - week * WEEK // HOUR, count


def read_past(rule: Rule, hours: Counts, end: float, week: int) -> Reading:
    """The window so many weeks earlier, of whole hours; a count is scaled to the window."""
    first, count = past_hours(rule, end, week)
    part, base = 0.0, 0
    for hour in range(first, first + count):
        more, rows = hours.get(hour, _NOTHING)
        part, base = part + more, base + rows
    seconds = count * HOUR
    if rule.unit == "count":
        part *= rule.window / seconds
    return Reading(part, base, seconds)


def at(minute: int) -> datetime:
    """The time of a minute since 1970."""
    return datetime.fromtimestamp(minute * MINUTE, UTC)
