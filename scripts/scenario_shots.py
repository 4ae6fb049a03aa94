"""Take the screenshots of the scenarios in the docs: ``docs/images/scenario-*.png``.

    .venv/bin/python -m scripts.screenshots

plays the demo into a console of its own with the local model, and walks through each scenario as
its page of the docs says. Each walk leaves the page that its picture shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Page

from scripts.png import shrink

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
PROJECT = "northwind-demo"
SIZE = (1280, 800)
ANSWER_MS = 900_000
"""The local model is asked some hundred questions."""


@dataclass
class Desk:
    """A page of the demo's project, in a browser of its own."""

    page: Page
    base: str

    def go(self, path: str, **query: str) -> None:
        """Open a page of the project, and wait until what it loads by itself is there."""
        address = f"{self.base}/p/{PROJECT}/{path}" + (f"?{urlencode(query)}" if query else "")
        response = self.page.goto(address)
        assert response is not None and response.ok, (address, response)
        self.page.wait_for_timeout(1200)

    def compare(self, days: int, query: str) -> None:
        """Misfires before and after the midnight so many days ago."""
        moment = (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT00:00")
        self.go("analytics/misfires/", range="30d", q=query, around=moment, days="14")

    def press(self, name: str) -> None:
        """Press the button or follow the link of the page whose name begins with these words."""
        page, words = self.page.locator("main"), re.compile(rf"^\s*{re.escape(name)}\b")
        named = page.get_by_role("button", name=words).or_(page.get_by_role("link", name=words))
        named.first.click()
        self.page.wait_for_timeout(900)

    def open_call(self, query: str) -> None:
        """Filter the calls, and open the first beside the list."""
        self.go("calls/", q=query)
        self.page.locator("main a[href*='/turns/0'], main a[href*='/turns/1/']").first.click()
        self.page.wait_for_load_state()
        self.page.wait_for_timeout(900)

    def open_turn(self, query: str) -> None:
        """Filter the turns, and go to the page of the first."""
        self.go("turns/", q=query)
        link = self.page.locator("main a[href*='/turns/0'], main a[href*='/turns/1/']").first
        self.page.goto(str(link.evaluate("link => link.href")))
        self.page.wait_for_timeout(900)

    def show(self, text: str, above: int = 90) -> None:
        """Scroll until this text stands near the top."""
        found = self.page.get_by_text(text).first
        found.evaluate("(it, above) => scrollBy(0, it.getBoundingClientRect().top - above)", above)
        self.page.wait_for_timeout(300)

    def save(self, name: str) -> None:
        picture = self.page.screenshot(animations="disabled")
        (IMAGES / f"scenario-{name}.png").write_bytes(shrink(picture))
        print(name, flush=True)

    def start_replay(self) -> None:
        """Start what the form says, and wait for its end."""
        self.press("Start")
        self.page.get_by_text(re.compile("^Finished")).first.wait_for(timeout=ANSWER_MS)
        self.page.wait_for_timeout(900)


def weekend_plans(desk: Desk) -> None:
    desk.go("turns/", q="label:wrong_tool tool:cancel_subscription")
    desk.save("weekend-plans")
    desk.press("Replay")
    page = desk.page
    page.get_by_text("Prompt, router, parameters").first.click()
    page.get_by_label("Tools chosen by router").first.select_option(label="Front desk v1")
    page.locator("[name=trials]").fill("1")
    page.locator("[name=connection]").select_option(label="Local model")
    desk.start_replay()
    desk.save("weekend-plans-replay")


def too_many_tools(desk: Desk) -> None:
    others = "-tool:cancel_subscription,calculate_tax,suggest_clothes"
    desk.compare(16, f"environment:production {others}")
    desk.save("too-many-tools")
    desk.open_call("finding:unknown_tool tool:getweather")
    desk.show("Did you mean", 420)
    desk.save("too-many-tools-call")


def front_desk(desk: Desk) -> None:
    desk.go("routers/")
    desk.press("Front desk")
    page = desk.page
    page.locator("[name=last]").select_option("2000")
    page.locator("[name=needed]").select_option("told")
    page.locator("[name=against]").select_option("1")
    desk.press("Judge")
    page.get_by_text("Intent confused").nth(1).wait_for()
    desk.save("front-desk")


def sql_for_a_city(desk: Desk) -> None:
    desk.open_call("finding:sql_injection")
    desk.save("sql-for-a-city")


def empty_code(desk: Desk) -> None:
    desk.go("analytics/rejections/", range="30d")
    desk.show("What each layer passed on", 330)
    desk.save("empty-code")


def misspelt_parameter(desk: Desk) -> None:
    desk.go("incidents/1/")
    desk.save("misspelt-parameter")
    desk.press("Replay these turns")
    page = desk.page
    page.locator("#rn-mode").select_option(label="No model")
    page.wait_for_timeout(1500)
    page.locator("[name=trials]").fill("1")
    desk.start_replay()
    desk.save("misspelt-parameter-replay")


def misspelt_name(desk: Desk) -> None:
    desk.go("tools/calculate_taz/")
    desk.save("misspelt-name")


def over_and_over(desk: Desk) -> None:
    desk.go("analytics/conduct/", range="30d", budget="5")
    desk.save("over-and-over")


def two_descriptions(desk: Desk) -> None:
    desk.compare(15, "environment:staging")
    desk.save("two-descriptions")


def the_moon(desk: Desk) -> None:
    desk.open_call("finding:swallowed_error finding:implausible_value")
    desk.save("the-moon")


def name_in_pieces(desk: Desk) -> None:
    desk.go("playground/")
    page = desk.page
    page.get_by_label("Connection").first.select_option(label="Written streams")
    page.get_by_label("Model", exact=True).first.fill("name-in-pieces")
    page.locator("textarea[aria-label='Content of message 1']").first.fill(
        "What is the weather in Oslo?"
    )
    page.keyboard.press("Control+Enter")
    page.get_by_text("Waits for you").first.wait_for()
    page.get_by_role("link", name="Turn").first.click()
    page.wait_for_load_state()
    page.goto(f"{page.url}?view=timeline")
    page.wait_for_timeout(900)
    desk.save("name-in-pieces")


def three_at_once(desk: Desk) -> None:
    desk.open_turn("tag:feature:compare tool:get_weather")
    desk.show("Plan of the calls")
    desk.save("three-at-once")


def cached_answers(desk: Desk) -> None:
    desk.go("analytics/cost/", range="30d")
    desk.show("Cache", 120)
    desk.save("cached-answers")


def near_the_limit(desk: Desk) -> None:
    desk.go("analytics/latency/", range="30d", measure="tool")
    desk.save("near-the-limit")


def the_bill(desk: Desk) -> None:
    desk.go("analytics/cost/", range="30d")
    desk.save("the-bill")


def three_models(desk: Desk) -> None:
    desk.go("analytics/models/", range="30d")
    desk.save("three-models")


def before_it_ships(desk: Desk) -> None:
    desk.go("tools/-/lint/")
    desk.save("before-it-ships")


def thinking_aloud(desk: Desk) -> None:
    desk.open_turn("finding:no_call_when_required")
    desk.save("thinking-aloud")


WALKS: tuple[Callable[[Desk], None], ...] = (
    weekend_plans, too_many_tools, front_desk, sql_for_a_city, empty_code, misspelt_parameter,
    misspelt_name, over_and_over, two_descriptions, the_moon, name_in_pieces, three_at_once,
    cached_answers, near_the_limit, the_bill, three_models, before_it_ships,
    thinking_aloud,
)  # fmt: skip
