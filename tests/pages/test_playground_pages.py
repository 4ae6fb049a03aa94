"""The playground's page and what it asks for: setups kept, tools read, turns and forks opened."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from console.accounts.models import Member
from conversations.models import PlaygroundSetup
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob() -> Member:
    return factories.make_member(factories.make_project(), "engineer")


@pytest.fixture
def client(bob: Member) -> Client:
    return factories.client_of(bob)


def url(name: str, member: Member, *args: object) -> str:
    return reverse(f"conversations:{name}", args=[member.project.slug, *args])


def data_of(response: HttpResponse) -> dict[str, Any]:
    """What the page's script is given."""
    assert response.status_code == 200
    return response.context["data"]  # type: ignore[attr-defined,no-any-return]


def post(client: Client, address: str, body: object) -> HttpResponse:
    text = body if isinstance(body, str) else json.dumps(body)
    return client.post(address, text, content_type="application/json")  # type: ignore[return-value]


def test_it_works(client: Client, bob: Member) -> None:
    factories.make_tool_version(bob.project)
    connection = factories.make_connection(bob.project)
    data = data_of(client.get(url("playground", bob)))
    assert data["catalogue"][0]["name"] == "get_weather"
    assert data["connections"][0]["id"] == connection.pk
    assert data["mayRun"] is True


def test_a_viewer_reads_it_and_may_not_run(bob: Member) -> None:
    vera = factories.make_member(bob.project, "viewer")
    assert data_of(factories.client_of(vera).get(url("playground", vera)))["mayRun"] is False


def test_a_setup_survives_leaving_the_page_and_is_each_persons_own(
    client: Client, bob: Member
) -> None:
    setup = {"messages": [{"role": "user", "content": "kept \x00 \u202e"}], "trials": 3}
    assert post(client, url("setup-save", bob), setup).status_code == 204
    assert data_of(client.get(url("playground", bob)))["setup"] == setup
    other = factories.make_member(bob.project, "engineer")
    assert data_of(factories.client_of(other).get(url("playground", other)))["setup"] == {}


@pytest.mark.parametrize("body", ["no json", "[]", '"x"', ""])
def test_a_setup_that_is_no_object_is_refused_with_what_to_do(
    client: Client, bob: Member, body: str
) -> None:
    response = post(client, url("setup-save", bob), body)
    assert response.status_code == 400
    assert json.loads(response.content)["code"] == "not_json"
    assert not PlaygroundSetup.objects.exists()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"type":"function","function":{"name":"a","parameters":{"type":"object"}}}', ["a"]),
        ('[{"name":"b","input_schema":{"type":"object"}},{"name":"c"}]', ["b", "c"]),
        ('{"tools":[{"name":"d","inputSchema":{"type":"object"}}]}', ["d"]),
    ],
)
def test_pasted_tools_are_read_in_any_dialect(
    client: Client, bob: Member, text: str, names: list[str]
) -> None:
    response = post(client, url("playground-tools", bob), {"text": text})
    assert [tool["name"] for tool in json.loads(response.content)["tools"]] == names


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "not_json"),
        ("[{}]", "unreadable_tool"),
        ("3", "unreadable_tool"),
        ("[]", "no_function"),
        ('[{"type":"web_search"}]', "no_function"),
    ],
)
def test_what_cannot_be_read_as_tools_says_why(
    client: Client, bob: Member, text: str, code: str
) -> None:
    response = post(client, url("playground-tools", bob), {"text": text})
    assert (response.status_code, json.loads(response.content)["code"]) == (422, code)


def test_a_version_gives_its_definition_to_its_own_project_only(
    client: Client, bob: Member
) -> None:
    version = factories.make_tool_version(bob.project)
    response = client.get(url("playground-version", bob, version.pk))
    assert json.loads(response.content)["definition"]["name"] == "get_weather"
    foreign = factories.make_tool_version(factories.make_project())
    assert client.get(url("playground-version", bob, foreign.pk)).status_code == 404


def test_the_last_result_of_a_tool_is_found_the_same_arguments_first(
    client: Client, bob: Member
) -> None:
    turn = factories.make_turn(factories.make_conversation(bob.project))
    factories.make_call(turn, arguments='{"city": "Oslo"}', result="cold")
    factories.make_call(turn, arguments='{"city":"Rome"}', result="warm")
    asked = {"name": "get_weather", "arguments": '{"city":"Oslo"}'}
    found = json.loads(post(client, url("playground-recorded", bob), asked).content)["result"]
    assert found["content"] == "cold"
    none = post(client, url("playground-recorded", bob), {"name": "other"})
    assert json.loads(none.content) == {"result": None}


