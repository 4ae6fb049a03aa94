"""The lint panel of the editor in a real browser: it follows the text, and mends it."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.factories import WEATHER, client_of, make_people, make_tool_version

pytestmark = pytest.mark.browser


def test_a_certain_fix_is_applied_and_the_problem_goes(
    transactional_db: None, page: Page, daphne_server: str
) -> None:
    people = make_people()
    make_tool_version(people.project)
    make_tool_version(people.project, json.loads(json.dumps(WEATHER).replace('"unit"', '"unitt"')))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    session = client_of(people.bob).cookies["misfire_session"].value
    page.context.add_cookies([{"name": "misfire_session", "value": session, "url": daphne_server}])
    page.goto(f"{daphne_server}/p/{people.project.slug}/tools/get_weather/edit/")
    panel = page.get_by_role("region", name="Lint")
    expect(panel.get_by_text("param_misspelled")).to_be_visible()
    panel.get_by_role("button", name="Apply fix: Rename to unit").click()
    expect(panel.get_by_text("param_misspelled")).to_have_count(0)
    expect(panel.get_by_text("param_undescribed").first).to_be_visible()
    text = page.locator("#definition").evaluate("area => area.value")
    assert json.loads(text) == WEATHER
    page.goto(f"{daphne_server}/p/{people.project.slug}/tools/get_weather/diff/")
    expect(page.get_by_text("parameter_renamed")).to_be_visible()
    assert said == []
