"""A rule from its first letter to the call that it catches, in a real browser."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from console.accounts.models import Project
from console.lib import json
from conversations.ingest.record import read_record
from conversations.ingest.store import store
from conversations.models import ToolCall
from tests.factories import client_of, make_people, make_tool_version
from tools_registry.policies.published import forget_policies

pytestmark = pytest.mark.browser
CANCEL = {
    "name": "cancel_subscription",
    "description": "Cancel the subscription of the user.",
    "parameters": {
        "type": "object",
        "properties": {
            "confirmation_code": {"type": "string"},
            "reason": {"type": "string"},
        },
        "required": ["confirmation_code"],
        "additionalProperties": False,
    },
}


def cancel(project: Project, number: int, code: str) -> None:
    arguments = json.dump({"confirmation_code": code, "reason": "  moving   away "})
    function: dict[str, Any] = {"name": "cancel_subscription", "arguments": arguments}
    call = {"id": "call_1", "type": "function", "function": function}
    record = {
        "id": f"turn-{number}",
        "conversation": f"talk-{number}",
        "at": (timezone.now() - timedelta(minutes=30 - number)).isoformat(),
        "model": "scripted",
        "request": {
            "messages": [{"role": "user", "content": "Cancel it, I am sure"}],
            "tools": [{"type": "function", "function": CANCEL}],
            "parameters": {},
        },
        "response": {"message": {"role": "assistant", "content": None, "tool_calls": [call]}},
    }
    assert store(project, [read_record(record)], door="api").stored == 1


def test_a_rule_is_tried_published_and_catches_what_the_schema_lets_pass(
    transactional_db: None, page: Page, daphne_server: str
) -> None:
    people = make_people()
    make_tool_version(people.project, CANCEL)
    for number, code in enumerate(["A7Q", "", "B2X", ""]):
        cancel(people.project, number, code)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    session = client_of(people.bob).cookies["misfire_session"].value
    page.context.add_cookies([{"name": "misfire_session", "value": session, "url": daphne_server}])
    page.goto(f"{daphne_server}/p/{people.project.slug}/tools/cancel_subscription/")
    page.get_by_role("link", name="Policy", exact=True).click()
    page.get_by_role("link", name="Write a policy").click()
    tried = page.get_by_role("region", name="On recorded calls")
    expect(tried.get_by_text("none rejected or flagged")).to_be_visible()

    page.get_by_role("button", name="Add a rule").click()
    page.get_by_label("Name", exact=True).fill("Code given")
    page.get_by_label("Must be true").fill("args.confirmation_code !=")
    expect(page.get_by_role("alert").filter(has_text="it ends too early").first).to_be_visible()
    page.get_by_label("Must be true").fill('args.confirmation_code != ""')
    expect(tried.get_by_text("2 rejected, 2 of them newly")).to_be_visible()
    page.get_by_role("button", name="Add a sanitiser").click()
    page.get_by_role("region", name="Sanitisers").get_by_label("Where").fill("/reason")
    expect(tried.get_by_text("Sanitisers would change 4 of 4")).to_be_visible()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Policy 1 is published")).to_be_visible()

    forget_policies(people.project)
    cancel(people.project, 9, "")
    call = ToolCall.objects.order_by("-id")[0]
    assert (call.verdict, call.codes) == ("rejected", ["rule_violated"])
    page.goto(f"{daphne_server}/p/{people.project.slug}/calls/{call.pk}/")
    layers = page.get_by_role("list", name="Verdict by layer")
    expect(layers.locator("li").filter(has_text="Schema")).to_have_class("ok")
    expect(layers.locator("li").filter(has_text="Rule")).to_have_class("bad")
    expect(page.get_by_text("rule_violated").first).to_be_visible()
    expect(page.locator("table.sanit ins")).to_have_text("moving   away")
    assert call.arguments == '{"confirmation_code":"","reason":"  moving   away "}'
    assert said == []
