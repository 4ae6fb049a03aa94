"""Whole conversations replayed: the user's words as recorded, tools answered by policy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from conversations.recording import rebuild_messages
from conversations.replay import waiting
from conversations.replay.cases import Case, Recorded
from conversations.replay.orders import Order
from conversations.replay.records import Replay
from conversations.replay.starting import start
from conversations.replay.turns import cases_of_turns
from conversations.replay.variants import Variant
from tests.factories import (
    make_call,
    make_conversation,
    make_member,
    make_project,
    make_tool_version,
    make_toolset,
    make_turn,
)
from tests.replay.making import MISSPELT, begin, connect, fresh, make_case, outcomes_of, work
from tests.replay.provider import Body, call, provider, says

pytestmark = pytest.mark.django_db(transaction=True)
FIRST = {"role": "user", "content": "What is the weather in Town 0?"}
THANKS = {"role": "user", "content": "And tomorrow?"}


@pytest.fixture(autouse=True)
def near(settings: LazySettings) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]


def rest(content: str = "18 °C") -> tuple[Body, ...]:
    asked = call("get_weather", {"city": "Town 0"}, "old_1")
    told = {"role": "tool", "tool_call_id": "old_1", "content": content}
    return asked, told, says("It is 18 °C."), THANKS, says("I cannot know.")


def conversation(**more: Any) -> Case:
    return make_case(0, recorded=Recorded(model="a-model", rest=rest()), **more)


def answer(body: Body) -> Body:
    """The model as it was: a call, then what the tool said, then it does not know."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        return says(f"It is {last['content']}.")
    if last["content"] == THANKS["content"]:
        return says("I do not know.")
    return call("get_weather", {"city": "Town 0"}, "new_1")


def replay(model: Any, *, answers: Any = None, **more: Any) -> tuple[Replay, list[Body]]:
    with provider(model) as upstream:
        connection = connect(make_project(), upstream.url)
        given = {"mode": "conversation", "answers": answers or {}, **more}
        row = work(begin(connection, [conversation()], **given))
    return row, upstream.requests


def test_a_matching_call_gets_the_recorded_answer() -> None:
    row, requests = replay(answer)
    (one,) = outcomes_of(row)
    assert (row.status, one.status, one.model_calls) == ("finished", "done", 3)
    rounds = json.loads(one.rounds)
    assert rounds[0]["by"] == ["recorded"]
    assert requests[1]["messages"][-1] == {
        "role": "tool",
        "tool_call_id": "new_1",
        "content": "18 °C",
    }
    assert rounds[1]["reply"]["content"] == "It is 18 °C." and rounds[1]["said"] == [THANKS]
    assert requests[2]["messages"][0] == FIRST and requests[2]["messages"][-1] == THANKS
    assert (one.text, one.input_tokens) == ("I do not know.", 300)
    assert [made["name"] for made in one.made_calls] == ["get_weather"]


def test_on_a_miss_it_stops() -> None:
    row, requests = replay(lambda body: call("get_weather", {"city": "Elsewhere"}))
    (one,) = outcomes_of(row)
    assert (one.status, len(requests)) == ("done", 1)
    assert json.loads(one.rounds)[0]["by"] == ["missing"]


def _answer_on_the_page(row: Replay, question: waiting.Question, text: str) -> None:
    """As a person does beside the matrix: the form is there, and sent back it is there no more."""
    client = Client()
    client.force_login(make_member(row.project, "responder").user)
    page = reverse("conversations:replay", args=[row.project.slug, row.number])
    asked = {"case": 0, "variant": 0, "trial": 1}
    shown = client.get(page, asked).content.decode()
    assert "It waits for an answer" in shown and f'name="content-{question.place}"' in shown
    (one,) = outcomes_of(row)
    target = reverse("conversations:replay-answer", args=[row.project.slug, row.number, one.pk])
    gone_back = client.post(target, {f"content-{question.place}": text}, follow=True)
    assert gone_back.status_code == 200
    assert "It waits for an answer" not in gone_back.content.decode()


