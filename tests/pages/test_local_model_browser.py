"""The whole way with the real local model: asked, streamed, answered by hand, stored, scrubbed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from conversations.models import Conversation, ToolCall, Turn
from tests import factories
from tests.conftest import daphne, test_database_url
from tests.pages.desk import open_desk

pytestmark = [pytest.mark.browser, pytest.mark.model]
SLOW = 120_000


@pytest.fixture
def desk(transactional_db: None, local_model: Any, context: BrowserContext) -> Iterator[Page]:
    bob = factories.make_member(factories.make_project("Weather desk", "weather"), "engineer")
    factories.make_tool_version(bob.project)
    environment = {
        "DATABASE_URL": test_database_url(),
        "LOCAL_MODEL_URL": local_model.url,
        "LOCAL_MODEL_KEY": local_model.key,
    }
    with daphne(environment) as server, open_desk(context, server, bob) as page:
        page.goto(f"{server}/p/weather/playground/")
        yield page


def test_a_real_model_calls_is_answered_by_hand_and_replies(desk: Page) -> None:
    desk.get_by_label("Content of message 1").fill("What is the weather in Oslo?")
    desk.locator("[data-set=max_tokens]").fill("60")
    desk.locator("#pg-tool-add").click()
    desk.get_by_label("get_weather").check()
    desk.get_by_role("button", name="Add tool").click()
    desk.locator("#pg-run").click()
    column = desk.locator("[data-column=A]")
    expect(column.get_by_label("Answer for")).to_be_visible(timeout=SLOW)
    desk.reload()
    column.get_by_label("Answer for").fill('{"temperature": -4.5}')
    column.get_by_role("button", name="Answer and continue").click()
    expect(column.get_by_text("Finished")).to_be_visible(timeout=SLOW)
    assert column.locator(".reply").inner_text().strip()

    call = ToolCall.objects.get()
    assert (call.name, call.answered_by) == ("get_weather", "hand")
    json.loads(call.arguments)
    assert Turn.objects.filter(status="finished").count() == 2
    conversation = Conversation.objects.get()
    desk.goto(re.sub("/playground/.*", f"/conversations/{conversation.pk}/turns/1/", desk.url))
    slider = desk.get_by_label("Scrub through the stream")
    slider.press("End")
    expect(desk.locator("#scrub-buffer")).to_contain_text(call.arguments)
    slider.press("Home")
    expect(desk.locator("#scrub-buffer")).not_to_contain_text(call.arguments)
