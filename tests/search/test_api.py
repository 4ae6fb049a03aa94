"""Stored turns, calls and conversations as programs read them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from console.accounts.models import Project
from conversations import labels
from conversations.ingest.store import store
from conversations.labels import Draft
from conversations.models import Conversation, ToolCall, Turn
from tests.factories import make_conversation, make_key, make_member, make_project, make_turn
from tests.search.world import World, make_world
from tests.store.talks import ask, assistant, read, request_of, tool, turn, user

pytestmark = pytest.mark.django_db
Query = dict[str, str]


def get(project: Project, path: str, query: Query | None = None, *, status: int = 200) -> Any:
    key = make_key(project, scopes=["read"])[1]
    headers = {"Authorization": f"Bearer {key}"}
    response = Client().get(f"/api/v1/{path}", query, headers=headers)
    assert response.status_code == status, response.content
    return response.json()


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.mark.parametrize(
    ("path", "query", "named", "found"),
    [
        ("turns", {}, "key", ["oslo", "paris", "broken", "old"]),
        ("turns", {"q": "model:gpt-4o"}, "key", ["oslo", "broken"]),
        ("turns", {"q": "tool:get_weather has:result"}, "key", ["oslo", "paris", "old"]),
        ("turns", {"from": "2024-02-01T00:00:00Z"}, "key", ["oslo", "paris"]),
        ("turns", {"to": "2024-01-20"}, "key", ["broken", "old"]),
        ("turns", {"q": "lyon", "from": "2024-02-01"}, "key", ["paris"]),
        ("calls", {"q": "verdict:rejected"}, "call_id", ["k1"]),
        ("calls", {"q": "label:wrong_tool"}, "call_id", ["k4"]),
        ("conversations", {"q": "environment:staging"}, "key", ["c-paris"]),
    ],
)
def test_lists_take_the_filter_of_the_pages(
    world: World, path: str, query: dict[str, str], named: str, found: list[str]
) -> None:
    body = get(world.project, path, query)
    assert [one[named] for one in body[path]] == found
    assert body["next"] is None and body["reached"] is None


def test_pages_go_on_by_key(world: World) -> None:
    seen, before = [], ""
    for _ in range(4):
        query = {"limit": "1"} | ({"before": before} if before else {})
        body = get(world.project, "turns", query)
        seen += [one["key"] for one in body["turns"]]
        before = body["next"]
    assert seen == ["oslo", "paris", "broken", "old"] and before is None


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"q": "modell:x"}, "bad_filter"),
        ({"from": "yesterday"}, "bad_filter"),
        ({"limit": "0"}, "bad_limit"),
        ({"limit": "201"}, "bad_limit"),
        ({"limit": "²"}, "bad_limit"),
        ({"before": "page two"}, "bad_before"),
    ],
)
def test_what_cannot_be_read_says_so(query: dict[str, str], code: str) -> None:
    assert get(make_project(), "calls", query, status=400)["code"] == code


def make_talk() -> tuple[Project, list[dict[str, Any]]]:
    asked = [user("Weather in Oslo?")]
    called = assistant(ask("Oslo"))
    bodies = [
        turn("a", asked, called, user="u_1", expected={"calls": [{"name": "get_time"}]}),
        turn("b", [*asked, called, tool("rain")], after=5),
    ]
    author = make_member()
    store(author.project, read(*bodies), door="api")
    labels.set_label(Turn.objects.get(key="b"), Draft("right"), author.user)
    return author.project, bodies


def test_a_turn_comes_whole() -> None:
    project, bodies = make_talk()
    body = get(project, f"turns/{Turn.objects.get(key='b').pk}")
    assert body["request"] == request_of(bodies[1])
    assert body["response"]["content"] == "Fine."
    assert [label["kind"] for label in body["labels"]] == ["right"]
    first = get(project, "turns/a")
    assert first["id"] == body["parent_id"]
    assert first["expected"] == {"calls": [{"name": "get_time"}]}
    (call,) = first["calls"]
    assert call["result"] == "rain" and call["status"] == "ok"
    assert [one["code"] for one in call["findings"]] == ["wrong_tool"]
    assert call["version"] == 1 and call["verdict"] == "rejected"
    assert {layer["layer"] for layer in call["layers"]} >= {"schema", "expectation"}


def test_a_call_is_found_by_itself() -> None:
    project, _ = make_talk()
    body = get(project, f"calls/{ToolCall.objects.get().pk}")
    assert body["name"] == "get_weather" and body["findings"][0]["code"] == "wrong_tool"


def test_a_conversation_comes_with_its_turns_in_order() -> None:
    project, _ = make_talk()
    body = get(project, "conversations/talk", {"limit": "1"})
    assert body["turn_count"] == 2 and body["user"] == "u_1"
    assert [one["key"] for one in body["turns"]] == ["a"]
    rest = get(project, f"conversations/{body['id']}", {"after": str(body["next"])})
    assert [one["key"] for one in rest["turns"]] == ["b"] and rest["next"] is None


@pytest.mark.parametrize("noun", ["turns", "conversations", "calls"])
def test_nothing_of_another_project_is_told(noun: str) -> None:
    make_talk()
    key = {
        "turns": Turn.objects.first(),
        "conversations": Conversation.objects.first(),
        "calls": ToolCall.objects.first(),
    }[noun]
    assert key is not None
    body = get(make_project(), f"{noun}/{key.pk}", status=404)
    assert body["code"] == f"{noun.removesuffix('s')}_not_found"
    assert get(make_project(), noun)[noun] == []


def test_text_of_any_kind_survives() -> None:
    project = make_project()
    odd = "nul \0, half \ud83d, 12345678901234567890123"
    make_turn(make_conversation(project), key="odd", messages=[{"role": "user", "content": odd}])
    (found,) = get(project, "turns")["turns"]
    assert found["messages"][0]["content"] == odd


def test_a_page_costs_the_same_number_of_queries_whatever_it_holds(
    world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(30):
        get(world.project, "turns")


def test_sending_needs_another_scope_than_reading(world: World) -> None:
    key = make_key(world.project, scopes=["ingest"])[1]
    headers = {"Authorization": f"Bearer {key}"}
    refused = Client().get("/api/v1/turns", headers=headers)
    assert refused.status_code == 403 and "read" in refused.json()["detail"]
