"""From a slip to a published version in a real browser: lint, fix, drafts, review, timeline."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from console.lib import json
from tests.factories import WEATHER, People, client_of, make_people, make_tool_version
from tools_registry.models import LintWord, ToolDraft, ToolVersion

pytestmark = pytest.mark.browser
SLIP = json.pretty(json.load(json.dump(WEATHER).replace('"unit"', '"unitt"')))


@pytest.fixture
def people(transactional_db: None) -> People:
    return make_people()


@pytest.fixture
def tab(people: People, page: Page, daphne_server: str) -> Iterator[Page]:
    """A page of Bob's, in which no script may fail."""
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    session = client_of(people.bob).cookies["misfire_session"].value
    page.context.add_cookies([{"name": "misfire_session", "value": session, "url": daphne_server}])
    yield page
    assert said == []


def write(tab: Page, text: str) -> None:
    tab.locator("#definition").evaluate("(area, text) => area.editor.setValue(text)", text)


def test_a_slip_is_found_mended_reviewed_and_published(
    tab: Page, people: People, daphne_server: str
) -> None:
    make_tool_version(people.project)
    tools = f"{daphne_server}/p/{people.project.slug}/tools/"
    tab.goto(f"{tools}get_weather/edit/")
    write(tab, SLIP)
    lint = tab.get_by_role("region", name="Lint")
    expect(lint.get_by_text("close to “unit”")).to_be_visible()
    expect(tab.get_by_text("Kept as draft")).to_be_visible()
    draft = ToolDraft.objects.get()
    expect(tab).to_have_url(f"{tools}-/drafts/{draft.pk}/")

    tab.reload()
    tab.get_by_role("button", name="Review and publish").click()
    expect(tab.get_by_text("1 lint error")).to_be_visible()
    expect(tab.get_by_text("parameter_renamed")).to_be_visible()
    tab.get_by_role("link", name="Go on editing").click()

    lint.get_by_role("button", name="Apply fix: Rename to unit").click()
    expect(lint.get_by_text("close to “unit”")).to_be_hidden()
    write(tab, tab.locator("#definition").input_value().replace("city now", "city now, in short"))
    tab.get_by_label("Note").fill("shorter")
    expect(tab.locator("#state")).to_have_text("valid JSON Schema")
    tab.get_by_role("button", name="Review and publish").click()
    expect(tab.get_by_text("1 wording change.")).to_be_visible()
    tab.get_by_role("button", name="Publish v2").click()
    expect(tab.get_by_text("Published as v2.")).to_be_visible()
    assert ToolVersion.objects.get(number=2).note == "shorter"

    tab.get_by_role("link", name="Versions", exact=True).click()
    timeline = tab.get_by_role("region", name="Timeline")
    expect(timeline.get_by_text("no turn offered it in the last 24 hours")).to_be_visible()
    timeline.get_by_role("link", name="30 days").click()
    expect(timeline.get_by_text("Turns a day, 30 days")).to_be_visible()


def test_a_word_is_made_right_in_the_editor(tab: Page, people: People, daphne_server: str) -> None:
    make_tool_version(people.project)
    tab.goto(f"{daphne_server}/p/{people.project.slug}/tools/get_weather/edit/")
    write(tab, SLIP)
    lint = tab.get_by_role("region", name="Lint")
    lint.get_by_role("button", name="“unitt” is right").click()
    expect(lint.get_by_text("close to “unit”")).to_be_hidden()
    assert LintWord.objects.get().word == "unitt"


def test_who_writes_later_into_a_draft_keeps_their_own(
    tab: Page, people: People, daphne_server: str
) -> None:
    make_tool_version(people.project)
    tab.goto(f"{daphne_server}/p/{people.project.slug}/tools/get_weather/edit/")
    write(tab, json.pretty(WEATHER | {"description": "Bob's first words."}))
    expect(tab.get_by_text("Kept as draft")).to_be_visible()
    draft = ToolDraft.objects.get()
    assert draft.write("{}", "", revision=draft.revision, user=people.alice.user)
    write(tab, json.pretty(WEATHER | {"description": "Bob's later words."}))
    expect(tab.get_by_text("Alice changed draft")).to_be_visible()
    tab.get_by_role("button", name="Keep mine as a draft of its own").click()
    mine = ToolDraft.objects.latest("pk")
    expect(tab.get_by_text(f"Yours is kept as draft {mine.pk}.")).to_be_visible()
    draft.refresh_from_db()
    assert (draft.text, "later words" in mine.text) == ("{}", True)
