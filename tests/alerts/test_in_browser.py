"""A rule's form in a browser: what its metric needs, and what it would have done, before saving."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Page, expect

from analytics.alerts.records import AlertRule
from tests.alerts.making import make_calls
from tests.factories import People, client_of, make_people

pytestmark = pytest.mark.browser


@pytest.fixture
def people(transactional_db: None) -> People:
    return make_people()


def store(people: People) -> None:
    def work() -> None:
        now = timezone.now()
        for days in (2, 9, 16):
            make_calls(people.project, now - timedelta(days=days), 30, 20)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_the_preview_says_how_often_and_when_it_would_have_fired(
    people: People, page: Page, daphne_server: str
) -> None:
    store(people)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    session = client_of(people.bob).cookies["misfire_session"].value
    page.context.add_cookies([{"name": "misfire_session", "value": session, "url": daphne_server}])
    page.goto(f"{daphne_server}/p/{people.project.slug}/alerts/new/?name=Weather&level=10")
    page.get_by_label("Metric").select_option("budget_used")
    expect(page.get_by_label("Budget", exact=True)).to_be_visible()
    expect(page.get_by_label("Only those that match")).to_be_hidden()
    page.get_by_label("Metric").select_option("rejection_rate")
    page.get_by_label("Only those that match").fill("tool:get_weather")
    page.get_by_role("button", name="Preview on the last 30 days").click()
    rows = page.locator("#preview .pn-b > .tb-x tbody tr")
    fired = page.get_by_role("heading", name="It would have fired 3 times")
    expect(fired).to_be_visible(timeout=30_000)
    expect(page.locator("#preview canvas").first).to_be_visible()
    expect(rows).to_have_count(3)
    calls = rows.first.locator("a").get_attribute("href") or ""
    assert "verdict%3Arejected" in calls
    page.get_by_role("button", name="Save and watch").click()
    expect(page.get_by_role("heading", name="Weather")).to_be_visible()
    assert AlertRule.objects.get().query == "tool:get_weather"
    assert said == []
