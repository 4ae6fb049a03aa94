"""The first day, with the real local model: link, tool, run, answer by hand, stored, scrubbed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from console.accounts.invitations import first_admin_link
from conversations.models import Conversation, ToolCall, Turn
from tests.conftest import daphne, test_database_url
from tests.factories import WEATHER
from tests.pages.desk import watch_for_problems
from tools_registry.models import ToolVersion

pytestmark = [pytest.mark.browser, pytest.mark.model]
SLOW = 120_000
PASSWORD = "rather long, and new"


@pytest.fixture
def newcomer(transactional_db: None, local_model: Any, context: BrowserContext) -> Iterator[Page]:
    """A browser at the one-time link of a console that nobody has used yet."""
    environment = {
        "DATABASE_URL": test_database_url(),
        "LOCAL_MODEL_URL": local_model.url,
        "LOCAL_MODEL_KEY": local_model.key,
    }
    with daphne(environment) as server, watch_for_problems(context):
        link = first_admin_link(server)
        assert link is not None
        page = context.new_page()
        page.goto(link)
        yield page


def join(page: Page) -> None:
    page.get_by_label("Your name").fill("Mara Lindqvist")
    page.get_by_label("E-mail").fill("mara@acme.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_label("Name of the first project").fill("Weather desk")
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_text("Three things to do first")).to_be_visible()


def create_tool(page: Page) -> None:
    page.get_by_role("link", name="Create a tool").click()
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(json.dumps(WEATHER))
    expect(page.locator("[data-name]")).to_have_value("get_weather")
    page.get_by_role("button", name="Review and publish").click()
    page.get_by_role("button", name="Publish v1").click()
    page.get_by_role("link", name="Run in playground").click()


def test_from_the_one_time_link_to_a_stored_call(newcomer: Page) -> None:
    page = newcomer
    join(page)
    create_tool(page)
    assert ToolVersion.objects.get().spec.name == "get_weather"

    page.get_by_label("Content of message 1").fill("What is the weather in Oslo?")
    page.locator("[data-set=max_tokens]").fill("60")
    page.locator("[data-set=temperature]").fill("0")
    page.locator("#pg-run").click()
    column = page.locator("[data-column=A]")
    # The card appears with the first fragment of the name; the arguments are still to come.
    expect(column.locator(".call").first).to_be_visible(timeout=SLOW)
    page.reload()
    expect(column.get_by_text("Waits for you")).to_be_visible(timeout=SLOW)
    # The model may make more than one call; each waits for its answer.
    boxes = column.get_by_label("Answer for")
    for left in reversed(range(boxes.count())):
        boxes.last.fill('{"temperature": -4.5}')
        column.get_by_role("button", name="Answer and continue").last.click()
        expect(boxes).to_have_count(left)
    expect(column.get_by_text("Finished", exact=True)).to_be_visible(timeout=SLOW)
    assert column.locator(".reply").inner_text().strip()

    assert column.locator(".call").count() == ToolCall.objects.count()
    call = ToolCall.objects.get(position=0)
    assert (call.name, call.answered_by) == ("get_weather", "hand")
    json.loads(call.arguments)
    assert Turn.objects.filter(status="finished").count() == 2
    conversation = Conversation.objects.get()
    page.goto(re.sub("/playground/.*", f"/conversations/{conversation.pk}/turns/1/", page.url))
    slider = page.get_by_label("Scrub through the stream")
    slider.press("End")
    expect(page.locator("#scrub-buffer")).to_contain_text(call.arguments)
    slider.press("Home")
    expect(page.locator("#scrub-buffer")).not_to_contain_text(call.arguments)
