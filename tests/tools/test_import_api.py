"""The door for programs that import, and the list of tools in a dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from console.accounts.models import Project
from tests.factories import WEATHER, make_key, make_project, make_tool_version
from tools_registry.models import ToolDraft, ToolVersion

pytestmark = pytest.mark.django_db
URL = "/api/v1/tools/import"
TEXT = {"type": "string", "description": "Something to be searched for"}
DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {
        "/pets": {
            "get": {
                "operationId": "list_pets",
                "description": "List the pets of the shop.",
                "parameters": [{"name": "search", "in": "query", "schema": TEXT}],
            },
            "post": {"operationId": "broken", "requestBody": {"$ref": "other.yaml"}},
        }
    },
}


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def api(project: Project) -> Client:
    return Client(headers={"Authorization": f"Bearer {make_key(project, ('read', 'admin'))[1]}"})


def post(api: Client, body: Any, query: str = "") -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return api.post(f"{URL}{query}", text, content_type="application/json")


def test_a_dry_run_tells_all_and_saves_nothing(api: Client) -> None:
    answer = post(api, DOCUMENT).json()
    assert (answer["format"], answer["saved"]) == ("openapi", None)
    assert answer["counts"] == {"new": 1, "refused": 1}
    good, bad = answer["items"]
    assert (good["name"], good["fate"], good["title"]) == ("list_pets", "new", "GET /pets")
    assert {note["code"] for note in good["notes"]} == {"address", "hints_taken"}
    assert bad["problem_at"] == "/paths/~1pets/post/requestBody/$ref"
    assert not ToolVersion.objects.exists()


def test_it_saves_what_can_be_saved(api: Client) -> None:
    answer = post(api, DOCUMENT, "?save=1&name=pets.json").json()
    assert answer["saved"] == {
        "counts": {"new": 1},
        "versions": [{"name": "list_pets", "version": 1, "new": True}],
    }
    version = ToolVersion.objects.get()
    assert version.note == "Imported from pets.json"
    assert version.events.get().sender.startswith("a key (mf_")
    assert post(api, DOCUMENT, "?save=1").json()["saved"]["counts"] == {"unchanged": 1}


def test_it_keeps_drafts_and_only_those_named(api: Client) -> None:
    tools = [WEATHER, {**WEATHER, "name": "other"}]
    saved = post(api, tools, "?save=1&state=draft&only=other").json()["saved"]
    assert saved["counts"] == {"draft": 1}
    assert ToolDraft.objects.get().name == "other"


def test_lint_errors_ask_for_a_reason(api: Client) -> None:
    silent = {"name": "get_weather", "input_schema": {"type": "object", "properties": {}}}
    refused = post(api, [silent], "?save=1")
    assert (refused.status_code, refused.json()["code"]) == (422, "lint_errors")
    assert refused.json()["tools"] == ["get_weather"]
    assert post(api, [silent], "?save=1&reason=known").status_code == 200


@pytest.mark.parametrize(
    ("body", "query", "code"),
    [
        ("", "", "unreadable_source"),
        ('{"a": }', "", "unreadable_source"),
        ({}, "", "unreadable_source"),
        ([WEATHER], "?format=xml", "bad_format"),
        ([{"type": "web_search"}], "?save=1", "nothing_to_save"),
    ],
)
def test_what_cannot_be_imported_says_so(body: Any, query: str, code: str, api: Client) -> None:
    response = post(api, body, query)
    assert (response.status_code, response.json()["code"]) == (422, code)


def test_a_tool_called_import_is_still_read(api: Client, project: Project) -> None:
    assert api.get(URL).status_code == 404
    make_tool_version(project, {**WEATHER, "name": "import"})
    assert api.get(URL).json()["name"] == "import"


def test_the_list_of_tools_comes_in_any_dialect(api: Client, project: Project) -> None:
    make_tool_version(project, {**WEATHER, "annotations": {"readOnlyHint": True}})
    answer = api.get("/api/v1/tools?dialect=anthropic").json()
    (tool,) = answer["document"]
    assert tool["input_schema"] == WEATHER["parameters"]
    assert answer["notes"]["get_weather"][0]["pointers"] == ["/annotations"]
    assert answer["next"] is None
    assert "class GetWeather" in api.get("/api/v1/tools?dialect=pydantic").json()["document"]
    assert api.get("/api/v1/tools?dialect=xml").json()["code"] == "bad_dialect"
