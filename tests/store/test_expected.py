"""What a record expects is judged as it is stored, and again with the rules and the labels."""

from __future__ import annotations

from typing import Any

import pytest

from console.lib import json
from conversations import labels
from conversations.ingest.store import store
from conversations.ingest.store.again import judge_again
from conversations.labels import Draft
from conversations.models import Conversation, ToolCall, Turn
from tests.factories import make_member, make_project
from tests.store.talks import ask, assistant, read, turn, user
from tools_registry.models import Tool

pytestmark = pytest.mark.django_db

PORTO = {"name": "get_weather", "arguments": {"city": "Porto"}}
OSLO = {"name": "get_weather", "arguments": {"city": "Oslo"}}
OTHER = {"name": "get_forecast"}


@pytest.mark.parametrize(
    ("expected", "calls", "of_calls", "of_turn"),
    [
        ({"calls": [OSLO]}, ["Oslo"], [[]], []),
        ({"calls": [PORTO]}, ["Oslo"], [["wrong_arguments"]], []),
        ({"calls": [OTHER]}, ["Oslo"], [["wrong_tool"]], []),
        ({"calls": []}, ["Oslo"], [["needless_call"]], []),
        ({"calls": [OSLO]}, [], [], ["missed_call"]),
        ({"calls": None}, [], [], ["missed_call"]),
        ({"calls": [OSLO, PORTO]}, ["Oslo"], [[]], ["wrong_count"]),
        ({"calls": [OSLO]}, ["Oslo", "Bergen"], [[], ["wrong_count"]], []),
        ({"acceptable": [{"get_weather": {"city": ["Oslo", "Porto"]}}]}, ["Oslo"], [[]], []),
        ({"calls": [], "scope": "conversation"}, ["Oslo"], [[]], []),
    ],
)
def test_each_kind_is_found_as_the_turn_is_stored(
    expected: Any, calls: list[str], of_calls: list[list[str]], of_turn: list[str]
) -> None:
    answer = assistant(*(ask(city, f"call_{city}") for city in calls))
    store(
        make_member().project, read(turn("a", [user("Hi")], answer, expected=expected)), door="api"
    )
    assert [call.codes for call in ToolCall.objects.order_by("position")] == of_calls
    held = Turn.objects.get()
    assert [one.code for one in held.found] == of_turn
    found = {code for codes in of_calls for code in codes} | set(of_turn)
    assert set(held.codes) == found
    assert held.verdict == ("rejected" if found else "accepted")
    assert Conversation.objects.get().verdict == held.verdict


def test_the_layer_is_said_to_have_run_where_something_was_expected() -> None:
    project = make_project()
    asked = assistant(ask("Oslo"))
    store(
        project,
        read(
            turn("a", [user("Hi")], asked, conversation="a", expected={"calls": [OSLO]}),
            turn("b", [user("Hi")], asked, conversation="b"),
        ),
        door="api",
    )
    ran = [
        [layer["layer"] for layer in call.layers if layer["layer"] == "expectation"]
        for call in ToolCall.objects.order_by("conversation__key")
    ]
    assert ran == [["expectation"], []]


@pytest.mark.parametrize("expected", [{}, {"calls": 3}, {"calls": [{"tool": "x"}]}])
def test_an_expectation_that_nobody_can_read_is_noted_and_the_turn_is_stored(expected: Any) -> None:
    body = turn("a", [user("Hi")], assistant(ask("Oslo")), expected=expected)
    outcome = store(make_project(), read(body), door="api")
    assert outcome.stored == 1
    held = Turn.objects.get()
    assert [note["code"] for note in json.load(held.notes)] == ["expectation_unreadable"]
    assert held.verdict == "accepted"


def test_a_failed_call_of_the_model_is_no_missed_call() -> None:
    body = turn("a", [user("Hi")], expected={"calls": [OSLO]}, error={"code": "overloaded"})
    store(make_project(), read(body), door="api")
    assert Turn.objects.get().codes == []


def test_labels_go_before_the_record_and_withdrawn_ones_give_way_to_it() -> None:
    author = make_member()
    body = turn("a", [user("Hi")], assistant(ask("Oslo")), expected={"calls": [PORTO]})
    store(author.project, read(body), door="api")
    labels.set_label(Turn.objects.get(), Draft("right"), author.user)
    assert Turn.objects.get().codes == []
    labels.set_label(Turn.objects.get(), Draft("withdrawn"), author.user)
    assert Turn.objects.get().codes == ["wrong_arguments"]
    former = json.load(ToolCall.objects.get().former)
    assert former["verdict"] == "accepted"


def test_judging_again_keeps_what_records_and_labels_expect() -> None:
    author = make_member()
    asked = assistant(ask("Oslo", name="send_mail"))
    bodies = [
        turn("a", [user("Hi")], asked, conversation="a", expected={"calls": [PORTO]}),
        turn("b", [user("Hi")], asked, conversation="b"),
        turn("c", [user("Hi")], conversation="c", expected={"calls": [PORTO]}),
    ]
    store(author.project, read(*bodies), door="api")
    labelled = Turn.objects.get(key="b")
    labels.set_label(labelled, Draft("wrong_tool", 0, tool="get_weather"), author.user)
    every = list(Conversation.objects.values_list("pk", flat=True))
    assert judge_again(author.project, every) == 2  # nobody answered two calls for an hour
    for one in Turn.objects.order_by("key"):
        assert one.codes[-1] == {"c": "missed_call"}.get(one.key, "wrong_tool")
    Tool.objects.create(project=author.project, name="send_mail")
    assert judge_again(author.project, every) == 2
    call = ToolCall.objects.get(turn_id=labelled.pk)
    assert call.codes == ["tool_not_offered", "unanswered_call", "wrong_tool"]
    former = json.load(call.former)
    codes = [one["code"] for one in former["findings"]]
    assert codes == ["unknown_tool", "unanswered_call", "wrong_tool"]
