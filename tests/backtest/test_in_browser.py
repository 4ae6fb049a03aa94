"""From a version's page to a backtest that runs, and to a call that it would change."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from conversations.backtest import engine
from conversations.backtest.records import Backtest
from tests.backtest.making import arguments, make_calls, make_versions
from tests.factories import People, client_of, make_people

pytestmark = pytest.mark.browser


@pytest.fixture
def people(transactional_db: None) -> People:
    return make_people()


@pytest.fixture
def tab(people: People, page: Page, daphne_server: str) -> Iterator[Page]:
    """A page of Bob's, in which nothing may be reported to the console."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    session = client_of(people.bob).cookies["misfire_session"].value
    page.context.add_cookies([{"name": "misfire_session", "value": session, "url": daphne_server}])
    yield page
    assert said == []


def judge(batches: int) -> None:
    """What a worker does with the one backtest that there is: so many batches."""

    def work() -> None:
        row = Backtest.objects.get()
        for _ in range(batches):
            engine.advance(row.pk)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_a_version_is_backtested_and_a_changed_call_opened(
    tab: Page, people: People, daphne_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = make_versions(people.project)
    make_calls(right, [arguments(n) for n in range(30)], ago=timedelta(hours=3))
    monkeypatch.setattr(engine, "BATCH", 20)
    tab.goto(f"{daphne_server}/p/{people.project.slug}/tools/get_weather/v/{wrong.number}/")
    tab.get_by_role("link", name="Backtest", exact=True).click()
    expect(tab.get_by_label("Version")).to_have_value(str(wrong.number))
    tab.get_by_role("button", name="Start the backtest").click()
    expect(tab.get_by_text("counting them")).to_be_visible()
    judge(2)
    status = tab.get_by_role("status")
    expect(status).to_contain_text("20 of 30 calls")
    expect(tab.get_by_role("progressbar", name="Calls judged")).to_have_attribute("value", "20")
    judge(1)
    expect(status).to_contain_text("30 of 30 calls")
    expect(tab.get_by_text("finished")).to_be_visible()
    tab.get_by_role("link", name="missing_required").first.click()
    row = tab.locator(".bt-chs > li").first
    row.get_by_text("Newly rejected").click()
    expect(row.get_by_text("temprature is required and was not sent")).to_be_visible()
    row.get_by_role("link", name="Town 29").click()
    expect(tab).to_have_url(re.compile(r"/turns/.*#call-29$"))
    expect(tab.locator("#call-29")).to_contain_text("Town 29")
