"""Stretches of time in whole steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from analytics.spans import (
    DAY,
    FIVE,
    GRAINS,
    HOUR,
    MONTH,
    QUARTER,
    RANGES,
    BadSpan,
    Span,
    floor,
    of_range,
    of_times,
    write_times,
)
from conversations.search.query import parse, read_times

NOW = datetime(2024, 2, 3, 3, 4, 30, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("name", RANGES)
def test_a_range_ends_with_the_step_that_goes_on(name: str) -> None:
    span = of_range(name, NOW)
    assert span.since < NOW < span.until
    assert span.starts[-1] == floor(NOW, span.grain)
    assert len(span.before.starts) == len(span.starts) and span.before.until == span.since


@pytest.mark.parametrize(
    "first, last, grain, starts",
    [
        ("2024-02-03T01:02", "2024-02-03T03:00", FIVE, 24),
        ("2024-01-03T01:02", "2024-01-03T03:00", HOUR, 2),
        ("2024-01-01", "2024-01-10", QUARTER, 36),
        ("2024-01-01", "2024-02-01", DAY, 31),
        ("2023-03-05", "2024-02-01", MONTH, 11),
    ],
)
def test_given_ends_are_widened_to_whole_steps(
    first: str, last: str, grain: int, starts: int
) -> None:
    span = of_times(at(first), at(last), NOW)
    assert (span.grain, len(span.starts)) == (grain, starts)
    assert span.since <= at(first) and span.until >= at(last)


@pytest.mark.parametrize(
    "first, last", [("2024-02-03", "2024-02-03"), ("2000-01-01", "2024-01-01")]
)
def test_a_time_that_cannot_be_shown_is_refused(first: str, last: str) -> None:
    with pytest.raises(BadSpan):
        of_times(at(first), at(last), NOW)


@pytest.mark.parametrize("grain", GRAINS)
def test_the_lists_term_for_a_step_is_that_step(grain: int) -> None:
    since = floor(NOW, grain)
    span = Span(since, since + timedelta(minutes=5), grain)
    first, last = read_times(parse(write_times(span.since, span.until)), NOW)
    assert (first, last) == (span.since, span.until)


@pytest.mark.parametrize(
    "first, last, grain, grains",
    [
        ("2024-01-01T05:10", "2024-01-01T07:05", FIVE, [FIVE, HOUR, FIVE]),
        ("2024-01-01T05:10", "2024-01-01T06:05", FIVE, [FIVE]),
        ("2024-01-01T05:00", "2024-01-02T09:00", HOUR, [HOUR, QUARTER, HOUR]),
        ("2024-01-01T05:00", "2024-01-04T09:00", HOUR, [HOUR, QUARTER, DAY, QUARTER, HOUR]),
        ("2024-01-01", "2024-01-04", HOUR, [DAY]),
        ("2024-01-01T06:00", "2024-01-03T00:00", QUARTER, [QUARTER, DAY]),
        ("2024-01-01", "2024-03-01", DAY, [DAY]),
        ("2024-01-01", "2024-03-01", MONTH, [MONTH]),
    ],
)
def test_a_span_is_thinned_by_longer_steps(
    first: str, last: str, grain: int, grains: list[int]
) -> None:
    parts = Span(at(first), at(last), grain).thinned
    assert [part.grain for part in parts] == grains
    assert (parts[0].since, parts[-1].until) == (at(first), at(last))
    assert all(a.until == b.since for a, b in zip(parts, parts[1:], strict=False))


@pytest.mark.parametrize(
    "first, last", [("0001-01-01", "0001-01-02"), ("9999-12-30", "9999-12-31")]
)
def test_times_that_cannot_be_reckoned_are_refused(first: str, last: str) -> None:
    with pytest.raises(BadSpan, match="2000 to 2199"):
        of_times(at(first), at(last), NOW)
