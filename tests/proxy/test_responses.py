"""Responses that go on from an earlier one by its id are stored as what the provider saw."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from console.accounts.models import Project
from conversations.doors.proxy.capture import Capture
from conversations.doors.proxy.storing import store_captures
from conversations.models import Conversation, ToolCall, Turn
from conversations.recording import rebuild_messages
from tests.factories import make_connection, make_key, make_project
from tests.proxy.test_spool import make_capture

pytestmark = pytest.mark.django_db
CALL = {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": '{"city": 1}'}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "rain"}
SAID = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "It rains"}],
}


@pytest.fixture
def project() -> Project:
    return make_project()


def exchange(
    project: Project, number: int, request: dict[str, Any], item: dict[str, Any], **fields: Any
) -> Capture:
    answer = {"id": f"resp_{number}", "object": "response", "status": "completed", "output": [item]}
    return make_capture(
        id=f"proxy:{number}",
        at=timezone.now() + timedelta(seconds=number),
        project=project.pk,
        api_key=make_key(project, ["ingest"])[0].pk,
        connection=make_connection(project, name=f"up-{number}").pk,
        protocol="openai.responses",
        request=json.dumps({"model": "m", **request}).encode(),
        chunks=[(1.0, json.dumps(answer).encode())],
        status=200,
        end="whole",
        **fields,
    )


def talk(project: Project) -> list[Capture]:
    return [
        exchange(project, 1, {"input": "Weather?"}, CALL),
        exchange(project, 2, {"input": [RESULT], "previous_response_id": "resp_1"}, SAID),
        exchange(project, 3, {"input": "Thanks", "previous_response_id": "resp_2"}, SAID),
    ]


@pytest.mark.parametrize("at_once", [True, False])
def test_turns_are_joined_to_the_conversation_that_they_go_on_from(
    project: Project, at_once: bool
) -> None:
    captures = talk(project)
    for some in [captures] if at_once else [[one] for one in captures]:
        store_captures(some)
    conversation = Conversation.objects.get(project=project)
    turns = list(Turn.objects.filter(conversation=conversation).order_by("number"))
    assert [turn.parent_id for turn in turns] == [None, turns[0].pk, turns[1].pk]
    assert [turn.inherited_count for turn in turns] == [0, 1, 3]
    roles = [message["role"] for message in rebuild_messages(turns[2])]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]
    call = ToolCall.objects.get(project=project)
    assert (call.result, call.status) == ("rain", "ok")
    assert all("request_not_recorded" not in turn.notes for turn in turns)
    store_captures(captures)
    assert Turn.objects.filter(project=project).count() == 3


def test_instructions_do_not_carry_over(project: Project) -> None:
    first = exchange(project, 1, {"input": "Go", "instructions": "Be brief."}, SAID)
    plain = {"input": "On", "previous_response_id": "resp_1"}
    store_captures([first, exchange(project, 2, plain, SAID)])
    store_captures([exchange(project, 3, {**plain, "instructions": "Be long."}, SAID)])
    turns = Turn.objects.filter(project=project).order_by("at")
    systems = [
        [message["content"] for message in rebuild_messages(turn) if message["role"] == "system"]
        for turn in turns
    ]
    assert systems == [["Be brief."], [], ["Be long."]]
    assert Conversation.objects.filter(project=project).count() == 1


def test_what_is_not_known_here_is_said(project: Project) -> None:
    other = make_project()
    store_captures([exchange(other, 1, {"input": "Go"}, SAID)])
    store_captures([exchange(project, 2, {"input": "On", "previous_response_id": "resp_1"}, SAID)])
    turn = Turn.objects.get(project=project)
    assert "request_not_recorded" in turn.notes and turn.message_count == 1


def test_a_conversation_that_the_client_names_stays_its_own(project: Project) -> None:
    first, second, _ = talk(project)
    second.conversation = "mine"
    store_captures([first, second])
    named = Turn.objects.get(conversation__key="mine")
    assert [message["role"] for message in rebuild_messages(named)] == ["user", "assistant", "tool"]
