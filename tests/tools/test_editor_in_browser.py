"""The editor of a definition in a real browser: form and JSON are one, errors at their line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.factories import WEATHER, People, client_of, make_people, make_tool_version
from tools_registry.models import ToolVersion

pytestmark = pytest.mark.browser

ODD = {
    "name": "odd",
    "parameters": {
        "type": "object",
        "properties": {
            "n": {"type": "number", "maximum": 1.0, "x-big": 123456789012345678901234567890},
            "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "minProperties": 1,
    },
    "output_schema": {"type": "string"},
}


@pytest.fixture
def people(transactional_db: None) -> People:
    return make_people()


@pytest.fixture
def tab(people: People, page: Page, daphne_server: str) -> Iterator[Page]:
    """A page of Bob's, in which nothing may be reported to the console."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    session = client_of(people.bob).cookies["misfire_session"].value
    page.context.add_cookies([{"name": "misfire_session", "value": session, "url": daphne_server}])
    yield page
    assert said == []


def open_editor(tab: Page, people: People, server: str, path: str = "-/new/") -> None:
    tab.goto(f"{server}/p/{people.project.slug}/tools/{path}")
    expect(tab.get_by_role("region", name="Form")).to_be_visible()


def written(tab: Page) -> Any:
    return json.loads(tab.locator("#definition").evaluate("area => area.value"))


def write(tab: Page, text: str) -> None:
    tab.locator("#definition").evaluate("(area, text) => area.editor.setValue(text)", text)


def test_a_tool_is_made_with_the_form_alone(tab: Page, people: People, daphne_server: str) -> None:
    open_editor(tab, people, daphne_server)
    form = tab.locator("#form")
    form.get_by_label("Name", exact=True).fill("book_table")
    form.get_by_label("Description: what it does").fill("Books a table.\nNot for takeaway.")
    form.get_by_role("button", name="Add a parameter").click()
    tab.keyboard.type("guests")
    form.get_by_label("Type of guests").select_option("integer")
    form.get_by_label("required").check()
    form.get_by_role("button", name="Add a parameter", exact=True).click()
    tab.keyboard.type("area")
    form.get_by_label("Description of area").fill("Where to sit")
    form.get_by_label("Values and default of area").click()
    form.get_by_label("Allowed values").fill("inside\noutside")
    form.get_by_label("Default", exact=True).fill("inside")
    expect(tab.locator("#state")).to_have_text("valid JSON Schema")
    assert written(tab) == {
        "name": "book_table",
        "description": "Books a table.\nNot for takeaway.",
        "parameters": {
            "type": "object",
            "properties": {
                "guests": {"type": "integer"},
                "area": {
                    "type": "string",
                    "description": "Where to sit",
                    "enum": ["inside", "outside"],
                    "default": "inside",
                },
            },
            "required": ["guests"],
            "additionalProperties": False,
        },
    }
    tab.keyboard.press("Control+Enter")
    expect(tab.get_by_role("heading", name="book_table")).to_be_visible()
    tab.get_by_role("button", name="Publish v1").click()
    expect(tab.get_by_text("Published as v1.")).to_be_visible()


def test_the_form_follows_the_json_and_nests(tab: Page, people: People, daphne_server: str) -> None:
    open_editor(tab, people, daphne_server)
    place = {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]}
    write(tab, json.dumps({"name": "at", "parameters": {"type": "object", "properties": {
        "place": place, "tags": {"type": "array", "items": place}}}}))  # fmt: skip
    form = tab.locator("#form")
    expect(form.get_by_label("Name", exact=True).first).to_have_value("at")
    expect(form.get_by_label("Type of lat")).to_have_count(2)
    form.get_by_role("button", name="Add a parameter inside").click()
    tab.keyboard.type("lon")
    properties = written(tab)["parameters"]["properties"]
    assert properties["place"]["properties"] == {
        "lat": {"type": "number"},
        "lon": {"type": "string"},
    }
    form.get_by_role("button", name="Remove lat").first.click()
    form.get_by_label("Type of the items").select_option("string")
    properties = written(tab)["parameters"]["properties"]
    assert properties["place"]["required"] == []
    assert properties["tags"] == {"type": "array", "items": {"type": "string"}}


