"""The tools' pages: list, versions, editing, two people at once, archive, and who may what."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from console.lib import json
from tests.factories import WEATHER, People, client_of, make_people, make_tool_version
from tools_registry.dialects import to_anthropic
from tools_registry.models import Tool, ToolDraft, ToolVersion
from tools_registry.publishing import start_draft
from tools_registry.specs import ToolSpec

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> People:
    return make_people()


@pytest.fixture
def bob(people: People) -> Client:
    return client_of(people.bob)


def url(people: People, name: str, *args: Any) -> str:
    return reverse(f"tools_registry:{name}", args=[people.project.slug, *args])


def read(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def write(client: Client, address: str, definition: Any, **fields: Any) -> Any:
    """Press *Review and publish* in the editor: the page of the review."""
    text = definition if isinstance(definition, str) else json.dump(definition)
    return client.post(address, {"definition": text, "then": "publish", **fields}, follow=True)


def publish(client: Client, address: str, definition: Any, **fields: Any) -> Any:
    """Write it, then press the button of the review, over any lint errors."""
    page = write(client, address, definition, **fields).redirect_chain[-1][0]
    draft = ToolDraft.objects.latest("pk")
    sent = {"revision": draft.revision, "note": draft.note, "reason": "a test"}
    return client.post(page, sent, follow=True)


def test_the_empty_list_says_how_a_tool_gets_here(people: People, bob: Client) -> None:
    page = read(bob, url(people, "tool-list"))
    assert "curl -X PUT http://testserver/api/v1/tools/get_weather" in page
    assert url(people, "tool-create") in page
    assert url(people, "tool-create") not in read(client_of(people.vera), url(people, "tool-list"))


def test_the_list_shows_the_newest_version_of_each_tool(people: People, bob: Client) -> None:
    make_tool_version(people.project)
    make_tool_version(people.project, WEATHER | {"description": "Sharper."})
    page = read(bob, url(people, "tool-list"))
    assert "Sharper." in page
    assert '<span class="ver">v2</span>' in page
    assert "Published" in page


def test_the_list_goes_back_to_the_version_before_a_retired_one(
    people: People, bob: Client
) -> None:
    make_tool_version(people.project)
    bad = make_tool_version(people.project, WEATHER | {"description": "Bad."})
    bob.post(url(people, "version-retire", "get_weather", bad.number))
    page = read(bob, url(people, "tool-list"))
    assert "The weather of a city now." in page and "Bad." not in page
    assert '<span class="ver">v1</span>' in page


def test_the_list_is_narrowed_to_a_state(people: People, bob: Client) -> None:
    for name, fields in (
        ("published", {}),
        ("observed", {"origin": "observed"}),
        ("retired", {"retired_at": timezone.now()}),
    ):
        make_tool_version(people.project, {"name": f"is_{name}"}, **fields)
    drafted = make_tool_version(people.project, {"name": "is_draft"}).tool
    start_draft(people.project, "{", user=people.bob.user, tool=drafted)
    start_draft(people.project, '{"name": "quite_new"}', user=people.bob.user)
    for state, shown in {
        "": {"is_published", "is_observed", "is_retired", "is_draft"},
        "published": {"is_published", "is_draft"},
        "observed": {"is_observed"},
        "retired": {"is_retired"},
        "draft": {"is_draft"},
        "archived": set(),
        "nonsense": {"is_published", "is_observed", "is_retired", "is_draft"},
    }.items():
        page = read(bob, url(people, "tool-list") + f"?state={state}")
        assert set(re.findall(r'class="tn"[^>]*title="([^"]*)"', page)) == shown
        assert ("quite_new" in page) == (state in ("", "draft", "nonsense"))


def test_the_list_counts_what_lint_says_of_each_tool(people: People, bob: Client) -> None:
    make_tool_version(people.project, WEATHER | {"description": ""})
    page = read(bob, url(people, "tool-list"))
    assert 'title="1 error"' in page and 'title="2 warnings"' in page


@pytest.mark.parametrize(
    ("query", "found"),
    [("WEATHER", True), ("celsius", True), ("of a city", True), ("payment", False), ("\0", True)],
)
def test_the_list_is_filtered_by_name_and_definition(
    query: str, found: bool, people: People, bob: Client
) -> None:
    make_tool_version(people.project)
    response = bob.get(url(people, "tool-list"), {"q": query})
    assert ('class="tn"' in response.content.decode()) == found


def test_a_long_list_goes_on_by_name(people: People, bob: Client) -> None:
    Tool.objects.bulk_create(
        Tool(project=people.project, name=f"tool_{number:03}") for number in range(101)
    )
    page = read(bob, url(people, "tool-list"))
    assert "tool_099" in page
    assert "tool_100" not in page
    assert "tool_100" in read(bob, url(people, "tool-list") + "?after=tool_099")


def test_the_list_asks_as_often_for_many_tools_as_for_few(
    people: People, bob: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        make_tool_version(people.project, {"name": f"tool_{number}"})
    with django_assert_max_num_queries(16):
        read(bob, url(people, "tool-list"))


def test_a_tool_is_created_from_any_dialect(people: People, bob: Client) -> None:
    spec = ToolSpec.from_json(WEATHER)
    response = publish(bob, url(people, "tool-create"), to_anthropic(spec), note="first")
    version = ToolVersion.objects.get()
    assert response.redirect_chain[-1][0] == url(people, "version-detail", "get_weather", 1)
    assert (version.hash, version.created_by, version.note) == (
        spec.hash,
        people.bob.user,
        "first",
    )
    assert "Published as v1." in response.content.decode()


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("", "This is not JSON"),
        ('{"name": "a",\n "parameters": {"type": "objekt"}}', "Line 2, column 17"),
        ('{"name": ""}', "Add a &quot;name&quot;"),
        ('{"type": "web_search"}', "own tool"),
        ('{"name": "a\\u0000b"}', "NUL"),
        ("[" * 50_000, "nested too deep"),
    ],
)
def test_what_is_wrong_is_said_and_the_text_kept(
    definition: str, message: str, people: People, bob: Client
) -> None:
    response = write(bob, url(people, "tool-create"), definition, note="why")
    assert message in response.content.decode()
    assert "cannot be published yet" in response.content.decode()
    draft = ToolDraft.objects.get()
    refused = bob.post(url(people, "draft-publish", draft.pk), {"revision": draft.revision})
    assert refused.status_code == 409
    page = read(bob, url(people, "draft-edit", draft.pk))
    assert message in page
    assert escape(definition) in page
    assert 'value="why"' in page
    assert not Tool.objects.exists()


def test_a_name_that_is_taken_is_not_published_again(people: People, bob: Client) -> None:
    make_tool_version(people.project)
    page = write(bob, url(people, "tool-create"), {"name": "get_weather"}).content.decode()
    assert "get_weather exists already" in page
    assert Tool.objects.count() == 1


def test_an_edit_starts_from_the_newest_version_and_makes_the_next(
    people: People, bob: Client
) -> None:
    make_tool_version(people.project)
    page = read(bob, url(people, "tool-edit", "get_weather"))
    assert "The weather of a city now." in page
    assert "makes it v2" in page
    changed = WEATHER | {"description": "Sharper."}
    response = publish(bob, url(people, "tool-edit", "get_weather"), changed, base=1)
    assert "Published as v2." in response.content.decode()
    first, second = ToolVersion.objects.order_by("number")
    assert (first.spec.description, second.spec.description) == (
        WEATHER["description"],
        "Sharper.",
    )


def test_an_edit_can_start_from_an_older_version(people: People, bob: Client) -> None:
    make_tool_version(people.project)
    make_tool_version(people.project, WEATHER | {"description": "Sharper."})
    address = url(people, "tool-edit", "get_weather")
    assert "The weather of a city now." in read(bob, f"{address}?from=1")
    assert "Sharper." in read(bob, f"{address}?from=99999999999999")


def test_publishing_what_did_not_change_says_so(people: People, bob: Client) -> None:
    make_tool_version(people.project)
    same = json.pretty(dict(reversed(WEATHER.items())))
    response = publish(bob, url(people, "tool-edit", "get_weather"), same)
    assert "Nothing changed: this is v1." in response.content.decode()
    assert ToolVersion.objects.count() == 1


def test_a_version_keeps_its_tools_name(people: People, bob: Client) -> None:
    make_tool_version(people.project)
    address = url(people, "tool-edit", "get_weather")
    response = publish(bob, address, WEATHER | {"name": "other"})
    assert "keeps its tool&#x27;s name, get_weather" in response.content.decode()
    assert Tool.objects.count() == 1


def test_of_two_drafts_the_later_is_told_what_it_does_not_contain(people: People) -> None:
    make_tool_version(people.project)
    address = url(people, "tool-edit", "get_weather")
    alice, bob = client_of(people.alice), client_of(people.bob)
    late = write(bob, address, WEATHER | {"description": "Bob's."}, base=1)
    publish(alice, address, WEATHER | {"description": "Alice's."}, base=1)
    page = read(bob, late.redirect_chain[-1][0])
    assert "started from v1; v2 came since" in page


def test_a_version_shows_its_definition_for_people_and_for_copying(
    people: People, bob: Client
) -> None:
    version = make_tool_version(people.project, created_by=people.alice.user, note="for the demo")
    make_tool_version(people.project, WEATHER | {"description": "Sharper."}, origin="observed")
    page = read(bob, url(people, "version-detail", "get_weather", 1))
    assert "one of &quot;celsius&quot;, &quot;fahrenheit&quot;" in page
    assert "No other parameters allowed." in page
    assert "for the demo" in page
    assert version.hash in page
    assert f"?tool={version.pk}" in page
    assert "Observed" in page
    assert "New version from v1" in page
    assert read(bob, url(people, "tool-detail", "get_weather")).count("Sharper.") >= 2


def test_a_version_that_does_not_exist_is_not_found(people: People, bob: Client) -> None:
    make_tool_version(people.project)
    assert bob.get(url(people, "version-detail", "get_weather", 2)).status_code == 404
    assert bob.get(url(people, "tool-detail", "none")).status_code == 404
    assert bob.get(url(people, "tool-detail", "a") + "%00/").status_code == 404


HOSTILE = "<script>alert(1)</script>\u202e\n'\"{{ x }}"


@pytest.mark.parametrize(
    "name", ["a/b", "a b?c#d", "..%2F", "line\nbreak", "x" * 256, HOSTILE, "edit", "v", "-"]
)
def test_a_tool_of_any_name_has_its_pages(name: str, people: People, bob: Client) -> None:
    make_tool_version(people.project, {"name": name, "description": HOSTILE})
    for address in (
        url(people, "tool-list"),
        url(people, "tool-detail", name),
        url(people, "version-detail", name, 1),
        url(people, "tool-edit", name),
    ):
        page = read(bob, address)
        assert "<script>alert" not in page
    assert bob.post(url(people, "tool-archive", name)).status_code == 302


def test_ninety_parameters_and_deep_ones_are_shown(people: People, bob: Client) -> None:
    properties: dict[str, Any] = {f"parameter_{n}": {"type": "string"} for n in range(90)}
    nested: dict[str, Any] = {"type": "string"}
    for level in range(30):
        nested = {"type": "object", "properties": {f"level_{level}": nested}}
    properties["deep"] = nested
    properties["loop"] = {"$ref": "#"}
    schema = {"type": "object", "properties": properties}
    make_tool_version(people.project, {"name": "large", "parameters": schema})
    page = read(bob, url(people, "tool-detail", "large"))
    assert "parameter_89" in page
    assert "level_29" in page


@pytest.mark.parametrize(
    "schema",
    [
        {"type": 5, "properties": [], "required": "x"},
        {"properties": {"a": True, "b": 5, "c": {"$ref": "#/nowhere"}, "d": {"enum": "x"}}},
        {"properties": {"a": {"type": ["string", "null"], "items": 5, "default": {"x": 1}}}},
    ],
)
def test_an_observed_version_with_an_invalid_schema_is_shown(
    schema: Any, people: People, bob: Client
) -> None:
    definition = {"name": "odd", "parameters": schema, "output_schema": schema}
    make_tool_version(people.project, definition, origin="observed")
    read(bob, url(people, "tool-detail", "odd"))


def test_archiving_takes_a_tool_out_of_the_list_and_back(people: People, bob: Client) -> None:
    make_tool_version(people.project)
    address = url(people, "tool-list")
    bob.post(url(people, "tool-archive", "get_weather"))
    assert 'class="tn"' not in read(bob, address)
    assert 'class="tn"' in read(bob, f"{address}?state=archived")
    bob.post(url(people, "tool-unarchive", "get_weather"))
    assert 'class="tn"' in read(bob, address)


def test_the_check_tells_problems_with_their_lines(people: People, bob: Client) -> None:
    text = '{"name": "a",\n "cache_control": {},\n "parameters": {"type": "objekt"}}'
    answer = bob.post(url(people, "tool-check"), {"definition": text}).json()
    assert answer["valid"] is False
    places = {(p["pointer"], p["line"], p["severity"]) for p in answer["problems"]}
    assert places == {("/parameters/type", 3, "error"), ("/cache_control", 2, "warning")}
    converted = bob.post(
        url(people, "tool-check"), {"definition": '{"name": "a", "input_schema": {}}'}
    ).json()["converted"]
    assert json.load(converted) == {"name": "a", "parameters": {}}


def test_readers_see_no_buttons_that_they_may_not_press(people: People) -> None:
    make_tool_version(people.project)
    page = read(client_of(people.vera), url(people, "tool-detail", "get_weather"))
    for name in ("tool-edit", "tool-archive"):
        assert url(people, name, "get_weather") not in page
    for person in (people.vera, people.rita):
        for name in ("tool-edit", "tool-archive", "tool-unarchive"):
            address = url(people, name, "get_weather")
            assert client_of(person).post(address).status_code == 403
