"""Exporting in the pages: one version, a selection, or all that is published."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from tests.factories import WEATHER, People, client_of, make_people, make_tool_version
from tools_registry.exporters import EXPORTERS

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> People:
    return make_people()


@pytest.fixture
def rita(people: People) -> Client:
    return client_of(people.rita)


def url(people: People, query: str = "") -> str:
    return f"/p/{people.project.slug}/tools/-/export/?{query}"


def test_all_published_tools_are_exported_and_no_others(rita: Client, people: People) -> None:
    make_tool_version(people.project, WEATHER)
    make_tool_version(people.project, {**WEATHER, "name": "seen"}, origin="observed")
    make_tool_version(people.project, {**WEATHER, "name": "gone"}).tool.archive()
    answer = rita.get(url(people, "dialect=openai_chat&download=1"))
    assert answer["Content-Disposition"] == 'attachment; filename="get_weather.openai_chat.json"'
    assert [tool["function"]["name"] for tool in json.loads(answer.content)] == ["get_weather"]


def test_a_selection_and_one_version_are_exported(rita: Client, people: People) -> None:
    make_tool_version(people.project, WEATHER)
    make_tool_version(people.project, {**WEATHER, "description": "Sharper."})
    make_tool_version(people.project, {**WEATHER, "name": "other"})
    make_tool_version(people.project, {**WEATHER, "name": "third"})
    two = rita.get(url(people, "dialect=mcp&name=get_weather&name=other&download=1"))
    assert [tool["name"] for tool in json.loads(two.content)["tools"]] == ["get_weather", "other"]
    one = rita.get(url(people, "dialect=anthropic&name=get_weather&version=1&download=1"))
    assert json.loads(one.content)[0]["description"] == WEATHER["description"]
    assert rita.get(url(people, "name=get_weather&version=9")).status_code == 404


@pytest.mark.parametrize("dialect", EXPORTERS)
def test_each_dialect_has_a_page_that_says_what_is_lost(
    dialect: str, rita: Client, people: People
) -> None:
    make_tool_version(people.project, {**WEATHER, "annotations": {"readOnlyHint": True}})
    page = rita.get(url(people, f"dialect={dialect}")).content.decode()
    holds_all = dialect in ("mcp", "openapi")
    assert ("holds all of it" in page) == holds_all
    assert ("annotations has no place" in page) != holds_all


def test_without_a_published_tool_it_says_so(rita: Client, people: People) -> None:
    assert "No published tool" in rita.get(url(people)).content.decode()


def test_hostile_texts_are_only_texts(rita: Client, people: People) -> None:
    evil = '<script>alert(1)</script>"\r\nX: y'
    make_tool_version(people.project, {**WEATHER, "name": evil, "annotations": {"a": 1}})
    for dialect in EXPORTERS:
        assert "<script>alert" not in rita.get(url(people, f"dialect={dialect}")).content.decode()
    answer = rita.get(url(people, "download=1"))
    assert "\n" not in answer["Content-Disposition"] and "<" not in answer["Content-Disposition"]
