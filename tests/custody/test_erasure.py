"""One user's data: found, exported as it can be sent again, deleted with a record of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.lib import json
from conversations import erasure, wire
from conversations.custody import Erasure, RedactionRule
from conversations.ingest.record import read_record
from conversations.ingest.store import store
from conversations.models import Conversation, ToolCall, Turn, TurnKey, TurnWire
from conversations.recording import rebuild_messages
from conversations.rulebook import forget_rules
from tests.factories import People, client_of, make_people

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> People:
    return make_people()


def record(number: int, conversation: str, user: str, said: list[str]) -> dict[str, Any]:
    roles = ("user", "assistant")
    messages = [{"role": roles[at % 2], "content": text} for at, text in enumerate(said)]
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1.0}'}}
    return {
        "id": f"{conversation}-{number}",
        "conversation": conversation,
        "at": f"2026-11-20T10:00:0{number}Z",
        "model": "m",
        "user": user,
        "request": {"messages": messages, "parameters": {"temperature": 0.5}},
        "response": {"message": {"role": "assistant", "content": "", "tool_calls": [call]}},
        "tool_results": [{"call_id": "c", "name": "f", "status": "ok", "content": "done"}],
    }


def send(people: People, *records: dict[str, Any]) -> None:
    outcome = store(people.project, [read_record(one) for one in records], door="api")
    assert outcome.stored == len(records)
    for turn in Turn.objects.filter(project=people.project):
        TurnWire.objects.get_or_create(
            turn_id=turn.pk,
            defaults={
                "project": people.project,
                "request": wire.pack_request(b"{}"),
                "chunks": wire.pack([]),
            },
        )


def address(people: People, name: str, **parts: Any) -> str:
    return reverse(f"conversations:{name}", kwargs={"slug": people.project.slug, **parts})


def erase(people: People, user: str) -> Erasure:
    return erasure.erase(erasure.begin(people.project, user, people.alice.user).pk)


def test_what_is_exported_can_be_sent_again(people: People) -> None:
    sent = [
        record(1, "a", "u_1", ["One"]),
        record(2, "a", "u_1", ["One", "1", "Two"]),
        record(1, "b", "u_2", ["Other"]),
    ]
    send(people, *sent)
    page = client_of(people.alice).get(address(people, "erasure-export"), {"user": "u_1"})
    lines = b"".join(page.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    records = [read_record(json.load(line)) for line in lines]
    assert [one.id for one in records] == ["a-1", "a-2"]
    assert [one.request for one in records] == [read_record(one).request for one in sent[:2]]
    assert records[0].tool_results[0].content == "done"
    assert records[0].calls[0]["function"]["arguments"] == '{"a": 1.0}'


def test_all_of_a_user_goes_and_nothing_of_others(people: People) -> None:
    send(
        people,
        record(1, "a", "u_1", ["One"]),
        record(2, "a", "u_1", ["One", "1", "Two"]),
        record(1, "b", "u_2", ["Other"]),
    )
    done = erase(people, "u_1")
    assert (done.status, done.conversations, done.turns) == ("finished", 1, 2)
    assert (done.calls, done.wires) == (2, 2)
    assert done.subject == "" and "u_1" not in done.user_hash
    assert list(Turn.objects.values_list("user", flat=True)) == ["u_2"]
    rows = (Conversation, ToolCall, TurnWire, TurnKey)
    assert [model.objects.count() for model in rows] == [1, 1, 1, 1]
    assert not erasure.measure(people.project, "u_1")


def test_in_a_shared_conversation_others_keep_their_own_words_only(people: People) -> None:
    send(
        people,
        record(1, "a", "u_1", ["My secret"]),
        record(2, "a", "u_2", ["My secret", "For u_1", "Mine"]),
    )
    assert erasure.measure(people.project, "u_1").shared == 1
    done = erase(people, "u_1")
    assert done.turns == 1
    left = Turn.objects.get()
    assert [one["content"] for one in rebuild_messages(left)] == ["Mine"]
    assert json.load(left.notes)[-1]["code"] == "message_gap"
    assert left.conversation.user != "u_1" and "secret" not in left.conversation.title


def test_a_user_that_redaction_hides_is_found_by_the_sent_id(people: People) -> None:
    RedactionRule.objects.create(
        project=people.project, name="User ids", kind="builtin", value="user"
    )
    forget_rules(people.project)
    send(people, record(1, "a", "ola@example.org", ["One"]))
    assert Turn.objects.get().user.startswith("redacted-")
    assert erasure.measure(people.project, "ola@example.org").turns == 1
    assert erase(people, "ola@example.org").turns == 1


def test_a_deletion_stops_where_it_is_cancelled_and_the_rest_stays(people: People) -> None:
    send(people, record(1, "a", "u_1", ["One"]))
    row = erasure.begin(people.project, "u_1", people.alice.user)
    client_of(people.alice).post(address(people, "erasure-cancel", erasure=row.pk))
    done = erasure.erase(row.pk)
    assert (done.status, done.turns, done.subject) == ("cancelled", 0, "")
    assert Turn.objects.count() == 1


def test_a_deletion_goes_on_in_another_task(people: People) -> None:
    send(people, record(1, "a", "u_1", ["One"]))
    row = erasure.begin(people.project, "u_1", people.alice.user)
    assert erasure.erase(row.pk, seconds=0).is_open
    assert erasure.erase(row.pk).status == "finished"


def test_the_same_deletion_does_not_run_twice(people: People) -> None:
    erasure.begin(people.project, "u_1", people.alice.user)
    with pytest.raises(erasure.AlreadyRunning):
        erasure.begin(people.project, "u_1", people.alice.user)


def ask(client: Client, people: People, typed: str) -> int:
    data = {"user": "u_1", "typed": typed}
    return client.post(address(people, "erasure-start"), data).status_code


def test_deleting_asks_for_the_id_typed_exactly(people: People) -> None:
    client = client_of(people.alice)
    send(people, record(1, "a", "u_1", ["One"]))
    page = client.get(address(people, "erasure"), {"user": "u_1"}).content.decode()
    assert "Export as NDJSON" in page and "Type the user id to confirm" in page
    assert ask(client, people, "U_1") == 422
    assert not Erasure.objects.exists()
    assert ask(client, people, "u_1") == 302
    row = Erasure.objects.get()
    assert (row.requested_by, row.total) == (people.alice.user, 1)
    part = client.get(address(people, "erasure-progress", erasure=row.pk)).content.decode()
    assert "running" in part and "u_1" not in part
