"""The editor's lint and drafts in a real browser: a word made right, and two writers of a draft."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from console.lib import json
from tests.factories import WEATHER, People, client_of, make_people, make_tool_version
from tools_registry.models import LintWord, ToolDraft

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
