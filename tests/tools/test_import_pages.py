"""Importing in the pages: read, reviewed item by item, then published or kept as drafts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.factories import WEATHER, People, client_of, make_import, make_people, make_tool_version
from tools_registry.imports import reading, saving
from tools_registry.imports.models import KEPT, ToolImport, drop_expired
from tools_registry.imports.plan import plan
from tools_registry.models import Tool, ToolDraft, ToolVersion
from tools_registry.publishing import retire

pytestmark = pytest.mark.django_db
ADDRESS = "https://api.example.com/openapi.json"
MISSPELLED = {
    "name": "get_forecast",
    "description": "Get the forecast of a city.",
    "parameters": {
        "type": "object",
        "properties": {"temprature": {"type": "string", "description": "How warm it may be"}},
    },
}


@pytest.fixture
def people() -> People:
    return make_people()


@pytest.fixture
def bob(people: People) -> Client:
    return client_of(people.bob)


def root(people: People) -> str:
    return f"/p/{people.project.slug}/tools/-/import/"


def begin(client: Client, people: People, **fields: Any) -> Any:
    return client.post(root(people), {"kind": "text", **fields})


def review(client: Client, people: People, value: Any) -> ToolImport:
    response = begin(client, people, text=json.dumps(value, indent=1))
    assert response.status_code == 302
    return ToolImport.objects.get(pk=response["Location"].rstrip("/").rpartition("/")[2])


def save(client: Client, row: ToolImport, *items: int, **fields: str) -> Any:
    url = f"/p/{row.project.slug}/tools/-/import/{row.pk}/save/"
    return client.post(url, {"item": items, **fields})


def test_nothing_is_saved_before_somebody_says_so(bob: Client, people: People) -> None:
    row = review(bob, people, [WEATHER, {"name": "broken", "input_schema": {"type": "objekt"}}])
    assert (row.state, row.found) == ("ready", "openai_functions")
    assert not Tool.objects.exists()
    page = bob.get(f"{root(people)}{row.pk}/").content.decode()
    assert "2 items of pasted text" in page
    assert "New tool" in page and "Cannot be imported" in page
    assert "Did you mean" in page and "/1/input_schema/type" in page


def test_ticked_items_are_published_with_where_they_came_from(bob: Client, people: People) -> None:
    other = {**WEATHER, "name": "other"}
    row = review(bob, people, [WEATHER, other])
    response = save(bob, row, 0)
    assert response["Location"].endswith("/tools/")
    (version,) = ToolVersion.objects.all()
    assert (version.tool.name, version.state) == ("get_weather", "published")
    assert version.note == "Imported from pasted text"
    assert version.created_by == people.bob.user
    assert "1 new tool" in bob.get(response["Location"]).content.decode()


def test_each_item_says_what_it_would_become(bob: Client, people: People) -> None:
    make_tool_version(people.project, WEATHER)
    stale = make_tool_version(people.project, {**WEATHER, "name": "stale"})
    retire(stale, user=people.bob.user)
    changed = {**WEATHER["parameters"], "required": []}
    wanted = [
        WEATHER,
        {**WEATHER, "name": "stale"},
        {**WEATHER, "name": "fresh"},
    ]
    fates = [item["fate"] for item in review(bob, people, wanted).planned]
    assert fates == ["unchanged", "again", "new"]
    narrowed = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}
    (item,) = review(bob, people, [{**WEATHER, "parameters": narrowed}]).planned
    assert (item["fate"], item["number"]) == ("version", 2)
    assert "breaking" in {change["kind"] for change in item["changes"]}
    (item,) = review(bob, people, [{**WEATHER, "parameters": changed}]).planned
    assert {change["kind"] for change in item["changes"]} == {"compatible"}


def test_lint_errors_ask_for_a_reason(bob: Client, people: People) -> None:
    row = review(bob, people, [WEATHER, MISSPELLED])
    assert saving.errors_of(row.planned[1]) == [
        "param_misspelled /parameters/properties/temprature"
    ]
    refused = save(bob, row, 0, 1)
    assert refused.status_code == 422
    assert "Lint reports errors in get_forecast" in refused.content.decode()
    assert not ToolVersion.objects.exists()
    save(bob, row, 0, 1, reason="The API spells it so")
    version = ToolVersion.objects.get(tool__name="get_forecast")
    event = version.events.get()
    assert event.reason == "The API spells it so"
    assert event.overrode == ["param_misspelled /parameters/properties/temprature"]
    assert ToolVersion.objects.get(tool__name="get_weather").events.get().reason == ""


def test_items_are_kept_as_drafts_too(bob: Client, people: People) -> None:
    make_tool_version(people.project, WEATHER)
    again = {**WEATHER, "description": "Sharper."}
    row = review(bob, people, [again, MISSPELLED])
    response = save(bob, row, 0, 1, **{"as": "drafts"})
    assert response["Location"].endswith("?state=draft")
    assert ToolVersion.objects.count() == 1
    drafts = {draft.name: draft for draft in ToolDraft.objects.all()}
    assert set(drafts) == {"get_weather", "get_forecast"}
    assert drafts["get_weather"].tool is not None and drafts["get_forecast"].tool is None


def test_an_import_is_saved_once(bob: Client, people: People) -> None:
    row = review(bob, people, [WEATHER])
    save(bob, row, 0)
    assert save(bob, row, 0)["Location"].endswith(f"{row.pk}/")
    assert ToolVersion.objects.count() == 1
    assert "This import is done" in bob.get(f"{root(people)}{row.pk}/").content.decode()


def test_nothing_ticked_saves_nothing(bob: Client, people: People) -> None:
    row = review(bob, people, [WEATHER])
    for items in ((), (7,)):
        assert save(bob, row, *items).status_code == 422
    assert not ToolVersion.objects.exists()


def test_a_broken_text_is_shown_at_its_line_to_be_corrected(bob: Client, people: People) -> None:
    text = '[{"name": "x",\n "parameters": {"a": }}]'
    page = bob.get(begin(bob, people, text=text)["Location"]).content.decode()
    assert "Line 2, column 22: This is not JSON" in page
    assert "Correct it and read again" in page and "&quot;parameters&quot;" in page


def test_a_file_is_known_by_its_name(bob: Client, people: People) -> None:
    schema = {"type": "object", "properties": {"day": {"type": "string"}}}
    upload = SimpleUploadedFile("book_flight.json", json.dumps(schema).encode())
    row = ToolImport.objects.get(pk=begin(bob, people, file=upload)["Location"].split("/")[-2])
    assert row.source == "book_flight.json"
    assert [item["name"] for item in row.planned] == ["book_flight"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text": "  "}, "Choose a file, or paste"),
        ({"text": "{}", "format": "xml"}, "Choose a format"),
        ({"kind": "url", "url": "ftp://example.com"}, "whole address"),
        ({"kind": "url", "url": "https://ann:secret@example.com/x"}, "password out"),
        ({"kind": "http", "url": ADDRESS, "variable": "SECRET_KEY"}, "may not be read as a key"),
        ({"file": SimpleUploadedFile("x.json", b"\xff\xff")}, "not UTF-8"),
    ],
)
def test_what_cannot_begin_says_what_to_do(
    fields: dict[str, Any], said: str, bob: Client, people: People
) -> None:
    response = begin(bob, people, **fields)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert not ToolImport.objects.exists()


def test_an_address_is_fetched_by_a_worker_and_never_a_private_one(
    bob: Client, people: People, settings: Settings
) -> None:
    begin(bob, people, kind="url", url="http://127.0.0.1:9/tools.json")
    row = ToolImport.objects.get()
    page = bob.get(f"{root(people)}{row.pk}/").content.decode()
    assert row.state == "reading" and "Waiting for http://127.0.0.1:9/tools.json" in page
    assert reading.prepare(str(row.pk)) == "failed"
    progress = bob.get(f"{root(people)}{row.pk}/progress/")
    assert progress["HX-Refresh"] == "true"
    assert "OUTBOUND_ALLOW" in bob.get(f"{root(people)}{row.pk}/").content.decode()


def test_a_large_source_is_a_workers_and_can_be_stopped(bob: Client, people: People) -> None:
    row = review(bob, people, [{**WEATHER, "name": f"tool_{n}"} for n in range(400)])
    assert (row.state, row.items) == ("reading", "[]")
    bob.post(f"{root(people)}{row.pk}/cancel/")
    row.refresh_from_db()
    assert (row.state, row.text) == ("cancelled", "")
    assert reading.prepare(str(row.pk)) == "gone"
    assert "The import was stopped" in bob.get(f"{root(people)}{row.pk}/").content.decode()


def test_it_stops_between_items_when_it_is_cancelled(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps([{**WEATHER, "name": f"tool_{n}"} for n in range(30)])
    row = ToolImport.objects.create(project=people.project, kind="text", source="x", text=text)
    monkeypatch.setattr(reading, "_STEP", 0.0)

    def cancel_first(*arguments: Any) -> Any:
        row.cancel()
        return plan(*arguments)

    monkeypatch.setattr("tools_registry.imports.reading.plan", cancel_first)
    assert reading.prepare(str(row.pk)) == "cancelled"
    row.refresh_from_db()
    assert (row.state, row.items) == ("cancelled", "[]")


def many(people: People, count: int = 45) -> ToolImport:
    return make_import(people.project, [{**WEATHER, "name": f"tool_{n:02}"} for n in range(count)])


def test_many_items_are_saved_by_a_worker_with_progress(bob: Client, people: People) -> None:
    row = many(people)
    response = save(bob, row, *range(45))
    assert response["Location"].endswith(f"{row.pk}/")
    row.refresh_from_db()
    assert (row.state, row.done, row.total) == ("saving", 0, 45)
    assert "0 of 45 saved" in bob.get(f"{root(people)}{row.pk}/progress/").content.decode()
    assert saving.save_all(str(row.pk)) == "saved"
    row.refresh_from_db()
    assert (row.state, row.done, row.outcome) == ("saved", 45, "45 new tools")
    assert ToolVersion.objects.filter(created_by=people.bob.user).count() == 45
    assert saving.save_all(str(row.pk)) == "gone"


@pytest.mark.parametrize("kind", ["published", "drafts"])
def test_saving_goes_on_where_a_lost_worker_was(
    kind: str, bob: Client, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = many(people)
    save(bob, row, *range(45), **{"as": kind})
    with monkeypatch.context() as patch:
        patch.setattr(saving, "_save_some", lose_third(saving._save_some))
        with pytest.raises(SystemExit):
            saving.save_all(str(row.pk))
    row.refresh_from_db()
    assert (row.state, row.done) == ("saving", 20)
    assert saving.save_all(str(row.pk)) == "saved"
    saved = ToolDraft if kind == "drafts" else ToolVersion
    assert saved.objects.count() == 45
    row.refresh_from_db()
    assert row.outcome.startswith("45 ")


def lose_third(save_some: Any) -> Any:
    """The worker is killed at its third step."""
    calls = []

    def lose(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 3:
            raise SystemExit
        return save_some(*arguments)

    return lose


def test_saving_that_is_stopped_keeps_what_was_saved(
    bob: Client, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = many(people)
    save(bob, row, *range(45))
    save_some = saving._save_some

    def stop_second(*arguments: Any) -> Any:
        if ToolVersion.objects.exists():
            bob.post(f"{root(people)}{row.pk}/cancel/")
        return save_some(*arguments)

    monkeypatch.setattr(saving, "_save_some", stop_second)
    assert saving.save_all(str(row.pk)) == "cancelled"
    assert ToolVersion.objects.count() == 10
    page = bob.get(f"{root(people)}{row.pk}/").content.decode()
    assert "Saved before that: 10 new tools" in page


def test_a_program_is_started_by_an_admin_alone(
    bob: Client, people: People, settings: Settings
) -> None:
    settings.MCP_COMMANDS = ["server --stdio"]
    assert begin(bob, people, kind="stdio", command="server --stdio").status_code == 403
    alice = client_of(people.alice)
    assert "server --stdio" in alice.get(root(people)).content.decode()
    assert "server --stdio" not in bob.get(root(people)).content.decode()
    assert begin(alice, people, kind="stdio", command="server --stdio").status_code == 302
    settings.MCP_COMMANDS = []
    assert "MCP_COMMANDS" in alice.get(root(people)).content.decode()
    assert reading.prepare(str(ToolImport.objects.get().pk)) == "failed"


def test_hostile_texts_are_only_texts(bob: Client, people: People) -> None:
    evil = "<script>alert(1)</script>"
    row = review(bob, people, [{**WEATHER, "name": evil, "cache_control<b>": 1}])
    page = bob.get(f"{root(people)}{row.pk}/").content.decode()
    part = bob.get(f"{root(people)}{row.pk}/items/0/").content.decode()
    assert "<script>alert" not in page + part and "<b>" not in part
    assert "&lt;script&gt;" in page


def test_the_definition_of_an_item_is_read_when_it_is_opened(bob: Client, people: People) -> None:
    row = make_import(people.project, [WEATHER, {"type": "web_search"}])
    assert "get_weather" in bob.get(f"{root(people)}{row.pk}/items/0/").content.decode()
    for item in (1, 2):
        assert bob.get(f"{root(people)}{row.pk}/items/{item}/").status_code == 404


def test_imports_that_nobody_saved_are_dropped(people: People) -> None:
    old, new = make_import(people.project), make_import(people.project)
    ToolImport.objects.filter(pk=old.pk).update(created_at=timezone.now() - KEPT * 1.01)
    assert drop_expired() == 1
    assert list(ToolImport.objects.all()) == [new]


def test_a_viewer_sees_no_way_to_import(people: People) -> None:
    rita = client_of(people.rita)
    assert rita.get(root(people)).status_code == 403