def test_on_a_miss_it_asks_and_goes_on_with_the_answer() -> None:
    def model(body: Body) -> Body:
        last = body["messages"][-1]
        return answer(body) if last["role"] == "tool" else call("get_weather", {"city": "Rome"})

    with provider(model) as upstream:
        connection = connect(make_project(), upstream.url)
        given: Any = {"mode": "conversation", "answers": {"miss": "ask"}, "max_rounds": 2}
        row = work(begin(connection, [conversation()], **given))
        (one,) = outcomes_of(row)
        assert (row.status, one.status, one.passed) == ("running", "waiting", None)
        (question,) = waiting.questions_of(one)
        assert (question.name, question.arguments) == ("get_weather", '{"city": "Rome"}')
        with pytest.raises(waiting.NotWaiting, match="Answer get_weather"):
            waiting.answer(one, {})
        _answer_on_the_page(row, question, "30 °C")
        with pytest.raises(waiting.NotWaiting, match="Reload"):
            waiting.answer(one, {0: "again"})
        row = work(row)
    (one,) = outcomes_of(row)
    assert (row.status, one.status, one.text) == ("finished", "done", "It is 30 °C.")
    assert (one.model_calls, one.input_tokens) == (2, 200)
    assert json.loads(one.rounds)[0]["by"] == ["hand"]
    assert waiting.questions_of(one) == ()


@pytest.mark.parametrize(
    ("policy", "content", "by"),
    [
        ({"mode": "fixed", "content": "It burns"}, "It burns", "fixed"),
        ({"mode": "stop"}, None, "missing"),
        ({"mode": "mock"}, None, "missing"),  # it declares no output to sample from
    ],
)
def test_a_tool_is_answered_by_its_policy(
    policy: dict[str, str], content: str | None, by: str
) -> None:
    row, requests = replay(answer, answers={"get_weather": policy})
    (one,) = outcomes_of(row)
    assert json.loads(one.rounds)[0]["by"] == [by]
    assert len(requests) == (3 if content else 1)
    assert content is None or requests[1]["messages"][-1]["content"] == content


def test_it_ends_at_its_most_rounds() -> None:
    row, requests = replay(lambda body: call("get_weather", {"city": "Town 0"}), max_rounds=4)
    assert len(requests) == 4 and row.status == "finished"


def test_a_conversation_under_a_misspelt_tool_fails_beside_its_control() -> None:
    def model(body: Body) -> Body:
        wanted = next(iter(body["tools"][0]["function"]["parameters"]["required"]))
        if wanted == "citty" and body["messages"][-1] == FIRST:
            return call("get_weather", {"city": "Town 0"})  # it does not mind the definition
        return answer(body)

    draft = Variant("Misspelt", replaced={"get_weather": MISSPELT})
    row, _ = replay(model, variants=[draft])
    control, changed = outcomes_of(row)[0], outcomes_of(row, 1)[0]
    assert control.verdict == "accepted" and changed.passed is False
    assert "missing_required" in changed.codes


def test_stored_turns_become_one_case_a_conversation() -> None:
    project = make_project()
    toolset = make_toolset(make_tool_version(project))
    talk = make_conversation(project)
    asked, told, reply, more, last = rest()
    first = make_turn(talk, messages=[FIRST], toolset=toolset, response=asked, model="a-model")
    make_call(first, call_id="old_1", arguments='{"city": "Town 0"}')
    second = make_turn(
        talk, messages=[asked, told], parent_id=first.pk, inherited_count=1, response=reply
    )
    third = make_turn(
        talk, messages=[reply, more], parent_id=second.pk, inherited_count=3, response=last
    )
    assert rebuild_messages(third)[-1] == more
    (one,) = cases_of_turns(project, [third.pk, first.pk], mode="conversation")
    assert one.recorded is not None and list(one.recorded.rest) == [*rest()]
    assert (one.key, one.title) == (str(first.pk), FIRST["content"])
    plain = cases_of_turns(project, [third.pk, first.pk])
    assert [len(case.messages) for case in plain] == [5, 1]
    assert plain[1].recorded is not None and plain[1].recorded.calls[0].name == "get_weather"
    with provider(answer) as upstream:
        order = Order(plain, mode="conversation", connection=connect(project, upstream.url))
        row = work(start(project, order, enqueue=False))
    assert [one.passed for one in outcomes_of(row)] == [True] * 3  # all its calls are those of then
    assert fresh(row).cases.count() == 1
