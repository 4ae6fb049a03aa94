"""Labels by keys, and rules tried out while typing, in a real browser."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from conversations.models import Label
from tests import factories
from tests.factories import make_people
from tests.pages.desk import open_desk

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def look(page: Page, name: str) -> None:
    """Keep a picture where LOOK names a folder."""
    if folder := os.environ.get("LOOK"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def test_a_label_is_set_by_keys(context: BrowserContext, daphne_server: str) -> None:
    people = make_people()
    version = factories.make_tool_version(people.project)
    conversation = factories.make_conversation(people.project)
    turn = factories.make_turn(conversation, toolset=factories.make_toolset(version))
    factories.make_call(turn)
    path = f"/p/{people.project.slug}/conversations/{conversation.pk}/turns/1/"
    with open_desk(context, daphne_server, people.rita) as page:
        page.goto(daphne_server + path)
        look(page, "label-none")
        page.keyboard.press("e")
        page.keyboard.press("3")
        area = page.locator("[name=arguments]")
        expect(area).to_be_focused()
        page.keyboard.type('{"city": "Bergen"}')
        look(page, "label-form")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#labels")).to_contain_text("Wrong arguments")
        expect(page.locator("#call-0")).to_contain_text("wrong_arguments")
        page.wait_for_load_state()  # the page came anew, and its scripts come last
        look(page, "label-set")
        page.keyboard.press("e")
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        expect(page.locator("#labels")).to_contain_text("History")
    assert list(Label.objects.order_by("id").values_list("kind", flat=True)) == [
        "wrong_arguments",
        "right",
    ]


def test_a_refused_label_says_why_in_place(context: BrowserContext, daphne_server: str) -> None:
    people = make_people()
    conversation = factories.make_conversation(people.project)
    factories.make_call(factories.make_turn(conversation))
    path = f"/p/{people.project.slug}/conversations/{conversation.pk}/turns/1/"
    context.on("weberror", lambda error: None)
    page = context.new_page()
    session = factories.client_of(people.rita).cookies["misfire_session"].value
    context.add_cookies([{"name": "misfire_session", "value": session, "url": daphne_server}])
    page.goto(daphne_server + path)
    page.keyboard.press("e")
    page.keyboard.press("2")
    page.keyboard.type("get_weather")
    page.keyboard.press("Enter")
    expect(page.locator("#label-error")).to_contain_text("Name another")
    expect(page.locator("[name=tool]")).to_be_focused()
    expect(page.locator("[name=tool]")).to_have_value("get_weather")


def test_rules_are_tried_while_typing(context: BrowserContext, daphne_server: str) -> None:
    people = make_people()
    project = people.project
    conversation = factories.make_conversation(project)
    factories.make_turn(conversation, messages=[{"role": "user", "content": "order #W1234567"}])
    with open_desk(context, daphne_server, people.alice) as page:
        page.goto(f"{daphne_server}/p/{project.slug}/custody/redaction/")
        page.get_by_role("button", name="Switch E-mail addresses on").click()
        page.locator("[name=name]").fill("Orders")
        page.locator("[name=value]").fill(r"#W\d{7}")
        page.locator("[name=text]").press_sequentially("a@b.org ordered #W1234567")
        expect(page.locator("#tried mark")).to_have_text(["[email]", "[redacted]"])
        look(page, "redaction")
        page.get_by_role("button", name="Try the last 100 turns").click()
        expect(page.locator("#tried")).to_contain_text("Would change 1 of 1 turns")
        look(page, "redaction-turns")
        page.get_by_role("button", name="Add the rule").click()
        expect(page.locator(".tb")).to_contain_text("Orders")
        for name in ("retention", "users"):
            page.goto(f"{daphne_server}/p/{project.slug}/custody/{name}/?user=nobody")
            look(page, name)
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"{daphne_server}/p/{project.slug}/custody/redaction/")
        look(page, "redaction-390")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
