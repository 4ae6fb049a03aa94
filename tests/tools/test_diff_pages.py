"""Changes between versions, and the lint panel, on the pages of a tool."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from console.lib import json
from tests.factories import WEATHER, People, client_of, make_people, make_tool_version

pytestmark = pytest.mark.django_db
BROKEN: dict[str, Any] = json.load(json.dump(WEATHER).replace('"unit"', '"unitt"'))


@pytest.fixture
def people() -> People:
    return make_people()


def read(people: People, name: str, *args: Any, query: str = "", status: int = 200) -> str:
    address = reverse(f"tools_registry:{name}", args=[people.project.slug, *args])
    response = client_of(people.vera).get(address + query)
    assert response.status_code == status
    return response.content.decode()


def test_a_version_is_compared_with_the_one_before(people: People) -> None:
    make_tool_version(people.project)
    make_tool_version(people.project, BROKEN)
    page = read(people, "version-diff", "get_weather")
    assert "Changes from v1 to v2" in page
    assert "parameter_renamed" in page and "Breaking" in page
    assert "/parameters/properties/unitt" in page
    assert '<i class="sq">unitt</i>' in page and "<i>unit</i>" in page
    assert "?to=2" in read(people, "version-detail", "get_weather", 2)


def test_any_two_are_compared_in_either_order(people: People) -> None:
    make_tool_version(people.project)
    make_tool_version(people.project, WEATHER | {"description": "Sharper <b>words</b>."})
    page = read(people, "version-diff", "get_weather", query="?from=2&to=1")
    assert "Changes from v2 to v1" in page
    assert "tool_description_changed" in page and "Wording" in page
    assert "<b>words" not in page
    assert "They mean the same" in read(people, "version-diff", "get_weather", query="?from=1&to=1")


def test_one_version_alone_says_what_will_be_there(people: People) -> None:
    make_tool_version(people.project)
    assert "Only v1" in read(people, "version-diff", "get_weather")
    for query in ("?from=7", "?to=x", "?to=-1"):
        read(people, "version-diff", "get_weather", query=query, status=404)


def test_the_lint_is_on_the_page_of_a_version(people: People) -> None:
    make_tool_version(people.project)
    make_tool_version(people.project, BROKEN)
    page = read(people, "version-detail", "get_weather", 2)
    assert "param_misspelled" in page and "close to “unit”" in page
    assert "param_undescribed" in page


def test_a_repaired_name_is_not_called_a_slip_of_the_slip(people: People) -> None:
    make_tool_version(people.project)
    make_tool_version(people.project, BROKEN)
    make_tool_version(people.project, WEATHER | {"description": "The weather of one city now."})
    assert "param_misspelled" not in read(people, "version-detail", "get_weather", 3)


def test_the_editor_is_told_lint_with_lines_and_edits(people: People) -> None:
    make_tool_version(people.project)
    address = reverse("tools_registry:tool-check", args=[people.project.slug])
    text = json.pretty({"type": "function", "function": BROKEN})
    answer = client_of(people.bob).post(address, {"definition": text, "tool": "get_weather"}).json()
    (found,) = [one for one in answer["lint"] if one["code"] == "param_misspelled"]
    assert found["pointer"] == "/function/parameters/properties/unitt"
    assert "unitt" in text.splitlines()[found["line"] - 1]
    (edit,) = found["fix"]["edits"]
    assert text[edit["from"] : edit["to"]] == '"unitt"'
    assert edit["insert"] == '"unit"'
    assert client_of(people.bob).post(address, {"definition": "{"}).json()["lint"] == []
