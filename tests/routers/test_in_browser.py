"""A router in a real browser: written, judged on labelled turns, and its next version beside it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from console.lib import json
from tests.factories import client_of, make_people
from tests.routers.making import SPEC, record

pytestmark = pytest.mark.browser


def test_a_router_is_written_and_judged_on_labelled_turns(
    transactional_db: None, page: Page, daphne_server: str
) -> None:
    people = make_people()
    for text, needed in [
        ("weather in Oslo", "get_weather"),
        ("the invoice for the rain", "get_weather"),
        ("the invoice for the rain", "get_weather"),
        ("my invoice", "pay_invoice"),
    ]:
        record(people, text, expected=json.dump({"calls": [{"name": needed}]}))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    session = client_of(people.bob).cookies["misfire_session"].value
    page.context.add_cookies([{"name": "misfire_session", "value": session, "url": daphne_server}])
    page.goto(f"{daphne_server}/p/{people.project.slug}/tools/")
    page.get_by_role("link", name="Routers").click()
    page.get_by_role("link", name="New router").click()
    expect(page.locator(".cm-content")).to_be_visible()
    write = "(area, text) => area.editor.setValue(text)"
    page.locator("#document").evaluate(write, json.pretty(SPEC))
    page.get_by_placeholder("What the user says").fill("The weather today")
    expect(page.locator("#tried")).to_contain_text("1 of 2 tools")
    expect(page.locator("#tried")).to_contain_text("2 of 4")
    page.get_by_label("Name").fill("domains")
    page.get_by_role("button", name="Save version").click()

    page.get_by_label("What counts as needed").select_option("told")
    page.get_by_role("button", name="Judge").click()
    matrix = page.get_by_role("table", name="Needed group by the router")
    expect(matrix.get_by_role("row")).to_contain_text(["weather", "weather", "billing"])
    expect(matrix.get_by_role("row", name="weather").get_by_role("cell")).to_have_text(
        ["1 right", "2"]
    )
    expect(page.get_by_text("2 of 4 (50.0%").first).to_be_visible()
    missed = page.get_by_role("listitem").filter(has_text="the invoice for the rain")
    expect(missed).to_contain_text("2 turns")

    page.get_by_role("link", name="New version from v1").click()
    words = [{"words": ["weather", "rain"], "groups": ["weather"]}, *SPEC["keywords"][1:]]
    page.locator("#document").evaluate(write, json.pretty({**SPEC, "keywords": words}))
    expect(page.locator("#tried")).to_contain_text("4 of 4")
    page.get_by_role("button", name="Save version").click()
    page.get_by_label("Beside").select_option("1")
    page.get_by_role("button", name="Judge").click()
    expect(page.get_by_text("Where v2 offers other tools than v1")).to_be_visible()
    changed = page.get_by_role("listitem").filter(has_text="v2: weather, 2 tools")
    expect(changed).to_contain_text("a needed one missing")
    assert said == []
