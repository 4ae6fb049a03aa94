"""The doors for programs: definitions in and out, and the verdict on a call."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from console.accounts.models import Project
from tests.factories import WEATHER, make_key, make_project, make_tool_version
from tools_registry.dialects import to_anthropic, to_openai_chat
from tools_registry.models import Tool, ToolVersion
from tools_registry.specs import ToolSpec

pytestmark = pytest.mark.django_db
SPEC = ToolSpec.from_json(WEATHER)
URL = "/api/v1/tools/get_weather"


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def api(project: Project) -> Client:
    return client_with(project, "read", "admin")


def client_with(project: Project, *scopes: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {make_key(project, scopes)[1]}"})


def put(api: Client, body: object, url: str = URL) -> Any:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return api.put(url, text, content_type="application/json")


def post(api: Client, body: object) -> Any:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return api.post("/api/v1/validate", text, content_type="application/json")


def test_a_definition_is_put_once_and_then_unchanged(api: Client) -> None:
    first = put(api, WEATHER)
    assert first.status_code == 201
    assert first["Location"] == URL
    assert (first.json()["version"], first.json()["hash"]) == (1, SPEC.hash)
    assert first.json()["definition"] == WEATHER
    again = put(api, dict(reversed(WEATHER.items())))
    assert (again.status_code, again.json()["version"]) == (200, 1)
    changed = put(api, WEATHER | {"description": "Other."}, f"{URL}?note=sharper")
    assert (changed.status_code, changed.json()["version"]) == (201, 2)
    assert changed.json()["note"] == "sharper"


@pytest.mark.parametrize("write", [to_openai_chat, to_anthropic])
def test_any_dialect_will_do(write: Callable[[ToolSpec], dict[str, Any]], api: Client) -> None:
    assert put(api, write(SPEC)).json()["hash"] == SPEC.hash


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 400, "unreadable_tool"),
        ("{", 400, "unreadable_tool"),
        ("[]", 400, "unreadable_tool"),
        ({}, 400, "unreadable_tool"),
        ({"type": "web_search"}, 400, "unreadable_tool"),
        ("[" * 100_000, 400, "unreadable_tool"),
        ('{"name": "get_weather", "parameters": {"maximum": 1e999}}', 400, "unreadable_tool"),
        (b"\xff\xfe", 400, "not_utf8"),
        ({"name": "other"}, 422, "name_differs"),
        ({"name": "get_weather", "parameters": {"type": "objekt"}}, 422, "invalid_schema"),
        ({"name": "get_weather", "description": "x" * 2_000_000}, 413, "body_too_large"),
        ({"name": "get_weather", "description": "x" * 1_500_000}, 400, "unreadable_tool"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_kept_is_refused_with_what_to_do(
    body: object, status: int, code: str, api: Client
) -> None:
    response = put(api, body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["detail"]
    assert not Tool.objects.exists()


def test_an_invalid_schema_is_told_at_its_line(api: Client) -> None:
    body = '{"name": "get_weather",\n "parameters": {\n  "type": "objekt"}}'
    problem = put(api, body).json()["problems"][0]
    assert (problem["pointer"], problem["line"], problem["column"]) == ("/parameters/type", 3, 3)


@pytest.mark.parametrize("name", ["a.b", "a b", "münchen", "a/b", "a?b#c", "a%2Fb"])
def test_a_name_may_hold_any_character(name: str, api: Client) -> None:
    location = put(api, {"name": "x"}, "/api/v1/tools/x")["Location"]
    url = location[:-1] + "".join(f"%{byte:02X}" for byte in name.encode())
    stored = put(api, {"name": name}, url)
    assert stored.status_code == 201
    assert api.get(stored["Location"]).json()["name"] == name


def test_a_tool_is_read_with_all_of_its_versions(api: Client, project: Project) -> None:
    make_tool_version(project)
    make_tool_version(project, WEATHER | {"description": "New."}, origin="observed")
    body = api.get(URL).json()
    assert (body["version"], body["definition"]["description"]) == (2, "New.")
    assert [(v["version"], v["origin"]) for v in body["versions"]] == [
        (2, "observed"),
        (1, "registered"),
    ]
    assert api.get("/api/v1/tools/none").json()["code"] == "tool_not_found"


def test_tools_are_listed_by_name_page_after_page(api: Client, project: Project) -> None:
    for name in ("b", "a", "c", "old"):
        make_tool_version(project, {"name": name})
    Tool.objects.get(name="old").archive()
    first = api.get("/api/v1/tools?limit=2").json()
    assert ([tool["name"] for tool in first["tools"]], first["next"]) == (["a", "b"], "b")
    rest = api.get("/api/v1/tools?limit=2&after=b").json()
    assert ([tool["name"] for tool in rest["tools"]], rest["next"]) == (["c"], None)
    whole = api.get("/api/v1/tools?archived=1").json()["tools"]
    assert [tool["archived"] for tool in whole] == [False, False, False, True]


@pytest.mark.parametrize("limit", ["0", "501", "x", "-1", "²"])
def test_a_limit_that_is_none_is_refused(limit: str, api: Client) -> None:
    response = api.get("/api/v1/tools", {"limit": limit})
    assert (response.status_code, response.json()["code"]) == (400, "bad_limit")


def test_reading_needs_one_scope_and_writing_another(project: Project) -> None:
    reader, writer = client_with(project, "read"), client_with(project, "admin")
    assert put(reader, WEATHER).json()["code"] == "scope_missing"
    assert put(writer, WEATHER).status_code == 201
    assert writer.get(URL).json()["code"] == "scope_missing"
    assert reader.get(URL).status_code == 200
    assert reader.post(URL).status_code == 405


def test_projects_do_not_see_each_others_tools(api: Client) -> None:
    other = make_tool_version().project
    assert api.get(URL).status_code == 404
    assert api.get("/api/v1/tools").json()["tools"] == []
    verdict = post(api, {"tool": "get_weather", "arguments": {}}).json()
    assert [finding["code"] for finding in verdict["findings"]] == ["unknown_tool"]
    assert other.tools.count() == 1


def test_putting_brings_an_archived_tool_back(api: Client, project: Project) -> None:
    make_tool_version(project).tool.archive()
    assert put(api, WEATHER).json()["archived"] is False


@pytest.mark.parametrize(
    ("arguments", "verdict", "codes"),
    [
        ('{"city": "Oslo"}', "accepted", []),
        ({"city": "Oslo"}, "accepted", []),
        ("", "rejected", ["missing_required"]),
        ('{"temprature": 1, "city": "x"}', "rejected", ["unexpected_parameter"]),
        ('{"city": "a", "city": "b"}', "flagged", ["duplicate_key"]),
        ("{city}", "rejected", ["malformed_json"]),
        ("[" * 100_000, "rejected", ["malformed_json"]),
        ({"city": {"a": [1, {"b": None}]}}, "rejected", ["wrong_type"]),
        ({"city": "\ud800"}, "accepted", []),
        ('{"city": ' + "9" * 4000 + "}", "rejected", ["wrong_type"]),
        ('{"city": ' + "9" * 6000 + "}", "rejected", ["schema_other"]),
        ('{"city": 1e999}', "rejected", ["wrong_type"]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_call_is_judged(
    arguments: object, verdict: str, codes: list[str], api: Client, project: Project
) -> None:
    make_tool_version(project)
    response = post(api, {"tool": "get_weather", "arguments": arguments})
    body = response.json()
    assert (response.status_code, body["verdict"], body["version"]) == (200, verdict, 1)
    assert [finding["code"] for finding in body["findings"]] == codes
    assert [layer["layer"] for layer in body["layers"]] == [
        "assembly",
        "syntax",
        "offer",
        "schema",
        "rule",
        "content",
    ]


def test_a_call_is_judged_by_the_version_that_is_named(api: Client, project: Project) -> None:
    make_tool_version(project)
    make_tool_version(project, {"name": "get_weather", "parameters": {"required": ["unit"]}})
    question = {"tool": "get_weather", "arguments": {"city": "Oslo"}}
    assert post(api, question).json()["verdict"] == "rejected"
    assert post(api, question | {"version": 1}).json()["verdict"] == "accepted"
    missing = post(api, question | {"version": 3})
    assert (missing.status_code, missing.json()["code"]) == (404, "version_not_found")


@pytest.mark.parametrize("tool", ["getweather", "a\0b", "x" * 256])
def test_an_unknown_tool_is_a_finding(tool: str, api: Client, project: Project) -> None:
    make_tool_version(project)
    body = post(api, {"tool": tool, "arguments": {}}).json()
    assert [finding["code"] for finding in body["findings"]] == ["unknown_tool"]
    suggested = body["findings"][0].get("suggestion")
    assert suggested == ("get_weather" if tool == "getweather" else None)


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ("", "malformed_json", None),
        ("{", "malformed_json", None),
        ('{"a":' * 50_000, "malformed_json", None),
        ("[]", "invalid_request", ""),
        ("null", "invalid_request", ""),
        ({"tool": "a"}, "invalid_request", "/arguments"),
        ({"arguments": {}}, "invalid_request", "/tool"),
        ({"tool": 5, "arguments": {}}, "invalid_request", "/tool"),
        ({"tool": "", "arguments": {}}, "invalid_request", "/tool"),
        ({"tool": "a", "arguments": {}, "version": "1"}, "invalid_request", "/version"),
        ({"tool": "a", "arguments": {}, "version": 0}, "invalid_request", "/version"),
        ({"tool": "a", "arguments": {}, "extra": 1}, "invalid_request", "/extra"),
        ({"tool": "\ud800", "arguments": {}}, "invalid_request", "/tool"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_question_that_is_none_is_refused(
    body: object, code: str, pointer: str | None, api: Client
) -> None:
    response = post(api, body)
    assert response.status_code == (400 if pointer is None else 422)
    assert response.json()["code"] == code
    if pointer is not None:
        assert response.json()["errors"][0]["pointer"] == pointer


def test_a_number_that_no_text_of_ours_can_hold_is_refused(api: Client) -> None:
    response = post(api, '{"tool": "get_weather", "arguments": {"city": 1e999}}')
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


def test_a_large_version_number_is_not_found_rather_than_an_error(
    api: Client, project: Project
) -> None:
    make_tool_version(project)
    question = {"tool": "get_weather", "arguments": {}, "version": 10**30}
    assert post(api, question).json()["code"] == "version_not_found"
    assert ToolVersion.objects.count() == 1
