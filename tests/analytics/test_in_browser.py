"""A chart in a browser: drawn under the strict policy, a click leads to the calls, PNG, live."""

from __future__ import annotations

import re
import struct
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Page, expect

from analytics.spans import HOUR, floor
from tests.analytics.making import catch_up, make_turn, rejected
from tests.costs.world import add_turn
from tests.factories import People, client_of, make_conversation, make_people

pytestmark = pytest.mark.browser


@pytest.fixture
def people(transactional_db: None) -> People:
    return make_people()


@pytest.fixture
def tab(people: People, page: Page, daphne_server: str) -> Iterator[Page]:
    """A page of Vera's, in which nothing may be reported to the console."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    session = client_of(people.vera).cookies["misfire_session"].value
    page.context.add_cookies([{"name": "misfire_session", "value": session, "url": daphne_server}])
    yield page
    assert said == []


def store(people: People, hours: float, calls: int = 2) -> None:
    def work() -> None:
        now = timezone.now()
        at = floor(now, HOUR) - timedelta(hours=hours)
        make_turn(people.project, at, [rejected() for _ in range(calls)])
        catch_up(now)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_a_click_on_a_bar_leads_to_its_calls(tab: Page, people: People, daphne_server: str) -> None:
    store(people, 12)
    tab.goto(f"{daphne_server}/p/{people.project.slug}/analytics/misfires/?range=24h")
    chart = tab.locator("#misfires canvas").first
    expect(chart).to_be_visible()
    with tab.expect_download() as download:
        tab.get_by_label("Link and files").click()
        tab.get_by_role("button", name="PNG").click()
    assert download.value.suggested_filename == "misfires.png"
    drawing = chart.bounding_box()
    assert drawing is not None
    (height,) = struct.unpack(">I", download.value.path().read_bytes()[20:24])
    assert height >= 2 * (drawing["height"] + 48), "its title and its legend stand above"
    tab.keyboard.press("Escape")

    tab.keyboard.press("/")
    tab.keyboard.type("to")
    expect(tab.locator("#suggestions li")).to_have_count(1)
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    expect(tab.locator("[data-filter]")).to_have_value("tool:")
    tab.locator("[data-filter]").fill("")
    tab.locator("[data-filter]").blur()

    store(people, 3)
    tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(tab.locator("#an-sub")).to_contain_text("4 misfires")

    box = chart.bounding_box()
    assert box is not None
    share = 11.5 / 24  # the twelfth hour before the present one
    tab.mouse.click(box["x"] + 40 + (box["width"] - 56) * share, box["y"] + box["height"] * 0.7)
    expect(tab).to_have_url(re.compile(r"/calls/\?q=finding%3Awrong_type%20time"))
    expect(tab.locator("#count")).to_have_text("2 calls")


def test_a_click_above_a_low_bar_leads_to_its_calls(
    tab: Page, people: People, daphne_server: str
) -> None:
    def work() -> None:
        now = timezone.now()
        for number in range(30):
            talk = make_conversation(people.project, source="api")
            for step in range(1 if number else 2):
                at = now - timedelta(hours=5, seconds=-step)
                add_turn(talk, at, [{"name": "get_weather"}])
        catch_up(now)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    tab.goto(f"{daphne_server}/p/{people.project.slug}/analytics/conduct/?range=24h")
    chart = tab.locator("#spread canvas").first
    expect(chart).to_be_visible()
    box = chart.bounding_box()
    assert box is not None
    for share, told in ((1.5 / 5, "nth%3A2%20time"), (0.5 / 5, "nth%3A1%20time")):
        tab.mouse.click(box["x"] + 40 + (box["width"] - 56) * share, box["y"] + box["height"] * 0.3)
        expect(tab).to_have_url(re.compile(rf"/calls/\?q={told}"))
        expect(tab.locator("#count")).to_have_text("1 call" if "2%20" in told else "30 calls")
        tab.go_back()
        expect(chart).to_be_visible()


def test_a_list_that_was_empty_fills_while_the_overview_is_open(
    tab: Page, people: People, daphne_server: str
) -> None:
    store(people, 3)
    tab.goto(f"{daphne_server}/p/{people.project.slug}/")
    looks = tab.locator("section", has=tab.get_by_role("heading", name="Tools that need a look"))
    expect(looks).to_contain_text("Tools with 20 calls or more")
    store(people, 2, calls=20)
    tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(looks.locator("tbody tr")).to_have_count(1)


def test_the_first_turn_brings_figures_to_an_open_overview(
    tab: Page, people: People, daphne_server: str
) -> None:
    tab.goto(f"{daphne_server}/p/{people.project.slug}/")
    expect(tab.locator("#o-stats")).to_have_count(0)
    store(people, 0)
    expect(tab.locator("#o-stats")).to_contain_text("2 of 2 calls")
