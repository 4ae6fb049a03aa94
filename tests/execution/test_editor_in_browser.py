"""How a tool is run, from the first field to the published policy and its changes, in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.factories import make_people, make_tool_version
from tests.pages.desk import open_desk
from tests.tools.test_policies import publish
from tools_registry.models import Policy

pytestmark = pytest.mark.browser
WEATHER = {
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def test_an_executor_and_its_bounds_are_set_checked_and_published(
    transactional_db: None, page: Page, daphne_server: str
) -> None:
    people = make_people()
    make_tool_version(people.project, WEATHER)
    publish(people.project, {"execution": {"budget": 5, "executor": {"kind": "mock"}}})
    root = f"{daphne_server}/p/{people.project.slug}/tools/get_weather/policy"
    with open_desk(page.context, daphne_server, people.bob) as desk:
        desk.set_viewport_size({"width": 1280, "height": 900})
        desk.goto(f"{root}/new/")
        run = desk.get_by_role("region", name="Execution")
        bounds = desk.get_by_role("region", name="Bounds")
        expect(bounds.get_by_label("Calls a conversation")).to_have_value("5")
        run.get_by_label("Run by").select_option("HTTP request")
        run.get_by_label("Address").fill("https://api.example.com/weather/{city}")
        run.get_by_role("button", name="Add a header").click()
        run.get_by_label("Name", exact=True).fill("Authorization")
        run.get_by_label("Value").fill("s3cret")
        problem = desk.get_by_role("alert").filter(has_text="A secret is not written here")
        expect(problem.first).to_be_visible()
        run.get_by_label("Value").fill("")
        run.get_by_label("Or from the environment variable").fill("WEATHER_API_KEY")
        run.get_by_label("Before it").fill("Bearer ")
        run.get_by_label("What it does").select_option("It reads")
        bounds.get_by_label("Timeout, ms").fill("2000")
        bounds.get_by_label("Timeouts of single versions").fill("3: 10000")
        bounds.get_by_label("Tried again, times").fill("2")
        bounds.get_by_label("Stop after failures in a row").fill("4")
        bounds.get_by_label("Cost of a call").fill("0.003")
        expect(problem).to_have_count(0)
        desk.get_by_role("button", name="Publish").click()
        expect(desk.get_by_text("Policy 2 is published")).to_be_visible()
        shown = desk.get_by_role("region", name="Execution")
        expect(shown).to_contain_text("GET https://api.example.com/weather/{city}")
        expect(shown).to_contain_text("Bearer (from the environment variable WEATHER_API_KEY)")
        expect(shown).to_contain_text("4 failures in a row stop it for 30 s")
        desk.goto(f"{root}/diff/")
        expect(desk.get_by_role("group", name="Policy 2")).to_contain_text("WEATHER_API_KEY")
    execution = Policy.objects.get(number=2).spec.execution
    assert (execution.timeout_of(3), execution.budget, execution.cost) == (10_000, 5, 0.003)
    assert execution.breaker is not None and execution.breaker.failures == 4
