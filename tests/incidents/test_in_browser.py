"""From a list of calls to an incident, its suspect and a note, with the keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.factories import client_of, make_people
from tests.incidents.world import make_night

pytestmark = pytest.mark.browser


@pytest.fixture
def tab(transactional_db: None, page: Page, daphne_server: str) -> Iterator[Page]:
    """A page of a responder's, in which nothing may be reported to the console."""
    people, said = make_people(), list[str]()
    make_night(people.project)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    session = client_of(people.rita).cookies["misfire_session"].value
    page.context.add_cookies([{"name": "misfire_session", "value": session, "url": daphne_server}])
    page.goto(f"{daphne_server}/p/{people.project.slug}/calls/?q=verdict:rejected")
    yield page
    assert said == []


def test_checked_calls_become_an_incident_with_its_suspect_and_a_note(tab: Page) -> None:
    for row in range(3):
        tab.locator(".lst li input").nth(row).check()
    tab.get_by_role("button", name="Open incident").click()
    expect(tab.get_by_text("3 calls chosen by hand")).to_be_visible()
    tab.get_by_role("button", name="Open incident").click()
    expect(tab).to_have_url(re.compile(r"/incidents/1/$"))
    expect(tab.locator(".sus li").first).to_contain_text("get_weather")
    tab.wait_for_load_state()
    tab.keyboard.press("n")
    tab.get_by_label("Note", exact=True).fill("Rolled back at 03:10")
    tab.get_by_role("button", name="Add note").click()
    expect(tab.locator(".ev")).to_contain_text("Rolled back at 03:10")
