"""Labels through their form: what they say of a turn, and what is kept of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.urls import reverse

from console.lib import json
from conversations import labels
from conversations.expected import Said, expectation_of, judge_labels
from conversations.models import Label, ToolCall, Turn
from tests import factories
from tests.factories import People, client_of, make_people
from tools_registry.validation.expectation import CallMade, ExpectedCall
from tools_registry.validation.findings import Finding, worst

OSLO = CallMade("get_weather", '{"city":"Oslo"}')
ROME = CallMade("get_weather", '{"city":"Rome"}')


def told(said: list[Said], calls: list[CallMade]) -> list[tuple[str, int | None]]:
    judgement = judge_labels(calls, said)
    found = [(one.code, at) for at, own in enumerate(judgement.calls) for one in own]
    return [*found, *((one.code, None) for one in judgement.turn)]


@pytest.mark.parametrize(
    "said, calls, expected",
    [
        ([Said("right")], [OSLO], []),
        ([Said("right", 0)], [OSLO, ROME], []),
        (
            [Said("wrong_tool", 1, ExpectedCall("search_city"))],
            [OSLO, ROME],
            [("wrong_tool", 1)],
        ),
        ([Said("wrong_tool", 0)], [OSLO], [("wrong_tool", 0)]),
        (
            [Said("wrong_arguments", 0, ExpectedCall("get_weather", {"city": "Bergen"}))],
            [OSLO],
            [("wrong_arguments", 0)],
        ),
        ([Said("wrong_arguments", 0)], [OSLO], [("wrong_arguments", 0)]),
        ([Said("needless", 1)], [OSLO, OSLO], [("needless_call", 1)]),
        ([Said("missing", None, ExpectedCall("search_city"))], [OSLO], [("missed_call", None)]),
        ([Said("missing")], [], [("missed_call", None)]),
    ],
)
def test_a_label_becomes_findings_of_just_what_it_speaks_of(
    said: list[Said], calls: list[CallMade], expected: list[tuple[str, int | None]]
) -> None:
    assert told(said, calls) == expected


def test_labels_add_up_to_what_should_have_been_called() -> None:
    said = [Said("needless", 1), Said("missing", None, ExpectedCall("search_city", {"q": "a"}))]
    expectation = expectation_of([OSLO, ROME], said)
    assert expectation is not None
    assert expectation.to_json() == {
        "calls": [
            {"name": "get_weather", "arguments": {"city": "Oslo"}},
            {"name": "search_city", "arguments": {"q": "a"}},
        ]
    }


@pytest.mark.parametrize("said", [[], [Said("wrong_tool", 0)], [Said("missing")]])
def test_labels_that_do_not_say_what_is_right_make_no_test_case(said: list[Said]) -> None:
    assert expectation_of([OSLO], said) is None


@pytest.fixture
def people(db: None) -> People:
    return make_people()


@pytest.fixture
def turn(people: People) -> Turn:
    version = factories.make_tool_version(people.project, factories.WEATHER)
    conversation = factories.make_conversation(people.project)
    turn = factories.make_turn(conversation, toolset=factories.make_toolset(version))
    factories.make_call(turn)
    return turn


def post(people: People, turn: Turn, headers: Any = None, **fields: Any) -> HttpResponse:
    address = reverse(
        "conversations:turn-label",
        args=[people.project.slug, turn.conversation_id, turn.number],
    )
    response: HttpResponse = client_of(people.rita).post(address, fields, headers=headers)
    return response


def call_of(turn: Turn) -> ToolCall:
    return ToolCall.objects.get(turn_id=turn.pk)


def test_a_wrong_tool_rejects_the_call_and_keeps_what_was_said_before(
    people: People, turn: Turn
) -> None:
    response = post(people, turn, kind="wrong_tool", call="0", tool="search_city", note="a place")
    assert response.status_code == 302
    call = call_of(turn)
    turn.refresh_from_db()
    assert (call.verdict, call.codes) == ("rejected", ["wrong_tool"])
    assert call.found[0].suggestion == "search_city"
    assert json.load(call.former)["verdict"] == "accepted"
    assert [layer["layer"] for layer in call.layers] == ["expectation"]
    assert (turn.verdict, turn.codes) == ("rejected", ["wrong_tool"])
    turn.conversation.refresh_from_db()
    assert turn.conversation.verdict == "rejected"
    label = Label.objects.get()
    assert (label.author, label.note, label.verdict_before) == (
        people.rita.user,
        "a place",
        "accepted",
    )


def test_a_later_label_supersedes_and_the_earlier_one_stays(people: People, turn: Turn) -> None:
    post(people, turn, kind="needless", call="0")
    post(people, turn, kind="right")
    first, second = Label.objects.order_by("id")
    assert first.superseded_at is not None and second.superseded_at is None
    assert first.kind == "needless"
    assert call_of(turn).verdict == "accepted"
    page = client_of(people.vera).get(
        reverse("conversations:turn", args=[people.project.slug, turn.conversation_id, turn.number])
    )
    text = page.content.decode()
    assert "Needless call" in text and "History" in text and "Rita" in text


def test_a_label_leaves_the_findings_of_other_layers(people: People, turn: Turn) -> None:
    own = Finding("missing_required", "city is missing", "")
    ToolCall.objects.filter(turn_id=turn.pk).update(
        findings=json.dump([own.to_json()]), verdict=worst([own]), codes=[own.code]
    )
    post(people, turn, kind="right", call="0")
    call = call_of(turn)
    assert (call.codes, call.verdict) == (["missing_required"], "rejected")


def test_withdrawing_goes_back_to_what_the_record_expected(people: People, turn: Turn) -> None:
    turn.expected = json.dump({"calls": []})
    turn.save()
    post(people, turn, kind="right")
    assert call_of(turn).codes == []
    post(people, turn, kind="withdrawn")
    assert call_of(turn).codes == ["needless_call"]


def test_one_call_of_several_is_labelled(people: People, turn: Turn) -> None:
    second = factories.make_call(turn, name="search_city", arguments="{}")
    post(people, turn, kind="wrong_arguments", call="1", arguments='{"q": 1.0}')
    second.refresh_from_db()
    assert second.codes == ["wrong_arguments"]
    assert json.load(Label.objects.get().expected) == {
        "name": "search_city",
        "arguments": '{"q": 1.0}',
    }


@pytest.mark.parametrize(
    "fields, field",
    [
        ({"kind": "nonsense"}, "kind"),
        ({"kind": "wrong_tool", "call": "7"}, "call"),
        ({"kind": "wrong_tool"}, "call"),
        ({"kind": "wrong_tool", "call": "0", "tool": "get_weather"}, "tool"),
        ({"kind": "wrong_arguments", "call": "0", "arguments": "{"}, "arguments"),
        ({"kind": "wrong_arguments", "call": "0", "arguments": "[1]"}, "arguments"),
        ({"kind": "wrong_arguments", "call": "0", "arguments": '{"city":"Lisbon"}'}, "arguments"),
        ({"kind": "missing", "arguments": "{}"}, "tool"),
    ],
)
def test_a_label_that_says_nothing_sensible_is_refused(
    people: People, turn: Turn, fields: dict[str, str], field: str
) -> None:
    response = post(people, turn, {"Accept": "application/json"}, **fields)
    assert response.status_code == 422
    assert json.load(response.content)["field"] == field
    assert not Label.objects.exists()
    page = post(people, turn, **fields)
    assert page.status_code == 422 and 'role="alert"' in page.content.decode()
    part = post(people, turn, {"HX-Request": "true"}, **fields)
    assert part.status_code == 422 and "<html" not in part.content.decode()


def test_a_program_reads_the_new_verdict(people: People, turn: Turn) -> None:
    response = post(people, turn, {"Accept": "application/json"}, kind="needless", call="0")
    assert response.status_code == 201
    assert json.load(response.content)["verdict"] == "rejected"


def test_a_turn_without_calls_is_right_or_lacks_one(people: People, turn: Turn) -> None:
    silent = factories.make_turn(turn.conversation)
    panel = labels.calls_of(silent)
    assert panel == []
    post(people, silent, kind="missing", tool="get_weather")
    silent.refresh_from_db()
    assert silent.codes == ["missed_call"] and silent.verdict == "rejected"


def test_hostile_text_in_a_label_stays_text(people: People, turn: Turn) -> None:
    post(people, turn, kind="wrong_tool", call="0", tool="<img src=x>", note="<script>1</script>")
    page = client_of(people.rita).get(
        reverse("conversations:turn", args=[people.project.slug, turn.conversation_id, turn.number])
    )
    text = page.content.decode()
    assert "<script>1" not in text and "<img src=x" not in text
