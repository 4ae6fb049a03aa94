"""Model output is hostile: whatever it says is shown as text, in every place that shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from console.accounts.models import Member
from conversations.models import Conversation
from tests import factories
from tests.pages.desk import make_scripts, open_desk, recorded

pytestmark = pytest.mark.browser

ATTACK = (
    "<script>window.pwned = 1</script><img src=x onerror='window.pwned=2'>"
    "</textarea></script><svg onload=window.pwned=3>"
    '"><b id=injected>bold</b>{{ 7*7 }}{% now "Y" %}'
    "[click](javascript:window.pwned=4) <a href='javascript:window.pwned=5'>x</a>"
    " \x1b[31m\x1b]0;title\x07 \u202egnp.exe\u202c \u2066x\u2069 a\x00b \u200b \U000e0041"
)
LONG = "A" * 1_000_000
NAME = "<img src=x onerror=window.pwned=6>\u202e"
ARGUMENTS = json.dumps({ATTACK: ATTACK, "long": "B" * 50_000, "\u202ekey": [1]}, ensure_ascii=False)
SCRIPTS: dict[str, Any] = {
    "hostile": [
        recorded(
            {
                "text": ATTACK + "\n",
                "calls": [{"name": NAME, "arguments": ARGUMENTS, "id": ATTACK}],
                "fragment": 20_000,
            }
        ),
        recorded({"text": ATTACK}),
    ],
    "long": {"text": LONG, "fragment": 100_000},
    "vast": [
        {
            "calls": [{"name": "get_weather", "arguments": json.dumps({"x": LONG})}],
            "fragment": 100_000,
        },
        {"text": "End."},
    ],
    "refused": recorded({"error": {"status": 400, "message": ATTACK}}),
}
# What our own pages build around such text, and nothing that the text itself could name.
OURS = {"SPAN", "BUTTON", "DETAILS", "SUMMARY", "CODE", "BR", "B", "BDI", "P", "A", "svg", "use"}


@pytest.fixture
def bob(daphne_server: str) -> Member:
    member = factories.make_member(factories.make_project("Weather desk", "weather"), "engineer")
    factories.make_tool_version(member.project)
    make_scripts(member.project, **SCRIPTS)
    return member


@pytest.fixture
def desk(daphne_server: str, bob: Member, context: BrowserContext) -> Iterator[Page]:
    with open_desk(context, daphne_server, bob) as page:
        page.goto(f"{daphne_server}/p/weather/playground/")
        yield page


def run(desk: Page, model: str, text: str = "Hello") -> Any:
    desk.get_by_label("Content of message 1").fill(text)
    desk.locator("[data-set=model]").fill(model)
    desk.locator("#pg-run").click()
    desk.wait_for_url(re.compile("/playground/runs/"))
    return desk.locator("[data-column=A]")


def assert_harmless(desk: Page) -> None:
    """No script ran, no element of the attack exists, no raw control stands in what is shown."""
    found = desk.evaluate(
        """() => ({
          pwned: window.pwned ?? null,
          injected: document.querySelectorAll(
            "#injected, img:not(.cm-widgetBuffer), svg[onload], a[href^=javascript]").length,
          inline: [...document.scripts].filter(
            (one) => !one.src && one.type !== "application/json").length,
          tags: [...new Set([...document.querySelectorAll(".wire *")].map((one) => one.tagName))],
          handlers: [...document.querySelectorAll("*")].filter((one) =>
            [...one.attributes].some((attribute) => attribute.name.startsWith("on"))).length,
          shown: [...document.querySelectorAll(".wire")].map((one) => one.textContent).join(""),
        })"""
    )
    assert found["pwned"] is None
    assert (found["injected"], found["inline"], found["handlers"]) == (0, 0, 0)
    assert set(found["tags"]) <= OURS
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e\u2066-\u2069]", found["shown"])


def test_every_place_shows_hostile_text_as_text(desk: Page, bob: Member) -> None:
    column = run(desk, "hostile", "Say something awful")
    expect(column.get_by_text("window.pwned = 1").first).to_be_visible()
    expect(column.locator(".cc").first).to_be_visible()
    column.locator(".evs summary").click()
    assert_harmless(desk)
    column.get_by_role("button", name="Raw").click()
    assert_harmless(desk)
    column.get_by_label("Answer for").fill(ATTACK.replace("\x00", ""))
    column.get_by_role("button", name="Answer and continue").click()
    expect(column.get_by_text("Finished", exact=True)).to_be_visible()
    assert_harmless(desk)

    conversation = Conversation.objects.get()
    conversation.title, conversation.user = ATTACK, "<b>u</b>"
    conversation.save()
    base = re.sub("/playground/.*", "", desk.url)
    page = f"{base}/conversations/{conversation.pk}/"
    for path in (page, f"{page}turns/2/", f"{base}/playground/runs/", f"{base}/playground/"):
        desk.goto(path)
        assert_harmless(desk)
    for view in ("messages", "timeline", "request", "response", "stream"):
        desk.goto(f"{page}turns/1/?view={view}")
        assert_harmless(desk)
        if view == "timeline":
            for key in ("Home", "ArrowRight", "End"):
                desk.get_by_label("Scrub through the stream").press(key)
                assert_harmless(desk)
    desk.set_viewport_size({"width": 1400, "height": 900})
    desk.goto(f"{base}/conversations/")
    desk.locator("[data-peek]").first.click()
    expect(desk.locator("#peek .talk")).to_be_visible()
    assert_harmless(desk)
    desk.goto(f"{base}/playground/?fork={conversation.pk}&turn=2&message=3")
    expect(desk.locator("#pg-messages > li")).to_have_count(3)
    assert_harmless(desk)


def test_an_error_of_the_provider_is_shown_as_text(desk: Page) -> None:
    column = run(desk, "refused")
    expect(column.locator(".failure")).to_contain_text("window.pwned")
    assert_harmless(desk)


def test_a_line_of_a_million_letters_is_folded_until_it_is_asked_for(desk: Page) -> None:
    column = run(desk, "long")
    expect(column.get_by_text("Finished", exact=True)).to_be_visible(timeout=30_000)
    more = column.get_by_role("button", name="Show all 1,000,000 characters")
    assert len(column.locator(".reply").inner_text()) <= 4096
    more.click()
    assert column.locator(".reply").text_content() == LONG


def test_a_million_letters_of_arguments_are_folded_live_and_stored(desk: Page) -> None:
    column = run(desk, "vast")
    expect(column.locator(".answer")).to_be_visible(timeout=30_000)
    assert len(column.locator(".call .code").first.inner_text()) < 6000
    column.get_by_role("button", name="Empty").click()
    column.get_by_role("button", name="Answer and continue").click()
    expect(column.get_by_text("End.")).to_be_visible()
    conversation = Conversation.objects.get()
    desk.goto(re.sub("/playground/.*", f"/conversations/{conversation.pk}/turns/1/", desk.url))
    expect(desk.locator(".call .rest")).to_have_count(1)
    assert len(desk.locator(".call .raw").inner_text()) < 6000
    assert desk.evaluate("document.documentElement.scrollWidth") <= 1280
