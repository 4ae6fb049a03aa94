"""Conversations and turns as pages: filter and pages, every view, every state a turn can be in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.accounts.models import Member
from console.lib import uuid7
from conversations import wire
from conversations.models import Conversation, Turn, TurnWire
from tests import factories
from tests.pages.test_timeline import BAD
from tools_registry.validation.findings import Finding

pytestmark = pytest.mark.django_db
VIEWS = ("messages", "timeline", "request", "response", "stream")


@pytest.fixture
def vera() -> Member:
    return factories.make_member(factories.make_project(), "viewer")


@pytest.fixture
def client(vera: Member) -> Client:
    return factories.client_of(vera)


def url(name: str, member: Member, *args: object) -> str:
    return reverse(f"conversations:{name}", args=[member.project.slug, *args])


def read(client: Client, address: str, **query: Any) -> str:
    response = client.get(address, query)
    assert response.status_code == 200, response.content[-2000:]
    return response.content.decode()


def make(member: Member, **fields: Any) -> Turn:
    conversation = factories.make_conversation(member.project, source="playground")
    return factories.make_turn(conversation, protocol="openai.chat", **fields)


def keep(turn: Turn, chunks: list[wire.Chunk], request: bytes = b'{"model":"m"}') -> None:
    TurnWire.objects.create(
        turn_id=turn.pk,
        project=turn.project,
        request=wire.pack_request(request),
        chunks=wire.pack(chunks),
    )


def page_of(member: Member, turn: Turn) -> str:
    return url("turn", member, turn.conversation_id, turn.number)


# ---- a conversation


def test_a_conversation_shows_its_turns_calls_and_findings(client: Client, vera: Member) -> None:
    turn = make(vera, response={"role": "assistant", "content": "Let me look."})
    finding = Finding("unexpected_parameter", "no such parameter", "/temperature")
    factories.make_call(
        turn, findings=json.dumps([finding.to_json()]), verdict="rejected", result="cold"
    )
    page = read(client, url("conversation", vera, turn.conversation_id))
    for text in ("Let me look.", "get_weather", "unexpected_parameter", "/temperature", "cold"):
        assert text in page
    peek = client.get(
        url("conversation", vera, turn.conversation_id), headers={"HX-Request": "true"}
    ).content.decode()
    assert "<html" not in peek
    assert "Open conversation" in peek


def test_later_turns_are_one_link_away(client: Client, vera: Member) -> None:
    conversation = factories.make_conversation(vera.project)
    for _ in range(52):
        factories.make_turn(conversation)
    page = read(client, url("conversation", vera, conversation.pk))
    assert "?after=50" in page
    rest = read(client, url("conversation", vera, conversation.pk), after="50")
    assert "Turn 52" in rest
    assert client.get(url("conversation", vera, conversation.pk), {"after": "x"}).status_code == 404


def test_another_projects_conversation_is_not_found(client: Client, vera: Member) -> None:
    foreign = factories.make_turn()
    addresses = [
        url("conversation", vera, foreign.conversation_id),
        page_of(vera, foreign),
        url("turn-messages", vera, foreign.conversation_id, 1),
        url("turn-find", vera, foreign.pk),
    ]
    assert [client.get(address).status_code for address in addresses] == [404] * 4


# ---- a turn


def test_a_finding_stands_beneath_the_line_that_it_speaks_of(client: Client, vera: Member) -> None:
    turn = make(vera, verdict="rejected")
    unexpected = Finding("unexpected_parameter", "not a parameter", "/temperature")
    absent = Finding("missing_required", "is required", "/temprature")
    factories.make_call(
        turn,
        arguments='{"city": "Oslo", "temperature": "celsius"}',
        verdict="rejected",
        findings=json.dumps([unexpected.to_json(), absent.to_json()]),
        layers=[{"layer": "schema", "ran": True, "verdict": "rejected", "findings": 2, "note": ""}],
    )
    page = read(client, page_of(vera, turn))
    assert "First problem:" in page
    page = page[page.index("code nums") :]
    order = ["&quot;city&quot;", "&quot;temperature&quot;", "not a parameter"]
    order += ['"temprature": (absent)', "is required", "2 findings"]
    places = [page.index(text) for text in order]
    assert places == sorted(places)


def test_the_offer_says_what_was_called_and_what_was_not(client: Client, vera: Member) -> None:
    called = factories.make_tool_version(vera.project)
    other = factories.make_tool_version(vera.project, {**factories.WEATHER, "name": "get_tide"})
    turn = make(vera, toolset=factories.make_toolset(called, other))
    factories.make_call(turn)
    factories.make_call(turn, name="made_up")
    response = client.get(page_of(vera, turn))
    states = {tool["name"]: tool["state"] for tool in response.context["offered"]}
    assert states == {
        "get_weather": "called",
        "get_tide": "not called",
        "made_up": "called, not offered",
    }


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "running", "response": ""}, "In progress."),
        ({"status": "interrupted"}, "Interrupted."),
        ({"status": "cancelled"}, "Stopped by hand."),
        (
            {"status": "failed", "response": "", "error": {"code": "timeout", "detail": "60 s"}},
            "60 s",
        ),
        ({"status": "failed", "error": {"message": "odd"}}, "What arrived is kept below."),
        ({"response": "", "status": "finished"}, "No reply came."),
    ],
)
def test_every_state_is_told(
    client: Client, vera: Member, fields: dict[str, Any], words: str
) -> None:
    turn = make(vera, **fields)
    assert words in read(client, page_of(vera, turn))
    for view in VIEWS:
        read(client, page_of(vera, turn), view=view)


def test_every_view_of_a_stored_stream(client: Client, vera: Member) -> None:
    version = factories.make_tool_version(
        vera.project,
        {
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "additionalProperties": False,
            },
        },
    )
    turn = make(vera, toolset=factories.make_toolset(version))
    keep(turn, BAD)
    pages = {view: read(client, page_of(vera, turn), view=view) for view in VIEWS}
    for view in ("messages", "timeline"):
        assert "valid until here, 728 ms" in pages[view]
        assert "At fragment 9 of 11" in pages[view]
        assert 'type="range"' in pages[view]
    assert "As sent" in pages["request"]
    assert "12 chunks" in pages["stream"]
    assert "&quot;tool_calls&quot;" in pages["stream"]
    assert client.get(page_of(vera, turn), {"view": "odd"}).status_code == 404


@pytest.mark.parametrize(
    ("chunks", "source", "words"),
    [
        (None, "otlp", "carries whole answers"),
        (None, "playground", "nothing arrived from the provider"),
        ([(1.0, b"<html>odd</html>"), (2.0, b"\n")], "playground", "No text or call could be read"),
    ],
)
def test_a_timeline_that_cannot_be_drawn_says_why(
    client: Client, vera: Member, chunks: Any, source: str, words: str
) -> None:
    turn = make(vera, source=source)
    if chunks:
        keep(turn, chunks)
    assert words in read(client, page_of(vera, turn))


def test_a_large_stream_is_drawn_on_its_own_view_only(client: Client, vera: Member) -> None:
    turn = make(vera)
    text = json.dumps({"choices": [{"index": 0, "delta": {"content": "y" * 700_000}}]})
    keep(turn, [(1.0, f"data: {text}\n\n".encode())])
    assert "Draw its timeline" in read(client, page_of(vera, turn))
    assert 'type="range"' in read(client, page_of(vera, turn), view="timeline")


def test_a_long_history_is_folded_and_unfolds_in_stretches(client: Client, vera: Member) -> None:
    messages = [{"role": "user", "content": f"message {at:04}"} for at in range(3000)]
    turn = make(vera, messages=messages)
    page = read(client, page_of(vera, turn))
    assert "2966 messages folded" in page
    assert "message 0003" in page
    assert "message 1500" not in page
    assert "message 2999" in page
    stretch = read(
        client, url("turn-messages", vera, turn.conversation_id, turn.number), **{"from": "4"}
    )
    assert "message 0004" in stretch
    assert "message 0203" in stretch
    assert "from=204" in stretch
    last = read(
        client, url("turn-messages", vera, turn.conversation_id, turn.number), **{"from": "2900"}
    )
    assert ">message 2969<" in last
    assert ">message 2970<" not in last


def test_a_turn_is_found_by_its_id(client: Client, vera: Member) -> None:
    turn = make(vera)
    response = client.get(url("turn-find", vera, turn.pk))
    assert response["Location"] == page_of(vera, turn)
    assert client.get(url("turn-find", vera, uuid7.now())).status_code == 404


def test_the_rail_names_what_each_turn_called_and_where_it_branched(
    client: Client, vera: Member
) -> None:
    conversation: Conversation = factories.make_conversation(vera.project)
    first = factories.make_turn(conversation)
    factories.make_call(first, name="look_up")
    factories.make_turn(conversation, parent_id=first.pk)
    factories.make_turn(conversation, parent_id=first.pk)
    rail = client.get(page_of(vera, first)).context["rail"]["items"]
    assert [item["names"] for item in rail] == [["look_up"], [], []]
    assert [item["branch"] for item in rail] == [None, None, 1]


def test_no_snippet_holds_a_key(
    client: Client, vera: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_API_KEY", "sk-never-shown")
    connection = factories.make_connection(vera.project, key_variable="ACME_API_KEY")
    turn = make(vera, connection=connection)
    address = url("turn-snippet", vera, turn.conversation_id, turn.number)
    assert "$ACME_API_KEY" in read(client, address, **{"as": "curl"})
    assert "os.environ['ACME_API_KEY']" in read(client, address, **{"as": "python"})
    pages = [read(client, address, **{"as": form}) for form in ("curl", "python")]
    pages += [read(client, page_of(vera, turn), view=view) for view in VIEWS]
    assert not any("sk-never-shown" in page for page in pages)
    assert client.get(address, {"as": "odd"}).status_code == 404
