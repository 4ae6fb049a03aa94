"""A backtest over stored calls: every call counts once, whatever happens to its worker."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from console.accounts.models import Project
from console.lib import json
from conversations.backtest import engine, reading
from conversations.backtest.changes import read_changes
from conversations.backtest.records import Backtest, BacktestChange
from conversations.backtest.subjects import BadChoice, choose
from conversations.models import ToolCall
from conversations.search.query import BadQuery
from tests.backtest.making import (
    arguments,
    begin,
    definition,
    fresh,
    make_calls,
    make_versions,
    run,
)
from tests.factories import make_project
from tools_registry.validation import Finding

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


def test_a_misspelled_version_rejects_what_the_right_one_accepted(project: Project) -> None:
    right, wrong = make_versions(project)
    make_calls(right, [arguments(n) for n in range(20)])
    row = run(project, version=wrong.number)
    told = row.told
    assert (row.status, row.done, row.available) == ("finished", 20, 20)
    assert told["kinds"] == {"newly_rejected": 20}
    assert told["findings"]["missing_required /temprature"] == {"after": 20, "new": 20}
    assert BacktestChange.objects.filter(backtest=row).count() == 20


def test_a_draft_proves_that_it_mends_what_the_misspelled_version_rejected(
    project: Project,
) -> None:
    _, wrong = make_versions(project)
    make_calls(wrong, [arguments(n) for n in range(5)])
    row = run(project, draft=json.dump({"type": "function", "function": definition()}))
    assert row.version is None
    assert row.told["matrix"] == {"rejected>accepted": 5}
    page = read_changes(row)
    assert [change.kind for change in page.changes] == ["fixed"] * 5
    assert {f.code for f in page.changes[0].before} == {"missing_required", "unexpected_parameter"}
    assert page.changes[0].after == []


def test_the_newest_calls_come_first_and_no_more_than_asked(project: Project) -> None:
    right, wrong = make_versions(project)
    calls = make_calls(right, [arguments(n) for n in range(12)])
    row = run(project, version=wrong.number, limit=5)
    assert (row.done, row.available) == (5, 12)
    changed = {change.id for change in read_changes(row).changes}
    assert changed == {call.pk for call in calls[-5:]}


def test_only_calls_that_match_the_filter_are_judged(project: Project) -> None:
    right, wrong = make_versions(project)
    make_calls(right, [arguments(n) for n in range(3)], model="gpt-4o")
    make_calls(right, [arguments(n) for n in range(4)], model="llama3", ago=timedelta(days=3))
    assert run(project, version=wrong.number, query="model:llama*").done == 4
    assert run(project, version=wrong.number, query="time:24h").done == 3
    assert run(project, version=wrong.number, query="tool:other").done == 0


def test_rare_calls_are_found_where_reading_in_order_takes_too_long(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = make_versions(project)
    make_calls(right, [arguments(n) for n in range(7)])
    monkeypatch.setattr(reading, "WALKING", 0.0)
    monkeypatch.setattr(engine, "BATCH", 3)
    row = run(project, version=wrong.number)
    assert (row.done, row.told["kinds"]) == (7, {"newly_rejected": 7})


def test_other_projects_calls_are_never_read(project: Project) -> None:
    right, wrong = make_versions(project)
    other, _ = make_versions(make_project())
    make_calls(other, [arguments(n) for n in range(3)])
    make_calls(right, [arguments()])
    assert run(project, version=wrong.number).done == 1


def test_batches_add_up_to_the_same_as_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = make_versions(project)
    make_calls(right, [arguments(n, "kelvin" if n % 3 else "celsius") for n in range(25)])
    whole = run(project, version=wrong.number)
    monkeypatch.setattr(engine, "BATCH", 4)
    pieces = run(project, version=wrong.number)
    assert pieces.told == whole.told
    assert pieces.done == whole.done == 25


def test_a_batch_whose_worker_ends_in_the_middle_leaves_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = make_versions(project)
    make_calls(right, [arguments(n) for n in range(9)])
    monkeypatch.setattr(engine, "BATCH", 4)
    row = begin(project, version=wrong.number)
    engine.advance(row.pk), engine.advance(row.pk)
    # The rows are written, then the worker is gone before its transaction ends.
    with transaction.atomic():
        engine.advance(row.pk)
        transaction.set_rollback(True)
    assert fresh(row.pk).done == BacktestChange.objects.filter(backtest=row).count() == 4
    engine.run(row.pk)
    assert fresh(row.pk).done == BacktestChange.objects.filter(backtest=row).count() == 9


def test_a_stalled_backtest_goes_on_under_a_new_chain_and_its_old_tasks_stop(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = make_versions(project)
    make_calls(right, [arguments(n) for n in range(9)])
    monkeypatch.setattr(engine, "BATCH", 4)
    row = begin(project, version=wrong.number)
    engine.advance(row.pk), engine.advance(row.pk)
    assert engine.take_stalled() == []
    long_ago = timezone.now() - engine.STALLED - timedelta(seconds=1)
    Backtest.objects.update(touched_at=long_ago)
    assert engine.take_stalled() == [(row.pk, 1)]
    assert engine.take_stalled() == []
    assert engine.advance(row.pk, 0).is_over
    engine.run(row.pk, 1)
    assert fresh(row.pk).told["kinds"] == {"newly_rejected": 9}


def test_cancelling_keeps_what_is_judged(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    right, wrong = make_versions(project)
    make_calls(right, [arguments(n) for n in range(9)])
    monkeypatch.setattr(engine, "BATCH", 4)
    row = begin(project, version=wrong.number)
    engine.advance(row.pk), engine.advance(row.pk)
    assert engine.cancel(row)
    assert engine.run(row.pk).is_over
    row = fresh(row.pk)
    assert (row.status, row.done) == ("cancelled", 4)
    assert not engine.cancel(row)


def test_what_is_not_in_the_call_itself_counts_on_neither_side(project: Project) -> None:
    right, _ = make_versions(project)
    make_calls(right, [arguments(n) for n in range(3)], extra=[Finding("repeated_call", "again")])
    row = run(project, version=right.number)
    assert row.told["kinds"] == {"unchanged": 3}
    assert row.told["matrix"] == {"accepted>accepted": 3}


def test_rules_get_what_the_conversation_held_before_each_call(project: Project) -> None:
    right, _ = make_versions(project)
    make_calls(right, [arguments(n) for n in range(5)])
    policy = {"rules": [{"name": "few", "expression": "conversation.count < 3"}]}
    row = run(project, version=right.number, policy=policy)
    assert row.told["matrix"] == {"accepted>accepted": 3, "accepted>rejected": 2}
    said = {"rules": [{"name": "asked", "expression": 'conversation.last_user != ""'}]}
    assert run(project, policy=said, version=right.number).told["kinds"] == {"unchanged": 5}


def test_calls_without_any_match_end_at_once(project: Project) -> None:
    make_versions(project)
    row = run(project)
    assert (row.status, row.done, row.available) == ("finished", 0, 0)


def test_a_deleted_call_is_told_and_one_judged_again_is_marked(project: Project) -> None:
    right, wrong = make_versions(project)
    first, second = make_calls(right, [arguments(n) for n in range(2)])
    row = run(project, version=wrong.number)
    ToolCall.objects.filter(pk=first.pk).delete()
    found = '[{"code":"missing_required","message":"x","pointer":"/x","severity":"rejected"}]'
    ToolCall.objects.filter(pk=second.pk).update(findings=found)
    changes = {change.id: change for change in read_changes(row).changes}
    assert changes[first.pk].stored is None
    assert changes[second.pk].is_older


def test_changes_are_read_by_kind_and_by_finding_page_by_page(project: Project) -> None:
    right, wrong = make_versions(project)
    make_calls(right, [arguments(n) for n in range(7)] + [arguments(8, "kelvin")])
    row = run(project, version=wrong.number)
    page = read_changes(row, kind="newly_rejected", size=5)
    rest = read_changes(row, kind="newly_rejected", size=5, before=page.older)
    assert (len(page.changes), len(rest.changes), rest.older) == (5, 2, None)
    gone = read_changes(row, key="not_in_enum /temperature")
    assert [change.kind for change in gone.changes] == ["other_findings"]


def test_odd_names_in_findings_are_kept_and_found(project: Project) -> None:
    right, _ = make_versions(project)
    name = 'a"b\\c\t\n{},\x00'
    make_calls(right, [json.dump({"city": "x", "temperature": "celsius", name: 1})])
    loose = definition()
    del loose["parameters"]["additionalProperties"]
    row = run(project, draft=json.dump(loose))
    assert row.told["kinds"] == {"fixed": 1}
    stored = BacktestChange.objects.get(backtest=row)
    assert stored.keys == []
    make_calls(right, ['{"city": "x"}'])
    more: dict[str, Any] = {name: {"type": "string"}}
    closed = definition("temperature", **more)
    closed["parameters"]["required"] = ["city", "temperature", name]
    row = run(project, draft=json.dump(closed))
    key = next(key for key in row.told["findings"] if key.startswith("missing_required /a"))
    assert read_changes(row, key=key).changes


@pytest.mark.parametrize(
    ("chosen", "field"),
    [
        ({"version": 9}, "version"),
        ({"draft": "{"}, "draft"),
        ({"draft": '{"name": "x", "parameters": {"type": "nothing"}}'}, "draft"),
        ({"policy": "7"}, "policy"),
        ({"policy": {"rules": [{"name": "x", "expression": "args."}]}}, "policy"),
        ({"policy": {"nothing": 1}}, "policy"),
    ],
)
def test_what_cannot_judge_is_refused_before_anything_starts(
    project: Project, chosen: dict[str, object], field: str
) -> None:
    make_versions(project)
    with pytest.raises(BadChoice) as refused:
        choose(project, "get_weather", **chosen)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert str(refused.value)


def test_a_filter_that_is_none_is_refused(project: Project) -> None:
    make_versions(project)
    with pytest.raises(BadQuery):
        begin(project, query="colour:red")
    assert not Backtest.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_judge_one_batch() -> None:
    project = make_project()
    right, wrong = make_versions(project)
    make_calls(right, [arguments(n) for n in range(3)])
    row = begin(project, version=wrong.number)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [row.pk.int % (1 << 63)])
        assert _advance_elsewhere(row.pk).is_busy
    engine.run(row.pk)
    assert fresh(row.pk).done == 3


def _advance_elsewhere(pk: object) -> engine.Step:
    """From another connection, as another worker would."""
    found: list[engine.Step] = []

    def work() -> None:
        found.append(engine.advance(pk))  # type: ignore[arg-type]
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found[0]
