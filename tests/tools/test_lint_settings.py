"""A project's own words, the providers that count and its limits: set on a page, heeded by lint."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.lib import json
from tests.factories import (
    WEATHER,
    People,
    client_of,
    make_people,
    make_tool_version,
    make_toolset,
)
from tools_registry.lint import read_words
from tools_registry.models import LintSettings, LintWord

pytestmark = pytest.mark.django_db
SLIP = json.load(json.dump(WEATHER).replace('"unit"', '"temprature"'))


@pytest.fixture
def people() -> People:
    return make_people()


@pytest.fixture
def bob(people: People) -> Client:
    return client_of(people.bob)


def url(people: People, name: str, *args: Any) -> str:
    return reverse(f"tools_registry:{name}", args=[people.project.slug, *args])


def words(people: People) -> set[str]:
    found = LintWord.objects.filter(project=people.project)
    return set(found.values_list("word", flat=True))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Misfire", ["misfire"]),
        ("getPokedex, user_nick # ab cd\n\nfoo foo", ["get", "pokedex", "user", "nick", "foo"]),
        ("a bc 12 … # only this", []),
        ("x" * 61, []),
    ],
)
def test_a_list_is_read_word_by_word(text: str, found: list[str]) -> None:
    assert read_words(text) == found


def test_words_are_added_found_removed_and_downloaded(people: People, bob: Client) -> None:
    page = bob.post(url(people, "lint-words"), {"words": "zorg\nPokedex"}, follow=True)
    assert "2 words added." in page.content.decode()
    again = bob.post(url(people, "lint-words"), {"words": "pokedex"}, follow=True)
    assert "already" in again.content.decode()
    assert words(people) == {"zorg", "pokedex"}
    found = bob.get(url(people, "lint-settings") + "?q=Poke").content.decode()
    assert "<code>pokedex</code>" in found and "<code>zorg</code>" not in found
    file = bob.get(url(people, "lint-words-file")).content.decode()
    assert read_words(file) == ["pokedex", "zorg"]
    bob.post(url(people, "lint-word-remove"), {"word": "zorg"})
    assert words(people) == {"pokedex"}
    refused = bob.post(url(people, "lint-words"), {"words": "ab 12"}, follow=True)
    assert "Nothing was added" in refused.content.decode()


def test_a_misspelling_is_made_a_word_with_one_click(people: People, bob: Client) -> None:
    make_tool_version(people.project, SLIP)
    address = url(people, "version-detail", "get_weather", 1)
    page = bob.get(address).content.decode()
    assert "param_misspelled" in page and "“temprature” is right" in page
    back = bob.post(url(people, "lint-words"), {"words": "temprature", "next": address})
    assert back["Location"] == address
    assert "param_misspelled" not in bob.get(address).content.decode()
    assert "is right" not in client_of(people.vera).get(address).content.decode()
    away = {"words": "zorg", "next": "https://evil.example/"}
    assert bob.post(url(people, "lint-words"), away)["Location"] == url(people, "lint-settings")


def test_the_editor_adds_a_word_and_hears_that_it_is_one(people: People, bob: Client) -> None:
    def check() -> list[dict[str, Any]]:
        answer = bob.post(url(people, "tool-check"), {"definition": json.dump(SLIP)}).json()
        return [one for one in answer["lint"] if one["code"] == "param_misspelled"]

    (told,) = check()
    assert told["words"] == ["temprature"]
    answer = bob.post(
        url(people, "lint-words"), {"words": "temprature"}, headers={"accept": "application/json"}
    )
    assert answer.json() == {"added": ["temprature"]}
    assert check() == []


@pytest.mark.parametrize(
    ("earlier", "later", "code"),
    [
        ({"name": "calculatetax"}, {"name": "calculatetaz"}, "tool_misspelled"),
        (
            {"name": "get_weather", "parameters": {"properties": {"temperature": {}}}},
            {"name": "get_weather", "parameters": {"properties": {"temprature": {}}}},
            "param_misspelled",
        ),
    ],
)
def test_a_near_miss_of_the_earlier_name_is_an_error_on_the_page(
    earlier: dict[str, Any], later: dict[str, Any], code: str, people: People, bob: Client
) -> None:
    tool = make_tool_version(people.project, earlier).tool
    fields = {"definition": json.dump(later), "tool": tool.name}
    answer = bob.post(url(people, "tool-check"), fields).json()
    (found,) = [one for one in answer["lint"] if one["code"] == code]
    assert found["severity"] == "error" and found["fix"] is not None
    assert "earlier" in found["message"]


def test_providers_and_limits_are_heeded(people: People, bob: Client) -> None:
    make_tool_version(people.project, WEATHER | {"strict": True})
    address = url(people, "version-detail", "get_weather", 1)
    assert "OpenAI&#x27;s strict mode" in bob.get(address).content.decode()
    sent = {"providers": ["gemini"], "most_tools": 5, "heavy_tool": 10, "heavy_toolset": 20}
    assert "Saved." in bob.post(url(people, "lint-save"), sent, follow=True).content.decode()
    page = bob.get(address).content.decode()
    assert "OpenAI&#x27;s strict mode" not in page and "token_weight" in page
    assert LintSettings.objects.get().providers == ["gemini"]
    bad = bob.post(url(people, "lint-save"), sent | {"most_tools": 0, "providers": ["me"]})
    assert bad.status_code == 422
    assert LintSettings.objects.get().most_tools == 5


def test_readers_see_the_settings_and_change_nothing(people: People) -> None:
    for person in (people.vera, people.rita):
        client = client_of(person)
        assert client.get(url(people, "lint-settings")).status_code == 200
        for name in ("lint-save", "lint-words", "lint-word-remove"):
            assert client.post(url(people, name)).status_code == 403


def test_tools_are_linted_together(people: People, bob: Client) -> None:
    place = {"type": "object", "properties": {"city": {"type": "string"}}}
    where = {"type": "object", "properties": {"location": {"type": "string"}}}
    said = {"description": "Find a place by its name."}
    one = make_tool_version(people.project, {"name": "find_place", "parameters": place} | said)
    make_tool_version(people.project, {"name": "locate_place", "parameters": where} | said)
    make_tool_version(people.project, {"name": "gone"}, retired_at="2026-01-01T00:00Z")
    page = bob.get(url(people, "toolset-lint")).content.decode()
    assert "2 tools, about" in page and "descriptions 100% alike" in page
    assert '<span class="cd">city</span>' in page and '<span class="cd">location</span>' in page
    assert "gone" not in page
    LintSettings.objects.create(project=people.project, most_tools=1)
    assert "too_many_tools" in bob.get(url(people, "toolset-lint")).content.decode()
    toolset = make_toolset(one)
    alone = bob.get(url(people, "toolset-lint") + f"?toolset={toolset.pk}").content.decode()
    assert "1 tool, about" in alone and "locate_place" not in alone
    other = client_of(people.charlie)
    theirs = reverse("tools_registry:toolset-lint", args=[people.charlie.project.slug])
    assert other.get(f"{theirs}?toolset={toolset.pk}").status_code == 404
    assert bob.get(url(people, "toolset-lint") + "?toolset=x").status_code == 404


def test_a_project_without_tools_is_told_what_will_be_there(people: People, bob: Client) -> None:
    assert "No tools in use" in bob.get(url(people, "toolset-lint")).content.decode()