def test_a_tool_version_is_put_in_place_of_the_tools_other_ones(
    client: Client, bob: Member
) -> None:
    old = factories.make_tool_version(bob.project)
    new = factories.make_tool_version(bob.project, {**factories.WEATHER, "description": "New"})
    tools = [{"version": old.pk, "number": 1, "name": "get_weather"}]
    post(client, url("setup-save", bob), {"messages": [], "tools": tools})
    setup = data_of(client.get(url("playground", bob), {"tool": new.pk}))["setup"]
    assert [tool["version"] for tool in setup["tools"]] == [new.pk]


def make_conversation(bob: Member, source: str = "playground") -> Any:
    version = factories.make_tool_version(bob.project)
    conversation = factories.make_conversation(bob.project, source=source)
    turn = factories.make_turn(
        conversation,
        messages=[{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        parameters={"temperature": 0.2, "tool_choice": "auto", "stop": ["x"], "stream": True},
        toolset=factories.make_toolset(version),
    )
    return conversation, turn, version


def test_a_turn_opens_as_the_request_that_it_was(client: Client, bob: Member) -> None:
    conversation, turn, version = make_conversation(bob)
    data = data_of(client.get(url("playground", bob), {"from": turn.pk}))
    setup = data["setup"]
    assert [message["content"] for message in setup["messages"]] == ["s", "u"]
    assert setup["tools"] == [{"version": version.pk, "number": 1, "name": "get_weather"}]
    assert setup["parameters"] == {"temperature": "0.2"}
    assert json.loads(setup["extra"]) == {"stop": ["x"]}
    assert setup["conversation"] == str(conversation.pk)
    assert data["from"] == str(turn.pk)


def test_what_an_application_said_is_not_added_to(client: Client, bob: Member) -> None:
    _, turn, _ = make_conversation(bob, source="otlp")
    assert (
        data_of(client.get(url("playground", bob), {"from": turn.pk}))["setup"]["conversation"]
        is None
    )


@pytest.mark.parametrize(
    ("message", "left"), [(1, ["s"]), (2, ["s", "u"]), (3, ["s", "u", "Sunny."])]
)
def test_a_fork_keeps_the_messages_up_to_the_one_named(
    client: Client, bob: Member, message: int, left: list[str]
) -> None:
    conversation, _, _ = make_conversation(bob)
    query = {"fork": conversation.pk, "turn": 1, "message": message}
    setup = data_of(client.get(url("playground", bob), query))["setup"]
    assert [one["content"] for one in setup["messages"]] == left


@pytest.mark.parametrize(
    "query",
    [
        {"from": "x"},
        {"from": "00000000-0000-0000-0000-000000000000"},
        {"fork": "x", "turn": "1", "message": "1"},
        {"tool": "-1"},
        {"tool": "999999999999999999999"},
    ],
)
def test_what_is_not_there_is_not_found(client: Client, bob: Member, query: dict[str, str]) -> None:
    assert client.get(url("playground", bob), query).status_code == 404


def test_a_run_of_another_project_is_not_found(client: Client, bob: Member) -> None:
    run = factories.make_run(factories.make_project())
    assert client.get(url("run", bob, run.pk)).status_code == 404


def test_a_run_shows_all_columns_of_its_press_with_their_setup(client: Client, bob: Member) -> None:
    old = factories.make_tool_version(bob.project)
    new = factories.make_tool_version(bob.project, {**factories.WEATHER, "description": "New"})
    connection = factories.make_connection(bob.project)

    def request(version: int, system: str, model: str) -> str:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": "u"}]
        body = {"messages": messages, "tools": [{"version": version}], "model": model}
        return json.dumps(body | {"connection": connection.pk, "parameters": {"seed": 1}})

    first = factories.make_run(bob.project, request=request(old.pk, "one", "m1"))
    factories.make_run(
        bob.project, request=request(new.pk, "two", "m2"), group=first.group, column="B"
    )
    data = data_of(client.get(url("run", bob, first.pk)))
    assert [(run["column"], run["trial"]) for run in data["runs"]] == [("A", 1), ("B", 1)]
    assert data["setup"]["parameters"] == {"seed": "1"}
    versions = {"get_weather": {"id": new.pk, "number": 2}}
    changed = {"letter": "B", "model": "m2", "system": "two", "versions": versions}
    assert data["setup"]["columns"] == [{"letter": "A"}, changed]


def test_runs_are_listed_and_empty_lists_say_what_will_be_there(
    client: Client, bob: Member
) -> None:
    assert b"No runs yet" in client.get(url("run-list", bob)).content
    factories.make_run(bob.project, title="<b>bold</b> \u202e")
    page = client.get(url("run-list", bob))
    assert b"&lt;b&gt;bold&lt;/b&gt;" in page.content
    assert b"<b>bold" not in page.content
    assert client.get(url("run-list", bob), {"older": "x"}).status_code == 404
    recent = client.get(url("run-list", bob), headers={"HX-Request": "true"})
    assert b"<html" not in recent.content
