"""The frame in a real browser, under its real policy: keys, palette, colours, small screens."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from console.accounts.models import Member
from tests import factories

pytestmark = pytest.mark.browser


@pytest.fixture
def bob(daphne_server: str) -> Member:
    member = factories.make_member(factories.make_project("Weather desk", "weather"), "engineer")
    factories.make_tool_version(member.project, created_by=member.user)
    for title in ("First question", "Second question"):
        factories.make_conversation(member.project, title=title)
    return member


@pytest.fixture
def desk(daphne_server: str, bob: Member, context: BrowserContext) -> Iterator[Page]:
    """Bob's overview; the test fails if the page logs an error, as for a policy violation."""
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=daphne_server)
    session = factories.client_of(bob).cookies["misfire_session"].value
    context.add_cookies([{"name": "misfire_session", "value": session, "url": daphne_server}])
    page = context.new_page()
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{daphne_server}/")
    yield page
    assert problems == []


def test_it_opens_a_tool_from_the_palette(desk: Page) -> None:
    desk.keyboard.press("Control+k")
    field = desk.get_by_role("combobox")
    expect(field).to_be_focused()
    field.fill("gw")
    expect(desk.get_by_role("option").first).to_contain_text("get_weather")
    field.press("Enter")
    desk.wait_for_url(re.compile("/p/weather/tools/"))


def test_the_palette_says_when_nothing_matches_and_closes_by_escape(desk: Page) -> None:
    desk.get_by_role("button", name="Search and commands").click()
    desk.get_by_role("combobox").fill("zzzz")
    expect(desk.get_by_text("Nothing is named like “zzzz”.")).to_be_visible()
    desk.keyboard.press("Escape")
    expect(desk.locator("#palette")).to_be_hidden()


def test_j_k_and_enter_move_over_rows_and_open_one(desk: Page) -> None:
    for key in ("j", "j", "k"):
        desk.keyboard.press(key)
    row = desk.locator("[data-row][data-at]")
    expect(row).to_contain_text("question")
    target = row.locator("a").get_attribute("href")
    desk.keyboard.press("Enter")
    desk.wait_for_url(f"**{target}")


def test_question_mark_lists_the_keys_and_g_goes_to_a_page(desk: Page) -> None:
    desk.keyboard.press("?")
    expect(desk.get_by_role("dialog", name="Keys")).to_be_visible()
    desk.keyboard.press("Escape")
    desk.keyboard.press("g")
    desk.keyboard.press("d")
    desk.wait_for_url(re.compile("/docs/$"))


def test_keys_are_text_while_typing(desk: Page, daphne_server: str) -> None:
    desk.goto(f"{daphne_server}/docs/")
    desk.keyboard.press("/")
    field = desk.get_by_role("searchbox")
    expect(field).to_be_focused()
    desk.keyboard.type("?jkgd/")
    expect(field).to_have_value("?jkgd/")
    expect(desk.get_by_role("dialog")).to_be_hidden()


def test_colours_follow_the_system_until_they_are_chosen(desk: Page) -> None:
    root = desk.locator("html")
    desk.emulate_media(color_scheme="dark")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    desk.locator("summary[aria-label=Colours]").click()
    desk.get_by_role("button", name="Light").click()
    expect(root).to_have_attribute("data-bs-theme", "light")
    desk.reload()
    expect(root).to_have_attribute("data-bs-theme", "light")
    expect(desk.locator("body")).to_have_css("background-color", "rgb(246, 247, 249)")


def test_a_command_is_copied(desk: Page) -> None:
    desk.get_by_role("button", name="Copy message").click()
    copied = desk.evaluate("navigator.clipboard.readText()")
    assert copied == "What is the weather in Oslo right now?"


def test_a_toast_shows_text_as_text(desk: Page) -> None:
    desk.evaluate("Misfire.toast({title: '<img src=x onerror=alert(1)>', kind: 'error'})")
    toast = desk.get_by_role("alert")
    expect(toast).to_contain_text("<img src=x onerror=alert(1)>")
    toast.get_by_role("button", name="Dismiss").click()
    expect(toast).to_be_hidden()


def test_the_sidebar_slides_in_on_a_small_screen(desk: Page) -> None:
    desk.set_viewport_size({"width": 390, "height": 844})
    link = desk.get_by_role("link", name="Conversations", exact=True)
    expect(link).to_be_hidden()
    desk.get_by_role("button", name="Open menu").click()
    expect(link).to_be_visible()
    desk.keyboard.press("Escape")
    expect(link).to_be_hidden()
    expect(desk.get_by_role("button", name="Open menu")).to_be_focused()


def test_nothing_is_wider_than_a_small_screen(desk: Page, daphne_server: str) -> None:
    desk.set_viewport_size({"width": 390, "height": 844})
    for path in ("/", "/docs/", "/docs/getting-started/", "/docs/keys/", "/docs/?q=key"):
        desk.goto(daphne_server + path)
        assert desk.evaluate("document.documentElement.scrollWidth") == 390, path


def test_the_json_editor_has_its_style_and_keeps_the_field_equal(desk: Page) -> None:
    desk.goto(f"{desk.url}tools/get_weather/edit/")
    content = desk.locator(".cm-content")
    expect(content).to_have_css("white-space-collapse", "break-spaces")
    content.click()
    desk.keyboard.press("Control+a")
    desk.keyboard.type("nul")
    assert desk.locator("textarea.editor-src").input_value() == "nul"
    expect(desk.locator(".cm-lintRange-error").first).to_be_visible()


def test_signing_out_ends_in_the_sign_in_page(desk: Page) -> None:
    desk.locator("summary[aria-label^='Account of']").click()
    desk.get_by_role("button", name="Sign out").click()
    desk.wait_for_url(re.compile("/sign-in/"))
