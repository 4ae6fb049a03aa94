"""Turn records in storage: once each, in linear space, with their results and verdicts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from conversations.ingest.store import store
from conversations.models import Conversation, IngestTally, Quarantined, ToolCall, Turn
from tests.factories import make_key, make_project
from tests.store.talks import (
    START,
    ask,
    assistant,
    read,
    rebuilt,
    request_of,
    talk,
    tool,
    turn,
    user,
)
from tools_registry.models import Tool, Toolset, ToolVersion

pytestmark = pytest.mark.django_db


def test_a_conversation_is_stored_in_linear_space() -> None:
    project = make_project()
    bodies = talk(5)
    outcome = store(project, read(*bodies), door="api")
    assert (outcome.stored, outcome.sent) == (5, 5)
    turns = list(Turn.objects.order_by("number"))
    assert [one.key for one in turns] == [body["id"] for body in bodies]
    assert [len(one.new_messages) for one in turns] == [2, 3, 3, 3, 3]
    assert [one.parent_id for one in turns] == [None, *(one.pk for one in turns[:-1])]
    assert rebuilt(project) == {body["id"]: request_of(body) for body in bodies}
    talk_row = Conversation.objects.get()
    assert (talk_row.turn_count, talk_row.call_count) == (5, 5)
    assert talk_row.title == "Weather in Oslo?"


def test_the_same_id_is_a_duplicate_whenever_it_says_it_was() -> None:
    project = make_project()
    store(project, read(turn("a", [user("Hi")])), door="api")
    again = store(
        project, read(turn("a", [user("Hi")]), turn("a", [user("Hi")], after=60)), door="api"
    )
    assert (again.stored, again.duplicate) == (0, 2)
    assert Turn.objects.count() == 1


def test_two_records_of_one_id_in_a_batch_are_one_turn() -> None:
    outcome = store(
        make_project(), read(turn("a", [user("Hi")]), turn("a", [user("Ho")])), door="api"
    )
    assert (outcome.stored, outcome.duplicate) == (1, 1)
    assert Turn.objects.get().new_messages == [user("Hi")]


def test_projects_do_not_meet() -> None:
    one, two = make_project(), make_project()
    assert store(one, read(turn("a", [user("Hi")])), door="api").stored == 1
    assert store(two, read(turn("a", [user("Hi")])), door="api").stored == 1


def test_results_are_joined_by_position_where_an_id_repeats() -> None:
    answer = assistant(ask("Oslo"), ask("Bergen"))
    first = turn("a", [user("Both?")], answer)
    second = turn("b", [user("Both?"), answer, tool("rain"), tool("sun")], after=1)
    store(make_project(), read(first), door="api")
    store(Turn.objects.get().project, read(second), door="api")
    calls = list(ToolCall.objects.order_by("position"))
    assert [call.result for call in calls] == ["rain", "sun"]
    assert [call.status for call in calls] == ["ok", "ok"]
    assert calls[0].codes == [] and calls[1].codes == ["duplicate_call_id"]


def test_a_reported_result_goes_before_a_carried_one() -> None:
    reported = {"call_id": "call_1", "status": "timeout", "latency_ms": 31, "cost": 0.25}
    answer = assistant(ask("Oslo"))
    first = turn("a", [user("Hi")], answer, tool_results=[reported])
    second = turn("b", [user("Hi"), answer, tool("late")], after=1)
    store(make_project(), read(first, second), door="api")
    call = ToolCall.objects.get()
    assert (call.status, call.latency_ms, str(call.cost)) == ("timeout", 31, "0.250000000")
    assert call.result == "late" and "timeout" in call.codes


def test_a_rewritten_history_begins_a_branch() -> None:
    answer = assistant(text="Well.")
    root = turn("a", [user("One")], answer)
    left = turn("b", [user("One"), answer, user("Two")], after=1)
    right = turn("c", [user("One"), assistant(text="Rewritten."), user("Two")], after=2)
    store(make_project(), read(root, left, right), door="api")
    turns = {one.key: one for one in Turn.objects.all()}
    assert turns["b"].parent_id == turns["c"].parent_id == turns["a"].pk
    assert turns["c"].new_messages == right["request"]["messages"][1:]


def test_a_turn_that_comes_late_takes_its_place() -> None:
    project = make_project()
    one, two, three = talk(3)
    for body in (three, one, two):
        store(project, read(body), door="api")
    turns = list(Turn.objects.order_by("number"))
    assert [row.key for row in turns] == ["talk-0", "talk-1", "talk-2"]
    assert [len(row.new_messages) for row in turns] == [2, 3, 3]
    assert [call.result for call in ToolCall.objects.order_by("at")] == ["rain 0", "rain 1", None]
    assert rebuilt(project) == {body["id"]: request_of(body) for body in (one, two, three)}


def test_definitions_in_traffic_become_observed_versions() -> None:
    project = make_project()
    _, key = None, make_key(project, ["ingest"])[0]
    store(project, read(turn("a", [user("Hi")], assistant(ask("Oslo")))), door="api", api_key=key)
    version = ToolVersion.objects.get(tool__project=project)
    assert version.origin == "observed" and version.first_seen_at == START
    assert ToolCall.objects.get().tool_version == version
    assert [one.sender for one in version.sightings.all()] == [f"key:{key.prefix}"]
    later = turn("b", [user("Ho")], after=600, tags=["service:shop"])
    store(project, read(later), door="api", api_key=key)
    version.refresh_from_db()
    assert version.last_seen_at == START + timedelta(seconds=600)
    assert {one.sender for one in version.sightings.all()} == {f"key:{key.prefix}", "service:shop"}
    assert Toolset.objects.filter(project=project).count() == 1


def test_calls_are_judged_when_they_come() -> None:
    project = make_project()
    wrong = {**ask("Oslo"), "function": {"name": "get_weather", "arguments": '{"town": "Oslo"}'}}
    made_up = ask("Oslo", "call_2", "get_wether")
    store(project, read(turn("a", [user("Hi")], assistant(wrong, made_up))), door="api")
    first, second = ToolCall.objects.order_by("position")
    assert set(first.codes) == {"unexpected_parameter", "missing_required"}
    assert second.codes == ["unknown_tool"]
    assert second.found[0].suggestion == "get_weather"
    row = Turn.objects.get()
    assert row.verdict == "rejected" and "unknown_tool" in row.codes
    assert Conversation.objects.get().verdict == "rejected"
    Tool.objects.create(project=project, name="other")
    known = turn("b", [user("Ho")], assistant(ask("Oslo", name="other")), after=1)
    store(project, read(known), door="api")
    assert ToolCall.objects.get(name="other").codes == ["tool_not_offered"]


def test_one_record_that_the_database_refuses_fails_alone() -> None:
    project = make_project()
    bad = turn("bad", [user("Hi")])
    records = [*read(turn("a", [user("Hi")])), *read(bad), *read(turn("c", [user("Hi")], after=2))]
    # No door lets such a record through; storage must not rely on it.
    records[1] = records[1].model_copy(update={"provider": "p" * 100})
    outcome = store(project, records, door="api")
    assert (outcome.stored, outcome.quarantined) == (2, 1)
    assert outcome.errors[0].line == 2 and outcome.errors[0].record == "bad"
    held = Quarantined.objects.get()
    assert held.reason == "not_stored" and b'"bad"' in bytes(held.body)
    assert set(Turn.objects.values_list("key", flat=True)) == {"a", "c"}
    assert sum(IngestTally.objects.values_list("sent", flat=True)) == 3


def test_a_clock_that_is_off_waits_in_quarantine() -> None:
    old = turn("old", [user("Hi")], at=START - timedelta(days=400))
    early = turn("early", [user("Hi")], at=START + timedelta(days=3))
    outcome = store(make_project(), read(old, early), door="api")
    assert outcome.quarantined == 2
    assert {one.reason for one in Quarantined.objects.all()} == {"clock_skew"}


def test_files_may_hold_old_turns() -> None:
    old = turn("old", [user("Hi")], at=START - timedelta(days=900))
    outcome = store(make_project(), read(old), door="file")
    assert outcome.stored == 1 and Turn.objects.get().source == "file"


def test_hostile_text_is_kept_character_for_character() -> None:
    odd = "nul \0 half \ud83d mark \uf8ff big " + "9" * 30
    call = {"id": odd, "type": "function", "function": {"name": odd, "arguments": odd}}
    body = turn("odd", [user(odd)], assistant(call, text=odd), tools=None)
    body["request"]["parameters"] = {"seed": 10**60, odd: odd}
    project = make_project()
    assert store(project, read(body), door="api").stored == 1
    stored = ToolCall.objects.get()
    assert (stored.call_id, stored.name, stored.arguments) == (odd, odd, odd)
    assert rebuilt(project)["odd"] == request_of(body)
