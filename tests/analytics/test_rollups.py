"""Rollups are what a direct count of the raw rows says, whatever happened to these."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics import marks, rollups
from analytics.filters import read_filter
from analytics.metrics import percentile, read_course, read_latency
from analytics.records import (
    CallCount,
    CodeCount,
    DirtyHour,
    ExpectedCount,
    KindCount,
    LatencySketch,
    ModelCount,
    ModelToolCount,
    OfferCount,
    PointerCount,
    SummaryCount,
    ToolCount,
    ToolKindCount,
    TurnCount,
)
from analytics.rollup_sql import KINDS
from analytics.sketch import bucket
from analytics.spans import DAY, FIVE, GRAINS, HOUR, KEPT_FEW_FIVES, KEPT_FIVES, floor, of_range
from console.accounts.models import Project
from console.lib import json
from conversations.labels import Draft, set_label
from conversations.models import ToolCall, Turn
from conversations.removal import delete_turns
from conversations.search.query import parse
from conversations.search.reading import find
from tests.analytics.making import NOW, ago, catch_up, make_judged, make_turn, rejected
from tests.factories import make_project, make_user

pytestmark = pytest.mark.django_db


def kind_of(codes: Iterable[str]) -> str:
    return next((code for code in KINDS if code in set(codes)), "")


def count_directly(project: Project, grain: int) -> Counter[Any]:
    """Calls by what rollups divide them by, counted one by one."""
    found: Counter[Any] = Counter()
    oldest = NOW - KEPT_FIVES
    for call in ToolCall.objects.filter(project=project):
        if grain == FIVE and floor(call.at, HOUR) <= oldest:
            continue
        key = (floor(call.at, grain), call.name, call.model, call.environment, kind_of(call.codes))
        found[key, "calls"] += 1
        found[key, "rejected"] += call.verdict == "rejected"
        found[key, "errors"] += call.status == "error"
    return +found


def read_rollup(project: Project, grain: int) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for row in CallCount.objects.filter(project=project, grain=grain):
        key = (row.start, row.tool, row.model, row.environment, row.kind)
        found[key, "calls"] += row.calls
        found[key, "rejected"] += row.rejected
        found[key, "errors"] += row.errors
    return +found


def sum_steps(model: Any, project: Project, grain: int) -> Counter[datetime]:
    rows = model.objects.filter(project=project, grain=grain).values_list("start", "calls")
    found = Counter[datetime]()
    for start, calls in rows:
        found[start] += calls
    return found


def count_calls(project: Project, grain: int) -> Counter[datetime]:
    """As they are kept by the fewest dimensions."""
    oldest = NOW - KEPT_FEW_FIVES
    calls = ToolCall.objects.filter(project=project)
    return Counter(
        floor(call.at, grain) for call in calls if grain > FIVE or floor(call.at, HOUR) > oldest
    )


def agree(project: Project) -> None:
    for grain in GRAINS:
        counted = count_directly(project, grain)
        assert read_rollup(project, grain) == counted, grain
        by_step = Counter({at: 0 for (at, *_), _ in counted})
        for ((at, *_), what), number in counted.items():
            by_step[at] += number if what == "calls" else 0
        narrower = (
            ModelCount, KindCount, ToolCount, ModelToolCount, ToolKindCount,
        )  # fmt: skip
        for narrow in narrower:
            assert sum_steps(narrow, project, grain) == by_step
        assert sum_steps(SummaryCount, project, grain) == count_calls(project, grain)
        turns = Counter[datetime]()
        cost: Any = Counter()
        for turn in Turn.objects.filter(project=project):
            if grain > FIVE or floor(turn.at, HOUR) > NOW - KEPT_FEW_FIVES:
                turns[floor(turn.at, grain)] += 1
                cost[floor(turn.at, grain)] += turn.cost or 0
        rows = TurnCount.objects.filter(project=project, grain=grain)
        held = Counter[datetime]()
        paid: Any = Counter()
        for row in rows:
            held[row.start] += row.turns
            paid[row.start] += row.cost
        assert held == turns and +paid == +cost


CODES = st.lists(
    st.sampled_from(["wrong_type", "missing_required", "timeout", "wrong_tool"]), max_size=2
)
TURNS = st.lists(
    st.tuples(
        st.integers(0, 40 * 24 * 60),
        st.sampled_from(["gpt-4", "llama"]),
        st.lists(st.tuples(st.sampled_from(["get_weather", "book"]), CODES), max_size=3),
    ),
    max_size=12,
)


@settings(max_examples=6)
@given(first=TURNS, late=TURNS, seed=st.integers(0, 1000))
def test_they_equal_a_direct_count_with_late_changed_and_deleted_rows(
    first: Any, late: Any, seed: int
) -> None:
    project, chance = make_project(), random.Random(seed)

    def store(turns: Any) -> None:
        for minutes, model, calls in turns:
            made = [
                {"name": name, "codes": codes, "verdict": "rejected" if codes else "accepted"}
                for name, codes in calls
            ]
            make_turn(project, ago(minutes=minutes), made, model=model, cost=Decimal("0.0031"))

    store(first)
    catch_up()
    agree(project)
    store(late)
    for call in ToolCall.objects.filter(project=project):
        if chance.random() < 0.3:
            call.codes, call.verdict, call.status = ["wrong_type"], "rejected", "error"
            call.save()
    going = [turn.pk for turn in Turn.objects.filter(project=project) if chance.random() < 0.3]
    ToolCall.objects.filter(turn_id__in=going).delete()
    delete_turns(going)
    catch_up()
    agree(project)
    assert not DirtyHour.objects.exists()


def test_twice_is_the_same_as_once() -> None:
    project = make_project()
    make_turn(project, ago(hours=1), [rejected(), {}])
    catch_up()
    before = sorted(CallCount.objects.values_list("grain", "start", "kind", "calls"))
    marks.mark(project.pk, ago(hours=2), NOW)
    assert catch_up() == 3
    assert sorted(CallCount.objects.values_list("grain", "start", "kind", "calls")) == before


def test_a_whole_hour_that_is_deleted_leaves_nothing() -> None:
    project = make_project()
    turn = make_turn(project, ago(days=2), [rejected()], latency_ms=80, expected='{"calls": []}')
    catch_up()
    assert PointerCount.objects.exists() and LatencySketch.objects.exists()
    ToolCall.objects.filter(turn_id=turn.pk).delete()
    delete_turns([turn.pk])
    catch_up()
    for model in (CallCount, CodeCount, PointerCount, TurnCount, OfferCount, LatencySketch):
        assert not model.objects.filter(project=project).exists()
    assert not ExpectedCount.objects.filter(project=project).exists()


def test_hours_whose_partition_was_dropped_are_found() -> None:
    project = make_project()
    make_turn(project, ago(days=50), [{}])
    make_turn(project, ago(hours=1), [{}])
    catch_up()
    # As when a partition goes: no trigger tells of it.
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in ("conversations_turn", "conversations_toolcall"):
            cursor.execute(f"DELETE FROM {table} WHERE at < %s", [ago(days=49)])
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert not DirtyHour.objects.exists()
    assert marks.mark_gone() == 1
    catch_up()
    agree(project)


def test_a_label_changes_its_hour() -> None:
    project = make_project()
    turn = make_turn(project, ago(days=3), [{"name": "cancel_subscription"}])
    catch_up()
    draft = Draft("wrong_tool", 0, tool="get_weather")
    set_label(turn, draft, make_user())
    catch_up()
    kinds = CallCount.objects.filter(project=project, grain=DAY).values_list("kind", "rejected")
    assert list(kinds) == [("wrong_tool", 1)]
    pairs = ExpectedCount.objects.filter(grain=DAY).values_list(
        "expected", "called", "by", "number"
    )
    assert list(pairs) == [("get_weather", "cancel_subscription", "label", 1)]


@pytest.mark.parametrize(
    "expected, calls, pairs",
    [
        ('{"calls": [{"name": "a"}]}', ["a"], [("a", "a")]),
        ('{"calls": [{"name": "a"}]}', ["b"], [("a", "b")]),
        ('{"calls": [{"name": "a"}]}', [], [("a", "")]),
        ('{"calls": []}', [], [("", "")]),
        ('{"calls": []}', ["b", "c"], [("", "b"), ("", "c")]),
        ('{"calls": [{"name": "a"}, {"name": "b"}]}', ["b", "c"], [("a", "c"), ("b", "b")]),
        ('{"scope": "conversation"}', ["a"], []),
        ("not JSON", ["a"], []),
        ('{"calls": [{"name": "\\u0000"}]}', ["a"], [("\ufffd", "a")]),
        ("", ["a"], []),
    ],
)
def test_what_a_record_expected_is_set_against_what_was_called(
    expected: str, calls: list[str], pairs: list[tuple[str, str]]
) -> None:
    project = make_project()
    make_judged(project, ago(days=1), calls, expected)
    catch_up()
    rows = ExpectedCount.objects.filter(project=project, grain=HOUR)
    assert sorted(rows.values_list("expected", "called")) == pairs


def test_costs_are_shared_by_the_calls_of_a_turn_and_add_up() -> None:
    project = make_project()
    make_turn(project, ago(hours=1), [{}, rejected(), {}], cost=Decimal("0.01"))
    make_turn(project, ago(hours=1), [{}], cost=None)
    catch_up()
    rows = CallCount.objects.filter(project=project, grain=DAY)
    assert abs(sum(row.model_cost for row in rows) - Decimal("0.01")) < Decimal("0.000001")
    assert sum(row.unpriced for row in rows) == 1
    misfired = next(row for row in rows if row.kind)
    assert abs(misfired.model_cost - Decimal("0.01") / 3) < Decimal("0.000001")


def test_findings_are_counted_by_their_place_and_hostile_text_stops_nothing() -> None:
    project = make_project()
    hostile = [
        {"code": "unexpected_parameter", "message": "It \x00 is", "pointer": f"/{chr(0)}x"},
        {"code": "unexpected_parameter", "message": "\ud800", "pointer": "/\\u0000"},
    ]
    codes = ["unexpected_parameter"]
    make_turn(project, ago(hours=1), [{"codes": codes, "findings": hostile, "verdict": "rejected"}])
    make_turn(project, ago(hours=1), [rejected("wrong_type"), rejected("wrong_type")])
    catch_up()
    rows = PointerCount.objects.filter(project=project, grain=HOUR)
    assert {row.pointer: row.calls for row in rows if row.code == "wrong_type"} == {"/city": 2}
    assert sum(row.calls for row in rows if row.code == "unexpected_parameter") == 2


def test_tool_names_that_models_make_up_are_bounded() -> None:
    project = make_project()
    calls = [rejected("unknown_tool", name=f"made_up_{n}") for n in range(150)]
    make_turn(project, ago(hours=1), [*calls, *calls[:20]])
    catch_up()
    rows = CallCount.objects.filter(project=project, grain=HOUR)
    assert rows.count() == 101
    assert rows.get(tool="").calls == 50 and sum(row.calls for row in rows) == 170


def test_durations_are_kept_in_buckets_that_add_up() -> None:
    project = make_project()
    for minutes, latency in ((10, 100.0), (20, 100.5), (70, 2000.0)):
        make_turn(project, ago(minutes=minutes), latency_ms=latency, first_token_ms=5)
    catch_up()
    row = LatencySketch.objects.get(project=project, grain=DAY, measure="turn", start__lt=NOW)
    counts = Counter(map(bucket, (100.0, 100.5, 2000.0)))
    assert dict(zip(row.buckets, row.counts, strict=True)) == counts
    assert row.number == 3
    span, shares = of_range("24h", NOW), (0.5, 0.95, 0.99)
    for text in ("", "environment:production", "model:gpt-4", "model:gpt-5"):
        kept = read_filter(project, text)
        held = read_latency(project, "turn", span, ("start",), kept)
        course = read_course(project, "turn", span, shares, kept)
        assert course == {
            start: [percentile(sketch, share) for share in shares]
            for (start,), sketch in held.items()
        }
        assert sum(sum(sketch.values()) for sketch in held.values()) == (text != "model:gpt-5") * 3


def test_writers_of_one_hour_mark_it_without_waiting_for_each_other() -> None:
    project = make_project()
    make_turn(project, ago(hours=1), [{}, {}])
    assert set(DirtyHour.objects.values_list("project_id", "hour")) == {
        (project.pk, floor(ago(hours=1), HOUR))
    }


def test_old_steps_of_five_minutes_are_dropped() -> None:
    project = make_project()
    make_turn(project, ago(hours=1), [{}])
    catch_up()
    assert CallCount.objects.filter(grain=FIVE).exists()
    assert rollups.drop_fives(NOW + timedelta(days=4)) > 0
    assert not CallCount.objects.filter(grain=FIVE).exists()
    assert CallCount.objects.filter(grain=HOUR).exists()
    assert SummaryCount.objects.filter(grain=FIVE).exists()
    assert rollups.drop_fives(NOW + timedelta(days=34)) > 0
    assert not SummaryCount.objects.filter(grain=FIVE).exists()


def test_hours_from_before_five_minutes_were_kept_for_a_month_get_them() -> None:
    project = make_project()
    for hours in (5, 24 * 10, 24 * 20):
        make_turn(project, ago(hours=hours), [{}])
    catch_up()
    assert not marks.mark_coarse(NOW, 10)
    TurnCount.objects.filter(grain=FIVE, start__lt=ago(days=3)).delete()
    SummaryCount.objects.filter(grain=FIVE, start__lt=ago(days=3)).delete()
    assert marks.mark_coarse(NOW, 1) == 1
    assert DirtyHour.objects.get().hour == floor(ago(days=10), HOUR)
    assert marks.mark_coarse(NOW, 10) == 2
    catch_up()
    assert sum_steps(SummaryCount, project, FIVE).total() == 3
    agree(project)


@pytest.mark.parametrize(
    "said", ["\\u0000", "\\\\ud800", "\x00\\u0000", "\ud800\\", "C:\\users\\udfff\\"], ids=ascii
)
def test_a_finding_that_quotes_an_escape_stops_neither_hour_nor_list(said: str) -> None:
    project = make_project()
    finding = {"code": "wrong_tool", "message": said, "suggestion": "get_forecast", "pointer": ""}
    call = {"codes": ["wrong_tool"], "findings": [finding]}
    turn = make_turn(project, ago(hours=3), [call], codes=["missed_call"])
    missed = finding | {"code": "missed_call"}
    Turn.objects.filter(pk=turn.pk).update(findings=json.dump([missed]))
    catch_up()
    assert not DirtyHour.objects.exists()
    assert ExpectedCount.objects.filter(expected="get_forecast", grain=HOUR).count() == 2
    for kind in ("calls", "turns"):
        assert len(find(project, parse("expected:get_forecast"), kind, now=NOW).hits) == 1
