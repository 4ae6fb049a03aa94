"""3 February, 02:47: from an incident's page to *resolved*, in a browser, its clicks counted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Locator, Page, expect

from console.lib import json
from conversations.incidents.joining import join_all
from conversations.incidents.opening import open_incident
from conversations.incidents.records import Incident
from conversations.replay import engine
from conversations.replay.records import Replay
from tests.factories import People, make_key, make_people
from tests.incidents.world import BAD, CITIES, GOOD
from tests.pages.desk import make_scripts, open_desk
from tests.replay_pages.making import CALL
from tools_registry.models import Tool, ToolVersion
from tools_registry.publishing import start_draft

pytestmark = pytest.mark.browser
BAD_CALLS, GOOD_CALLS = 20, 30
FIXED = GOOD | {
    "description": "Get the current weather of a city. Use ONLY for present conditions."
}


class Clicks:
    """Every click of the walk, counted."""

    def __init__(self) -> None:
        self.count = 0

    def click(self, target: Locator) -> None:
        target.click()
        self.count += 1


@pytest.fixture
def people(transactional_db: None) -> People:
    return make_people()


@pytest.fixture
def desk(daphne_server: str, people: People, context: BrowserContext) -> Iterator[Page]:
    with open_desk(context, daphne_server, people.bob) as page:
        yield page


def send(people: People, definition: dict[str, Any], begin: datetime, count: int) -> None:
    """Turns as an application logs them: the model writes ``temperature`` whatever is asked."""
    _, key = make_key(people.project, ("ingest",))
    lines = [json.dump(_record(definition, begin + timedelta(seconds=n), n)) for n in range(count)]
    answer = Client().post(
        "/api/v1/turns",
        "\n".join(lines),
        content_type="application/x-ndjson",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.json()["stored"] == count, answer.content


def _record(definition: dict[str, Any], at: datetime, number: int) -> dict[str, Any]:
    city = CITIES[number % len(CITIES)]
    called = {"name": "get_weather", "arguments": CALL["arguments"].replace("Oslo", city)}
    call = {"id": f"call_{number}", "type": "function", "function": called}
    return {
        "id": f"turn-{at.isoformat()}",
        "conversation": f"conversation-{at.isoformat()}",
        "at": at.isoformat(),
        "model": "gpt-4-0125",
        "user": f"u_{number}",
        "request": {
            "messages": [{"role": "user", "content": f"What is the weather in {city}?"}],
            "tools": [{"type": "function", "function": definition}],
        },
        "response": {
            "message": {"role": "assistant", "content": None, "tool_calls": [call]},
            "finish_reason": "tool_calls",
            "usage": {"input_tokens": 120, "output_tokens": 20},
        },
    }


def break_the_night(people: People) -> Incident:
    """What the doors brought by 02:47: a new version renames a parameter, and calls fail."""
    start = timezone.now() - timedelta(minutes=20)
    send(people, GOOD, start - timedelta(minutes=10), GOOD_CALLS)
    send(people, BAD, start, BAD_CALLS)
    make_scripts(people.project, **{"gpt-4-0125": {"calls": [CALL]}})
    tool = Tool.objects.get(project=people.project, name="get_weather")
    start_draft(people.project, json.pretty(FIXED), user=people.bob.user, tool=tool)
    incident = open_incident(
        people.project,
        title="get_weather rejects most calls",
        severity="high",
        kind="calls",
        query="tool:get_weather verdict:rejected",
        since=start,
        alert="87% of calls rejected",
    )
    join_all()
    assert incident.turns.count() == BAD_CALLS
    return incident


def work() -> None:
    """What a worker does with the one replay that there is."""

    def run() -> None:
        while not engine.run(Replay.objects.get().pk).is_over:
            pass
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_an_incident_is_resolved_with_proof_in_at_most_eight_clicks(
    desk: Page, people: People, daphne_server: str
) -> None:
    incident, hand = break_the_night(people), Clicks()
    page = f"{daphne_server}/p/{people.project.slug}/incidents/{incident.number}/"
    desk.goto(page)
    hand.click(desk.get_by_role("button", name="Acknowledge"))
    hand.click(desk.get_by_role("link", name="Replay these turns"))
    expect(desk.locator("#rp-estimate")).to_contain_text(f"Model calls{BAD_CALLS * 2 * 3}")
    hand.click(desk.get_by_role("button", name="Start the replay"))
    expect(desk.get_by_text("Running")).to_be_visible()
    work()
    said = f"is right in {BAD_CALLS} of {BAD_CALLS} cases"
    expect(desk.locator(".rp-say")).to_contain_text(said, timeout=30_000)
    hand.click(desk.locator("tr[data-case='4'] .cell", has_text="Fixed"))
    expect(desk.locator("#rp-beside")).to_contain_text("temprature is required and was not sent")
    expect(desk.locator("#rp-beside")).to_contain_text("Call, the same")
    hand.click(desk.get_by_role("button", name="Publish get_weather v3"))
    expect(desk).to_have_url(page)
    published = ToolVersion.objects.get(tool__name="get_weather", number=3)
    assert published.state == "published"
    send(people, FIXED, timezone.now(), BAD_CALLS)
    desk.reload()
    expect(desk.locator("#afterwards")).to_contain_text("The misfire rate is down")
    hand.click(desk.locator("#afterwards").get_by_role("button", name="Resolve"))
    expect(desk.get_by_text("is resolved.").first).to_be_visible()
    incident.refresh_from_db()
    assert incident.status == "resolved"
    assert hand.count <= 8, hand.count


def test_the_form_is_drawn_anew_without_losing_what_was_typed(
    desk: Page, people: People, daphne_server: str
) -> None:
    incident = break_the_night(people)
    base = f"{daphne_server}/p/{people.project.slug}/replays/new/?incident={incident.number}"
    desk.goto(base)
    names = desk.get_by_label("Name of variant")
    before = names.count()
    names.last.fill("the night's cure")
    desk.get_by_role("button", name="Add a variant").click()
    expect(names).to_have_count(before + 1)
    expect(names.nth(before - 1)).to_have_value("the night's cure")
    desk.get_by_label("Trials").first.fill("5")
    calls = BAD_CALLS * 5 * (before + 2)
    expect(desk.locator("#rp-estimate")).to_contain_text(f"Model calls{calls}")
    assert desk.locator("#rp-form").count() == 1