def test_what_the_form_does_not_show_stays_as_it_is_written(
    tab: Page, people: People, daphne_server: str
) -> None:
    open_editor(tab, people, daphne_server)
    write(tab, json.dumps(ODD))
    form = tab.locator("#form")
    expect(form.get_by_text("Edited in JSON: maximum, x-big")).to_be_visible()
    expect(form.get_by_text("Edited in JSON: anyOf")).to_be_visible()
    expect(form.get_by_text("Edited in JSON: minProperties")).to_be_visible()
    expect(form.get_by_text("Edited in JSON: output_schema")).to_be_visible()
    form.get_by_label("Description of either").fill("Said in the form")
    text = tab.locator("#definition").evaluate("area => area.value")
    assert '"maximum": 1.0' in text
    assert "123456789012345678901234567890" in text
    expected = json.loads(json.dumps(ODD))
    expected["parameters"]["properties"]["either"]["description"] = "Said in the form"
    assert json.loads(text) == expected


def test_a_name_that_is_taken_or_empty_is_told_and_not_written(
    tab: Page, people: People, daphne_server: str
) -> None:
    make_tool_version(people.project)
    open_editor(tab, people, daphne_server, "get_weather/edit/")
    before = written(tab)
    name = tab.locator("#form .prow input[aria-label=Name]").first
    name.fill("unit")
    expect(tab.get_by_text("unit is declared already.")).to_be_visible()
    name.fill("")
    expect(tab.get_by_text("A parameter needs a name.")).to_be_visible()
    assert written(tab) == before
    name.fill("town")
    assert written(tab)["parameters"]["required"] == ["town"]


def test_problems_stand_at_their_line_in_the_list_and_in_the_row(
    tab: Page, people: People, daphne_server: str
) -> None:
    open_editor(tab, people, daphne_server)
    write(
        tab,
        '{"name": "a", "parameters": {"type": "object",\n"properties": {\n'
        '"x": {"type": "strin"}}}}',
    )
    expect(tab.locator("#problems")).to_contain_text("Line 3, column 7")
    expect(tab.locator("#state")).to_have_text("1 problem")
    # The schema's, and that of the lint: there is no description.
    expect(tab.locator(".cm-lint-marker-error")).to_have_count(2)
    expect(tab.locator(".prow .err[data-problem]")).to_contain_text("Did you mean")
    write(tab, '{"name": ')
    expect(tab.locator("#problems")).to_contain_text("This is not JSON")
    expect(tab.get_by_text("The JSON is broken; the form waits")).to_be_visible()
    write(tab, '{"name": "a"}')
    expect(tab.locator("#problems")).to_be_hidden()


def test_a_pasted_dialect_is_converted(tab: Page, people: People, daphne_server: str) -> None:
    open_editor(tab, people, daphne_server)
    pasted = {"type": "function", "function": WEATHER}
    tab.locator(".cm-content").click()
    tab.keyboard.press("Control+a")
    tab.evaluate(
        """text => {
            const data = new DataTransfer();
            data.setData("text/plain", text);
            const how = { clipboardData: data, bubbles: true, cancelable: true };
            const event = new ClipboardEvent("paste", how);
            document.querySelector(".cm-content").dispatchEvent(event);
        }""",
        json.dumps(pasted),
    )
    expect(tab.get_by_text("Read from another form")).to_be_visible()
    assert written(tab) == WEATHER
    expect(tab.locator("#form").get_by_label("Type of city")).to_be_visible()


def test_publishing_from_an_older_version_keeps_both(
    tab: Page, people: People, daphne_server: str
) -> None:
    make_tool_version(people.project)
    open_editor(tab, people, daphne_server, "get_weather/edit/")
    make_tool_version(people.project, WEATHER | {"description": "Meanwhile."})
    tab.locator("#form").get_by_label("Description: what it does").fill("Mine.")
    tab.get_by_role("button", name="Review and publish").click()
    expect(tab.get_by_text("started from v1; v2 came since")).to_be_visible()
    tab.get_by_role("button", name="Publish v3").click()
    expect(tab.get_by_text("Published as v3.")).to_be_visible()
    described = [v.spec.description for v in ToolVersion.objects.order_by("number")]
    assert described == [WEATHER["description"], "Meanwhile.", "Mine."]
