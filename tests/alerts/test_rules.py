"""When a rule alerts: levels, hysteresis, too little to say, and the past."""

from __future__ import annotations

import pytest

from analytics.alerts.rules import (
    Measured,
    Reading,
    Rule,
    State,
    find_start,
    judge,
    measure,
)

RATE = Rule("percent", window=300, level=10, warning=5, minimum=20)
FEW = Rule("count", window=300, level=10, warning=50, direction="below")
PAST = Rule("percent", window=300, level=4, basis="past", minimum=20)


def share(part: float, base: int) -> Reading:
    return Reading(part, base, 300)


@pytest.mark.parametrize(
    ("rule", "figure", "before", "after"),
    [
        (RATE, 3, "ok", "ok"),
        (RATE, 5, "ok", "ok"),
        (RATE, 5.1, "ok", "warning"),
        (RATE, 4.5, "warning", "warning"),
        (RATE, 4, "warning", "ok"),
        (RATE, 10, "ok", "warning"),
        (RATE, 10.1, "ok", "alert"),
        (RATE, 8.1, "alert", "alert"),
        (RATE, 8, "alert", "warning"),
        (RATE, 3, "alert", "ok"),
        (RATE, 87, "no_data", "alert"),
        (FEW, 9, "ok", "alert"),
        (FEW, 12, "ok", "warning"),
        (FEW, 12, "alert", "alert"),
        (FEW, 70, "alert", "ok"),
        (PAST, 4.5, "ok", "alert"),
        (PAST, 3.5, "alert", "alert"),
        (PAST, 3.1, "alert", "ok"),
    ],
)
def test_a_figure_means_a_state_after_the_last_one(
    rule: Rule, figure: float, before: State, after: State
) -> None:
    assert judge(rule, figure, before) == after


def test_a_value_that_hovers_at_the_level_is_one_alert() -> None:
    state: State = "ok"
    states = [state := judge(RATE, figure, state) for figure in (11, 9, 11, 9, 8.5, 11, 7)]
    assert states == ["alert"] * 6 + ["warning"]


@pytest.mark.parametrize(
    ("unit", "reading", "value"),
    [
        ("percent", Reading(104, 120, 300), 100 * 104 / 120),
        ("percent", Reading(0, 0, 300), None),
        ("count", Reading(7, 7, 300), 7),
        ("dollars", Reading(0.5, 10, 300), 6.0),
        ("dollars", Reading(0, 0, 300), 0.0),
    ],
)
def test_a_value_has_its_unit(unit: str, reading: Reading, value: float | None) -> None:
    assert reading.value(unit) == value  # type: ignore[arg-type]


def test_with_too_few_calls_there_is_nothing_to_say() -> None:
    assert measure(RATE, share(19, 19)) == Measured(share(19, 19), 100.0, None, lack="few")
    assert measure(RATE, share(20, 20)).figure == 100.0


WEEKS = [Reading(part, 1000, 3600) for part in (20, 22, 18, 21)]


@pytest.mark.parametrize(
    ("now", "past", "figure"),
    [
        (share(2, 100), WEEKS, pytest.approx(0, abs=0.2)),
        (share(10, 100), WEEKS, pytest.approx(5.7, abs=0.5)),
        (share(87, 100), WEEKS, pytest.approx(60, abs=5)),
        (share(87, 100), WEEKS[:1], None),
        (share(87, 100), [Reading(0, 19, 3600)] * 4, None),
        (share(1, 20), [Reading(0, 1000, 3600)] * 4, pytest.approx(1, abs=0.2)),
        (share(8, 20), [Reading(0, 1000, 3600)] * 4, pytest.approx(8.4, abs=0.5)),
    ],
)
def test_the_past_says_what_is_usual(now: Reading, past: list[Reading], figure: object) -> None:
    assert measure(PAST, now, past).figure == figure


def test_what_is_as_usual_to_the_cent_does_not_deviate() -> None:
    cost = Rule("dollars", window=3600, level=4, basis="past")
    week = Reading(3.0, 100, 3600)
    assert measure(cost, week, [week] * 4).figure == 0.0
    assert (measure(cost, Reading(6.0, 100, 3600), [week] * 4).figure or 0) > 4
    assert (measure(cost, Reading(3.3, 100, 3600), [week] * 4).figure or 0) < 4


def test_a_little_more_than_nothing_is_as_far_as_it_gets() -> None:
    cost = Rule("dollars", window=3600, level=4, basis="past")
    never = [Reading(0.0, 100, 3600)] * 4
    assert measure(cost, Reading(0.01, 100, 3600), never).figure == 99.0


@pytest.mark.parametrize(
    ("slices", "start"),
    [
        ([(0, 5), (0, 5), (4, 5), (5, 5)], 2.0),
        ([(0, 5), (4, 5), (0, 0), (5, 5)], 1.0),
        ([(5, 5), (0, 5)], None),
        ([(5, 5), (5, 5)], 0.0),
        ([], None),
    ],
)
def test_it_began_where_slices_are_bad_from_then_on(
    slices: list[tuple[int, int]], start: float | None
) -> None:
    series = [(float(n), share(part, base)) for n, (part, base) in enumerate(slices)]
    assert find_start(RATE, series) == start
