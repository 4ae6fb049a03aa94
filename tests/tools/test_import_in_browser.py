"""An import in a real browser: read, its notes seen, published, and the tools listed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.factories import WEATHER, People, client_of, make_people
from tools_registry.models import ToolVersion

pytestmark = pytest.mark.browser
GEMINI = {
    "functionDeclarations": [
        {
            "name": "get_forecast",
            "description": "Get the forecast of a city.",
            "parameters": {
                "type": "OBJECT",
                "properties": {"city": {"type": "STRING", "description": "Name of the city"}},
            },
        }
    ]
}
BROKEN = {"name": "broken", "input_schema": {"type": "objekt"}}


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


def test_an_import_is_reviewed_saved_listed_and_exported(
    tab: Page, people: People, daphne_server: str
) -> None:
    tab.goto(f"{daphne_server}/p/{people.project.slug}/tools/")
    tab.get_by_role("link", name="Import", exact=True).click()
    tab.get_by_label("Or paste").fill(json.dumps([WEATHER, GEMINI, BROKEN], indent=1))
    tab.get_by_role("button", name="Read", exact=True).click()

    items = tab.get_by_role("region", name="Items").get_by_role("listitem")
    forecast = items.filter(has_text="get_forecast")
    forecast.locator("summary").click()
    expect(forecast.get_by_text("The type is written in lower case")).to_be_visible()
    expect(forecast.get_by_text('"type": "string"')).to_be_visible()
    broken = items.filter(has_text="broken")
    expect(broken.get_by_text("Did you mean")).to_be_visible()
    expect(broken.get_by_label("Save broken")).to_be_disabled()

    publish = tab.get_by_role("button", name="Publish")
    expect(publish).to_contain_text("2")
    tab.get_by_label("2 of 2 ticked").uncheck()
    expect(publish).to_be_disabled()
    for name in ("get_weather", "get_forecast"):
        tab.get_by_label(f"Save {name}").check()
    publish.click()

    expect(tab.get_by_text("2 new tools")).to_be_visible()
    for name in ("get_weather", "get_forecast"):
        expect(tab.get_by_role("link", name=name, exact=True)).to_be_visible()
    assert ToolVersion.objects.filter(published_at__isnull=False).count() == 2

    tab.get_by_role("link", name="Export", exact=True).click()
    tab.get_by_role("link", name="Anthropic", exact=True).click()
    expect(tab.get_by_text("holds all of it")).to_be_visible()
    with tab.expect_download() as downloaded:
        tab.get_by_role("link", name="Download").click()
    exported = json.loads(downloaded.value.path().read_text())
    assert [tool["name"] for tool in exported] == ["get_forecast", "get_weather"]
