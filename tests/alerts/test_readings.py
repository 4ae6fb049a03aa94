"""What alerts read is one figure, whether counted of the rows or summed from rollups."""

from __future__ import annotations

import random
from datetime import timedelta
from time import monotonic

import pytest
from django.db.models import F

from analytics.alerts.preview import slide
from analytics.alerts.readings import (
    Asked,
    Sliced,
    TooMuch,
    read_filter,
    read_fives,
    read_minutes,
    read_rows,
    read_stretch,
)
from analytics.alerts.rules import Reading, Rule
from analytics.alerts.watched import BUDGET, WATCHED
from analytics.records import DirtyHour, SummaryCount, TurnCount
from analytics.spans import FIVE, HOUR, floor
from console.accounts.models import Project
from tests.analytics.making import NOW, catch_up, make_turn, rejected
from tests.factories import make_project

pytestmark = pytest.mark.django_db
LENGTH = timedelta(hours=5)


def fill(project: Project) -> None:
    """Turns of six hours, of which some fail, cost nothing known, miss a call or are slow."""
    for number in range(40):
        fails, dear = number % 7 == 0, number % 5
        make_turn(
            project,
            NOW - timedelta(minutes=9 * number, seconds=number),
            [rejected("wrong_type"), {"status": "error", "latency_ms": 3.0 * number + 1}]
            if number % 3 == 0
            else [{"verdict": "flagged", "codes": ["markup"], "latency_ms": 250.0}],
            status="failed" if fails else "finished",
            cost=None if dear == 0 else f"0.00{dear}",
            codes=["missed_call"] if number % 11 == 0 else [],
            latency_ms=100.0 + number,
            first_token_ms=None if fails else 20.0 + number,
            environment="staging" if number % 4 == 0 else "production",
            user=f"u_{number % 2}",
        )


def read(project: Project, name: str, text: str, *, rolled_up: bool) -> Reading:
    asked = Asked(project, WATCHED[name], read_filter(text))
    held = Sliced(NOW - LENGTH, 600.0)
    count = read_stretch if rolled_up else read_rows
    count(asked, held, NOW - LENGTH, NOW, monotonic() + 5)
    return held.reading(0, 30)


def test_every_metric_is_the_same_of_rows_and_of_rollups() -> None:
    project = make_project()
    fill(project)
    catch_up()
    for text in ("", "environment:production", "-tool:get_weather", "user:u_1"):
        for name in WATCHED.keys() - {BUDGET}:
            counted = read(project, name, text, rolled_up=False)
            summed = read(project, name, text, rolled_up=True)
            assert summed.part == pytest.approx(counted.part), (name, text)
            assert (summed.base, summed.buckets) == (counted.base, counted.buckets), (name, text)
            assert counted.base or text, name


def test_whole_hours_come_from_rollups_but_for_those_that_changed_since() -> None:
    project = make_project()
    fill(project)
    catch_up()
    counted = read(project, "calls", "", rolled_up=True)
    SummaryCount.objects.filter(grain=5).update(calls=F("calls") * 100)
    assert read(project, "calls", "", rolled_up=True).part > 10 * counted.part
    for hours in range(7):
        DirtyHour.objects.create(
            project_id=project.pk,
            hour=NOW.replace(minute=0, second=0) - timedelta(hours=hours),
        )
    assert read(project, "calls", "", rolled_up=True).part == counted.part


def test_a_look_that_has_no_time_left_says_so() -> None:
    project = make_project()
    asked = Asked(project, WATCHED["calls"], read_filter(""))
    with pytest.raises(TooMuch, match="narrow the filter"):
        read_rows(asked, Sliced(NOW - LENGTH, 60.0), NOW - LENGTH, NOW, monotonic() - 1)


def fill_days(project: Project) -> None:
    """Turns of six days, rolled up, but that some hours lack their steps and one changed since."""
    chance = random.Random(7)
    for _ in range(40):
        at = NOW - timedelta(minutes=chance.randrange(6 * 24 * 60), seconds=chance.random() * 60)
        make_turn(project, at, [rejected("wrong_type"), {}][chance.randrange(2) :], cost="0.25")
    catch_up()
    gone = floor(NOW - timedelta(days=2), HOUR)
    for model in (SummaryCount, TurnCount):
        model.objects.filter(grain=FIVE, start__gte=gone, start__lt=gone + LENGTH).delete()
    make_turn(project, NOW - timedelta(days=3, minutes=1), [rejected("wrong_type")])


def test_steps_of_five_minutes_show_the_windows_that_rows_show() -> None:
    project = make_project()
    fill_days(project)
    since = NOW.replace(minute=0) - timedelta(days=5)
    begins, ends = (round(moment.timestamp()) // 60 for moment in (since, NOW))
    before = since - timedelta(minutes=30)
    for name in ("rejection_rate", "misfire_rate", "calls", "cost_per_hour"):
        asked = Asked(project, WATCHED[name], read_filter("environment:production"))
        rule = Rule(WATCHED[name].unit, window=1800, level=10)
        rows = read_minutes(asked, before, NOW, monotonic() + 5)
        fives = read_fives(asked, before, NOW, monotonic() + 5)
        assert fives.reached == before
        assert {reading.seconds for reading in fives.readings.values()} == {60, 300}
        each = round(fives.finely.timestamp()) // 60 + 30
        exact = dict(slide(rule, rows.readings, begins, ends, {}))
        coarse = dict(slide(rule, fives.readings, begins, ends, {}, each))
        assert coarse.keys() == {end for end in exact if end >= each or end % 5 == 0}
        for end, measured in coarse.items():
            reading, other = measured.reading, exact[end].reading
            assert reading.base == other.base
            assert reading.part == pytest.approx(other.part)


def test_a_filter_that_no_five_minutes_are_kept_by_is_read_from_rows() -> None:
    project = make_project()
    for text, kept in (("", True), ("model:a", False), ("user:u", False)):
        asked = Asked(project, WATCHED["rejection_rate"], read_filter(text))
        assert asked.is_kept_in_fives is kept
    assert Asked(project, WATCHED["cost_per_hour"], read_filter("model:a")).is_kept_in_fives
    assert not Asked(project, WATCHED["tool_p95"], read_filter("")).is_kept_in_fives
