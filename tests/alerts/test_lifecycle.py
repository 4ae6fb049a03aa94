"""What is told, when: changes, silences, gaps, reminders, and what would have been."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from analytics.alerts.lifecycle import Notice, Standing, advance, simulate
from analytics.alerts.preview import at, pick_worst, slide
from analytics.alerts.rules import Measured, Reading, Rule, measure
from analytics.sketch import bucket

START = datetime(2024, 2, 3, 2, 40, tzinfo=UTC)
RULE = Rule("percent", window=60, level=10, warning=5, minimum=10)


def seen(percent: float | None) -> Measured:
    reading = Reading(percent or 0, 100 if percent is not None else 0, 60)
    return measure(RULE, reading)


def play(
    *percents: float | None,
    rule: Rule = RULE,
    step: float = 10,
    silenced: tuple[int, int] = (0, 0),
    standing: Standing | None = None,
) -> tuple[list[Notice | None], Standing]:
    """The notices of looks ``step`` seconds apart; ``silenced`` are looks without telling."""
    held, told = standing or Standing("ok", START), []
    for number, percent in enumerate(percents):
        now = START + timedelta(seconds=step * number)
        quiet = silenced[0] <= number < silenced[1]
        result = advance(rule, held, seen(percent), now, silenced=quiet)
        held = result.standing
        told.append(result.notice)
    return told, held


def test_an_alert_is_told_once_and_its_end_once() -> None:
    told, held = play(2, 50, 60, 9, 3, 2)
    assert told == [None, "alert", None, None, "recovered", None]
    assert (held.state, held.told) == ("ok", "ok")
    assert held.since == START + timedelta(seconds=40)


def test_a_warning_may_become_an_alert_and_ease() -> None:
    assert play(6, 12, 7, 2)[0] == ["warning", "alert", "warning", "recovered"]


def test_a_short_gap_in_the_traffic_changes_nothing() -> None:
    told, held = play(50, None, None, None, 50, 2)
    assert told == ["alert", None, None, None, None, "recovered"]
    assert held.missing_since is None


def test_a_long_gap_ends_an_alert_as_no_data() -> None:
    told, held = play(50, None, None, None, step=200)
    assert told == ["alert", None, None, "no_data"]
    assert held.state == "no_data"
    told, held = play(2, standing=held)
    assert told == [None]
    assert held.state == "ok"


def test_no_data_is_told_where_that_is_asked_for() -> None:
    quiet, _ = play(2, None, None, None, 2, step=200)
    assert quiet == [None] * 5
    loud, _ = play(2, None, None, None, 2, step=200, rule=replace(RULE, tells_no_data=True))
    assert loud == [None, None, None, "no_data", "recovered"]


def test_a_silence_tells_nothing_and_what_still_holds_is_told_afterwards() -> None:
    told, held = play(50, 50, 50, silenced=(0, 2))
    assert told == [None, None, "alert"]
    assert held.since == START
    assert play(50, 50, 2, silenced=(0, 3))[0] == [None, None, None]
    assert play(50, 2, 2, silenced=(1, 2))[0] == ["alert", None, "recovered"]


def test_it_reminds_while_an_alert_lasts() -> None:
    told, _ = play(50, 50, 50, 50, 50, 2, rule=replace(RULE, renotify=20))
    assert told == ["alert", None, "reminder", None, "reminder", "recovered"]


def test_what_would_have_been_is_what_is() -> None:
    percents = [2, 50, 60, 9, 3, None, 70]
    series = [(START + timedelta(seconds=60 * n), seen(p)) for n, p in enumerate(percents)]
    first, last = simulate(RULE, series)
    assert (first.start, first.end) == (series[1][0], series[4][0])
    assert first.worst.value == 60
    assert (last.start, last.end) == (series[6][0], None)


def test_windows_slide_by_the_minute() -> None:
    rule = Rule("percent", window=120, level=10, minimum=5)
    minutes = {
        100: Reading(0.0, 10, 60),
        101: Reading(9.0, 10, 60),
        103: Reading(1.0, 4, 60),
    }
    series = list(slide(rule, minutes, 100, 105, {}))
    readings = [(end, m.reading.part, m.reading.base) for end, m in series]
    assert readings == [(101, 0, 10), (102, 9, 20), (103, 9, 10), (104, 1, 4), (105, 1, 4)]
    assert [m.figure for _, m in series] == [0, 45, 90, None, None]
    firings = simulate(rule, ((at(end), m) for end, m in series))
    assert [firing.start for firing in firings] == [at(102)]
    assert [(step, m.value) for step, m in pick_worst(rule, series, 3)] == [(99, 45), (102, 90)]


def test_windows_of_durations_have_the_percentiles_of_what_is_in_them() -> None:
    rule = Rule("ms", window=120, level=500, minimum=2, share=0.5)
    slow, fast = {bucket(1000): 4}, {bucket(10): 2}
    minutes = {100: Reading(0, 4, 60, slow), 101: Reading(0, 2, 60, fast)}
    figures = [m.figure for _, m in slide(rule, minutes, 100, 104, {})]
    assert figures[:3] == [pytest.approx(ms, rel=0.01) for ms in (1000, 1000, 10)]
    assert figures[3] is None


def test_windows_that_are_compared_with_the_past_find_it_in_the_hours() -> None:
    rule = Rule("percent", window=300, level=4, basis="past", minimum=5)
    week = 7 * 24
    hour = 10 * week
    hours = {hour - week * back: Reading(1.0, 100, 3600) for back in (1, 2, 3)}
    now = 60 * hour + 30
    series = dict(slide(rule, {now: Reading(60.0, 100, 60)}, now, now + 1, hours))
    assert series[now + 1].expected == 1.0
    assert (series[now + 1].figure or 0) > 4
