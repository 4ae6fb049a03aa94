"""Tools that run from the playground, in a browser: real HTTP on loopback, a scripted model."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from conversations.models import ToolCall
from tests.conftest import daphne, test_database_url
from tests.factories import make_people, make_tool_version
from tests.pages.desk import make_scripts, open_desk
from tests.tools.test_policies import publish
from tools_registry.models import ToolHost

pytestmark = pytest.mark.browser
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
OSLO = {"city": "Oslo"}


class Tools(BaseHTTPRequestHandler):
    """A tool a path; ``/slow`` answers after two seconds."""

    asked: list[str]

    def answer(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        time.sleep(2 if self.path.startswith("/slow") else 0.05)
        body = json.dumps({"celsius": 18}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_DELETE = answer

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def tools() -> Iterator[tuple[str, list[str]]]:
    handler = type("Own", (Tools,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler.asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    with django_db_blocker.unblock():
        url = test_database_url()
    with daphne({"DATABASE_URL": url, "OUTBOUND_ALLOW": "127.0.0.1"}) as address:
        yield address


@pytest.fixture
def desk(
    transactional_db: None, server: str, tools: tuple[str, list[str]], context: BrowserContext
) -> Iterator[Page]:
    people, (url, _) = make_people(), tools
    project = people.project
    ToolHost.objects.create(project=project, host="127.0.0.1")

    def define(name: str, method: str = "GET", path: str = "", /, **policy: Any) -> None:
        make_tool_version(project, {"name": name, "parameters": SCHEMA})
        http = {"kind": "http", "method": method, "url": f"{url}/{path or name}/{{city}}"}
        execution = {"executor": http, **policy.pop("execution", {})}
        publish(project, {"execution": execution, **policy}, name)

    define("get_weather", execution={"effect": "read", "cache_ttl": 60})
    define("get_forecast")
    define("get_tides", "GET", "slow", execution={"timeout_ms": 300})
    confirmed = {"destructive": True, "confirmation": {"argument": "/confirm"}}
    define("delete_city", "DELETE", **confirmed)
    names = ("get_weather", "get_forecast", "get_tides")
    several = [{"name": name, "arguments": OSLO} for name in names]
    make_scripts(
        project,
        several=[{"calls": several}, {"text": "All told."}],
        delete=[{"calls": [{"name": "delete_city", "arguments": OSLO}]}, {"text": "Kept."}],
    )
    with open_desk(context, server, people.bob) as page:
        page.goto(f"{server}/p/{project.slug}/playground/")
        yield page


def choose(desk: Page, model: str, *names: str) -> None:
    desk.get_by_label("Content of message 1").fill("Look at Oslo")
    desk.locator("[data-set=model]").fill(model)
    desk.locator("#pg-tool-add").click()
    for name in names:
        desk.get_by_label(name).check()
    desk.get_by_role("button", name=re.compile("^Add (tool|[0-9])")).click()


def start(desk: Page) -> None:
    desk.locator("#pg-run").click()
    desk.wait_for_url(re.compile("/playground/runs/"))


def test_three_calls_are_planned_run_at_once_and_cached(
    desk: Page, tools: tuple[str, list[str]]
) -> None:
    choose(desk, "several", "get_weather", "get_forecast", "get_tides")
    start(desk)
    plan = desk.get_by_role("region", name="Plan of round 1")
    expect(plan.get_by_role("img", name="Plan of 3 calls in 1 stage")).to_be_visible()
    plan.get_by_label("Call that waits").select_option(label="get_forecast")
    plan.get_by_role("button", name="Add dependency").click()
    dependency = plan.get_by_role("list", name="Dependencies")
    expect(dependency).to_contain_text("because somebody said so")
    dependency.get_by_role("button", name="Remove: get_forecast waits for get_weather").click()
    expect(plan).to_contain_text("No call waits for another")
    plan.get_by_role("button", name="Execute all").click()
    cards = desk.locator(".call")
    expect(cards.nth(2)).to_contain_text("did not answer within 0.3 s")
    expect(cards.nth(2)).to_contain_text("timeout")
    expect(cards.nth(0).locator(".rs")).to_contain_text("18")
    expect(desk.get_by_text("All told.")).to_be_visible()
    expect(plan).to_contain_text("saved against serial")
    expect(plan.get_by_role("img", name=re.compile("Waterfall: get_weather"))).to_be_visible()
    desk.reload()
    expect(plan).to_contain_text("saved against serial")

    desk.get_by_label("All calls are answered").select_option(label="Executed, as its policy says")
    desk.locator("#pg-run").click()
    expect(cards.nth(0)).to_contain_text("From the cache")
    expect(desk.get_by_text("All told.")).to_be_visible()
    assert tools[1].count("GET /get_weather/Oslo") == 1
    assert tools[1].count("GET /get_forecast/Oslo") == 2
    stored = ToolCall.objects.filter(name="get_weather").order_by("id")
    assert [(one.status, one.cached) for one in stored] == [("ok", False), ("ok", True)]
    desk.get_by_role("link", name="Turn", exact=True).first.click()
    shown = desk.get_by_role("region", name="Plan of the calls")
    expect(shown).to_contain_text("as they were executed")
    expect(shown.get_by_role("img", name=re.compile("Waterfall"))).to_be_visible()
    expect(shown).to_contain_text("timeout")


def test_a_destructive_call_shows_what_would_be_sent_and_is_refused(
    desk: Page, tools: tuple[str, list[str]]
) -> None:
    choose(desk, "delete", "delete_city")
    desk.get_by_label("All calls are answered").select_option(label="Executed, as its policy says")
    start(desk)
    asked = desk.get_by_role("dialog", name=re.compile("Run the destructive call delete_city"))
    expect(asked).to_contain_text(f"DELETE {tools[0]}/delete_city/Oslo")
    desk.reload()
    expect(asked).to_contain_text(f"DELETE {tools[0]}/delete_city/Oslo")
    asked.get_by_role("button", name="Refuse").click()
    expect(desk.get_by_text("Kept.")).to_be_visible()
    expect(desk.locator(".call")).to_contain_text("confirmation_missing")
    assert tools[1] == []
    assert ToolCall.objects.get().status == "held"
