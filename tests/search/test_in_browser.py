"""The lists in a real browser, under the real policy: keys, suggestions, drawer, what is newer."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from console.accounts.models import Member
from conversations.models import Conversation
from tests import factories
from tests.pages.desk import open_desk

pytestmark = pytest.mark.browser


@pytest.fixture
def bob(daphne_server: str) -> Member:
    member = factories.make_member(factories.make_project("Weather desk", "weather"), "engineer")
    for name in ("get_rain", "get_sun", "get_wind"):
        make(member, name)
    return member


def make(member: Member, name: str) -> Conversation:
    conversation = factories.make_conversation(member.project, title=f"About {name}")
    verdict = "rejected" if name == "get_rain" else "accepted"
    factories.make_call(factories.make_turn(conversation), name=name, verdict=verdict)
    return conversation


@pytest.fixture
def desk(daphne_server: str, bob: Member, context: BrowserContext) -> Iterator[Page]:
    context.set_default_timeout(15_000)
    with open_desk(context, daphne_server, bob) as page:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"{daphne_server}/p/weather/calls/")
        yield page


def test_a_filter_is_written_with_suggestions_and_taken_away(desk: Page) -> None:
    desk.keyboard.press("/")
    field = desk.get_by_role("combobox")
    expect(field).to_be_focused()
    field.press_sequentially("verd")
    expect(desk.get_by_role("option")).to_have_count(1)
    field.press("ArrowDown")
    field.press("Enter")
    expect(desk.get_by_role("option")).to_contain_text(["rejected", "flagged", "accepted"])
    field.press("ArrowDown")
    field.press("Enter")
    desk.wait_for_url(re.compile("verdict%3Arejected"))
    expect(desk.locator(".lst li")).to_have_count(1)
    expect(desk.locator("#facets")).to_contain_text("get_rain")
    desk.get_by_role("combobox").focus()
    desk.keyboard.press("Backspace")
    desk.wait_for_url(re.compile(r"/calls/$"))
    expect(desk.locator(".lst li")).to_have_count(3)


def test_rows_open_beside_the_list_by_keys(desk: Page) -> None:
    desk.keyboard.press("j")
    desk.keyboard.press("j")
    desk.keyboard.press("Enter")
    peek = desk.locator("#peek")
    expect(peek).to_contain_text("get_sun")
    assert "peek=" in desk.url
    peek.get_by_role("button", name="Next row").click()
    expect(peek).to_contain_text("get_rain")
    desk.reload()
    expect(peek).to_contain_text("get_rain")
    desk.locator("body").press("Escape")
    expect(peek).to_contain_text("Choose a row")
    assert "peek=" not in desk.url


def test_newer_rows_wait_and_move_nothing(desk: Page, bob: Member) -> None:
    first = desk.locator(".lst li").first
    before = first.get_attribute("data-id")
    make(bob, "get_snow")
    line = desk.get_by_role("link", name="1 newer")
    expect(line).to_be_visible(timeout=15_000)
    assert first.get_attribute("data-id") == before
    line.click()
    expect(desk.locator(".lst li")).to_have_count(4)
    expect(desk.locator(".lst li").first).to_contain_text("get_snow")


def test_it_fits_a_small_screen(desk: Page, daphne_server: str) -> None:
    desk.set_viewport_size({"width": 390, "height": 844})
    for kind in ("conversations", "turns", "calls"):
        desk.goto(f"{daphne_server}/p/weather/{kind}/?q=tool:get_*")
        expect(desk.locator(".lst li")).to_have_count(3)
        assert desk.evaluate("document.documentElement.scrollWidth <= innerWidth")
