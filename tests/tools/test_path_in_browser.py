"""A misspelt definition's whole way in a real browser: imported, linted, mended in a draft,
compared, backtested on recorded calls, published, and on the timeline."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from conversations.backtest import engine
from conversations.backtest.records import Backtest
from tests.backtest.making import arguments, definition, make_calls
from tests.factories import People, client_of, make_people, make_tool_version
from tools_registry.models import ToolDraft, ToolVersion

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
FILE = json.dumps([definition("temprature"), GEMINI, BROKEN], indent=1)


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


def test_a_misspelt_definition_is_imported_linted_mended_backtested_and_published(
    tab: Page, people: People, daphne_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = make_tool_version(people.project, definition())
    make_calls(right, [arguments(n) for n in range(24)], ago=timedelta(hours=3))
    tools = f"{daphne_server}/p/{people.project.slug}/tools/"

    import_against_lint(tab, tools)
    wrong = ToolVersion.objects.get(tool=right.tool, number=2)
    make_calls(wrong, [arguments(n) for n in range(6)])

    mend_in_a_draft(tab, tools)
    compare_with_what_is_published(tab)
    monkeypatch.setattr(engine, "BATCH", 20)
    backtest_the_draft(tab)
    publish_and_see_it_on_the_timeline(tab)
    export(tab, tools)


def import_against_lint(tab: Page, tools: str) -> None:
    """All that can be is published, though lint reports the misspelling."""
    tab.goto(tools)
    tab.get_by_role("link", name="Import", exact=True).click()
    tab.get_by_label("File", exact=True).set_input_files(
        {"name": "tools.json", "mimeType": "application/json", "buffer": FILE.encode()}
    )
    tab.get_by_role("button", name="Read", exact=True).click()
    items = tab.get_by_role("region", name="Items").get_by_role("listitem")
    weather = items.filter(has_text="get_weather").first
    expect(weather.get_by_text("1 lint error")).to_be_visible()
    weather.locator("summary").click()
    expect(weather.get_by_text("param_misspelled")).to_be_visible()
    expect(weather.get_by_text("parameter_renamed")).to_be_visible()
    forecast = items.filter(has_text="get_forecast").first
    forecast.locator("summary").click()
    expect(forecast.get_by_text("The type is written in lower case")).to_be_visible()
    expect(forecast.get_by_text('"type": "string"')).to_be_visible()
    broken = items.filter(has_text="broken").first
    expect(broken.get_by_text("Did you mean")).to_be_visible()
    expect(broken.get_by_label("Save broken")).to_be_disabled()

    publish = tab.get_by_role("button", name="Publish")
    expect(publish).to_contain_text("2")
    tab.get_by_label("2 of 2 ticked").uncheck()
    expect(publish).to_be_disabled()
    for name in ("get_weather", "get_forecast"):
        tab.get_by_label(f"Save {name}").check()
    tab.get_by_label("Why publish although lint reports errors").fill("In a hurry")
    publish.click()
    expect(tab.get_by_text("1 new tool, 1 new version")).to_be_visible()


def mend_in_a_draft(tab: Page, tools: str) -> None:
    tab.get_by_role("link", name="get_weather", exact=True).click()
    expect(tab.get_by_text("although lint reported")).to_be_visible()
    lint = tab.get_by_role("region", name="Lint")
    lint.get_by_role("link", name="Rename to temperature in a new version").click()
    lint.get_by_role("button", name="Apply fix: Rename to temperature").click()
    expect(lint.get_by_text("param_misspelled")).to_have_count(0)
    expect(lint.get_by_text("param_undescribed").first).to_be_visible()
    area = tab.locator("#definition")
    said = area.input_value().replace("for a city", "for a city, in short")
    area.evaluate("(area, text) => area.editor.setValue(text)", said)
    tab.get_by_label("Note").fill("spelt right")
    expect(tab.get_by_text("Kept as draft")).to_be_visible()
    expect(tab).to_have_url(f"{tools}-/drafts/{ToolDraft.objects.get().pk}/")
    expect(tab.locator("#state")).to_have_text("valid JSON Schema")


def compare_with_what_is_published(tab: Page) -> None:
    tab.get_by_role("button", name="Review and publish").click()
    expect(tab.get_by_text("Against v2: 1 breaking, 1 wording changes.")).to_be_visible()
    rename = tab.get_by_role("listitem").filter(has_text="parameter_renamed")
    expect(rename).to_contain_text("Breaking")
    expect(rename).to_contain_text("temprature")
    expect(tab.get_by_text("No lint errors")).to_be_visible()


def backtest_the_draft(tab: Page) -> None:
    """It changes none of the old calls, and mends those of the misspelt version."""
    tab.get_by_role("link", name="Backtest this draft").click()
    tab.get_by_role("button", name="Start the backtest").click()
    expect(tab.get_by_text("counting them")).to_be_visible()
    judge(2)
    status = tab.get_by_role("status")
    expect(status).to_contain_text("20 of 30 calls")
    expect(tab.get_by_role("progressbar", name="Calls judged")).to_have_attribute("value", "20")
    judge(1)
    expect(status).to_contain_text("30 of 30 calls")
    expect(tab.get_by_text("finished")).to_be_visible()
    tab.get_by_role("link", name="missing_required").first.click()
    expect(tab.locator(".bt-chs > li")).to_have_count(6)
    row = tab.locator(".bt-chs > li").first
    row.get_by_text("Fixed").click()
    expect(row.get_by_text("temprature is required and was not sent")).to_be_visible()
    row.get_by_role("link", name="Town 5").click()
    expect(tab).to_have_url(re.compile(r"/turns/.*#call-5$"))
    expect(tab.locator("#call-5")).to_contain_text("Town 5")
    tab.go_back()


def judge(batches: int) -> None:
    """What a worker does with the one backtest that there is: so many batches."""

    def work() -> None:
        row = Backtest.objects.get()
        for _ in range(batches):
            engine.advance(row.pk)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def publish_and_see_it_on_the_timeline(tab: Page) -> None:
    tab.get_by_role("link", name="Back to draft").click()
    tab.get_by_role("button", name="Review and publish").click()
    tab.get_by_role("button", name="Publish v3").click()
    expect(tab.get_by_text("Published as v3.")).to_be_visible()
    assert ToolVersion.objects.get(number=3).note == "spelt right"
    tab.get_by_role("link", name="Versions", exact=True).click()
    timeline = tab.get_by_role("region", name="Timeline")
    expect(timeline.get_by_text("no turn offered it in the last 24 hours").first).to_be_visible()
    newest = timeline.get_by_role("row").filter(has_text="v3")
    expect(newest).to_contain_text("Published")
    expect(newest).to_contain_text("spelt right")
    timeline.get_by_role("link", name="30 days").click()
    expect(timeline.get_by_text("Turns a day, 30 days")).to_be_visible()


def export(tab: Page, tools: str) -> None:
    tab.goto(tools)
    tab.get_by_role("link", name="Export", exact=True).click()
    tab.get_by_role("link", name="Anthropic", exact=True).click()
    expect(tab.get_by_text("holds all of it")).to_be_visible()
    with tab.expect_download() as downloaded:
        tab.get_by_role("link", name="Download").click()
    exported = json.loads(downloaded.value.path().read_text())
    assert [tool["name"] for tool in exported] == ["get_forecast", "get_weather"]
    assert "temperature" in exported[1]["input_schema"]["properties"]
