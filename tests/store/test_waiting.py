"""Calls that nobody answered are told of when their time is over, though no turn follows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from conversations.ingest.store import store
from conversations.ingest.store.waiting import judge_waiting
from conversations.models import Conversation, ToolCall, Turn
from tests.factories import make_call, make_conversation, make_project, make_turn
from tests.store.talks import TOOLS, ask, assistant, read, tool, turn, user

pytestmark = pytest.mark.django_db

ASKED = assistant(ask("Oslo"))


def test_a_call_without_an_answer_is_told_of_once() -> None:
    store(make_project(), read(turn("a", [user("Hi")], ASKED)), door="api")
    assert ToolCall.objects.get().codes == []
    assert judge_waiting(timezone.now()) == 1
    call = ToolCall.objects.get()
    assert call.codes == ["unanswered_call"] and call.verdict == "flagged"
    assert "10 min" in call.found[0].message
    assert Turn.objects.get().codes == ["unanswered_call"]
    assert Conversation.objects.get().verdict == "flagged"
    assert judge_waiting(timezone.now()) == 0


def test_calls_are_waited_for_and_old_ones_left_alone() -> None:
    now, project = timezone.now(), make_project()
    bodies = [
        turn("new", [user("Hi")], ASKED, conversation="new", at=now - timedelta(minutes=9)),
        turn("old", [user("Hi")], ASKED, conversation="old", at=now - timedelta(days=8)),
    ]
    store(project, read(*bodies), door="api")
    assert judge_waiting(now) == 0
    assert judge_waiting(now + timedelta(minutes=2)) == 1


def test_an_answer_that_comes_later_takes_the_finding_back() -> None:
    project = make_project()
    asked = [user("Hi")]
    store(project, read(turn("a", asked, ASKED)), door="api")
    judge_waiting(timezone.now())
    store(project, read(turn("b", [*asked, ASKED, tool("rain")], after=9)), door="api")
    assert ToolCall.objects.get().codes == []
    assert Turn.objects.get(key="a").verdict == "accepted"


def test_the_other_calls_of_the_turn_stay_told_when_one_is_answered() -> None:
    project = make_project()
    both = assistant(ask("Oslo", "one"), ask("Bergen", "two"))
    store(project, read(turn("a", [user("Hi")], both)), door="api")
    assert judge_waiting(timezone.now()) == 2
    later = [user("Hi"), both, tool("rain", "one")]
    store(project, read(turn("b", later, after=9)), door="api")
    codes = dict(ToolCall.objects.values_list("call_id", "codes"))
    assert codes == {"one": [], "two": ["unanswered_call"]}


def test_the_playground_waits_for_its_person() -> None:
    at = timezone.now() - timedelta(hours=1)
    made = make_turn(make_conversation(source="playground"), at, source="playground")
    make_call(made, status="", result=None)
    assert judge_waiting(timezone.now()) == 0


@pytest.mark.parametrize(("read_only", "codes"), [(True, ["swallowed_error"]), (False, [])])
def test_a_tool_that_says_it_returns_a_value_is_held_to_it(
    read_only: bool, codes: list[str]
) -> None:
    schema = TOOLS[0]["function"]["parameters"]
    hints = {"readOnlyHint": read_only}
    declared = [{"name": "weather_report", "inputSchema": schema, "annotations": hints}]
    asked = assistant(ask("Oslo", name="weather_report"))
    later = [user("Hi"), asked, tool("null")]
    answer = assistant(text="It is 12 degrees in Oslo.")
    bodies = [
        turn("a", [user("Hi")], asked, tools=declared),
        turn("b", later, answer, tools=declared, after=5),
    ]
    store(make_project(), read(*bodies), door="api")
    assert ToolCall.objects.get().codes == codes
