"""Channels and silences through their forms in a browser, with receivers that are really there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from analytics.alerts.records import AlertSilence
from tests.alerts.making import make_rule
from tests.alerts.receivers import Mailbox, Webhook, mailbox, webhook
from tests.conftest import daphne, test_database_url
from tests.factories import People, client_of, make_people

pytestmark = pytest.mark.browser
ADDRESS, VARIABLE = "Address of the webhook", "Environment variable that holds the secret"
ADDRESSES = "E-mail addresses, one a line"


@pytest.fixture
def people(transactional_db: None) -> People:
    return make_people()


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as held:
        yield held


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as held:
        yield held


@pytest.fixture
def console(people: People, page: Page, hook: Webhook, box: Mailbox) -> Iterator[str]:
    """The alerts of a console that may reach the receivers."""
    given = {
        "DATABASE_URL": test_database_url(),
        "OUTBOUND_ALLOW": "127.0.0.1",
        "ALERT_SECRET": "whsec_example",
        "OPS_WEBHOOK_URL": f"{hook.url}/slack",
        "OPS_ROUTING_KEY": "a-key",
        "PAGERDUTY_URL": f"{hook.url}/pager",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(box.port),
        "SMTP_TLS": "none",
    }
    with daphne(given) as url:
        session = client_of(people.bob).cookies["misfire_session"].value
        page.context.add_cookies([{"name": "misfire_session", "value": session, "url": url}])
        yield f"{url}/p/{people.project.slug}/alerts/"


def add(page: Page, console: str, kind: str, **fields: str) -> None:
    page.goto(f"{console}channels/add/")
    page.get_by_label("Kind").select_option(kind)
    labels = {"name": "Name", "url": ADDRESS, "variable": VARIABLE, "addresses": ADDRESSES}
    for name, value in fields.items():
        page.get_by_label(labels[name], exact=True).fill(value)
    page.get_by_role("button", name="Save").click()


def test_each_kind_is_added_tested_and_received(
    page: Page, console: str, hook: Webhook, box: Mailbox
) -> None:
    add(page, console, "webhook", name="Hook", url=f"{hook.url}/hook", variable="ALERT_SECRET")
    add(page, console, "slack", name="Chat", variable="OPS_WEBHOOK_URL")
    add(page, console, "pagerduty", name="Pager", variable="OPS_ROUTING_KEY")
    add(page, console, "email", name="Mail", addresses="ops@example.com, two@example.com")
    for name in ("Hook", "Chat", "Pager", "Mail"):
        page.goto(f"{console}channels/")
        page.get_by_role("button", name=f"Test {name}").click()
        expect(page.get_by_role("heading", name=f"To {name} Sent")).to_be_visible()
    assert [one.path for one in hook.received] == ["/hook", "/slack", "/pager/v2/enqueue"]
    assert {one.headers["user-agent"] for one in hook.received} == {"Misfire-Alerts/1"}
    assert "misfire-signature" in hook.received[0].headers
    assert box.recipients == [["ops@example.com", "two@example.com"]]
    hook.statuses = [500]
    page.goto(f"{console}channels/")
    page.get_by_role("button", name="Test Hook").click()
    expect(page.get_by_role("heading", name="To Hook Failed")).to_be_visible()
    expect(page.get_by_text("answered 500")).to_be_visible()


def test_a_channel_says_beside_the_field_what_is_wrong(page: Page, console: str) -> None:
    add(page, console, "webhook", name="W", url="http://a:b@host/", variable="PATH")
    expect(page.get_by_text("Leave credentials out")).to_be_visible()
    expect(page.get_by_text("Name a variable that matches")).to_be_visible()
    expect(page.get_by_label(ADDRESS)).to_have_value("http://a:b@host/")
    add(page, console, "slack", name="S", variable="https://hooks.example/T0/secret")
    expect(page.get_by_text("not the secret itself")).to_be_visible()
    add(page, console, "email", name="E", addresses="nobody")
    expect(page.get_by_text("nobody is no e-mail address.")).to_be_visible()
    expect(page.get_by_label(ADDRESS)).to_be_hidden()


def test_a_silence_ends_by_itself_or_by_hand(page: Page, console: str, people: People) -> None:
    rule = make_rule(people.project)
    page.goto(f"{console}{rule.pk}/")
    page.locator("summary", has_text="Silence").click()
    page.get_by_label("For").select_option(label="4 hours")
    page.get_by_label("Why").fill("<b>Deploying</b>")
    page.get_by_role("button", name="Silence", exact=True).click()
    expect(page.get_by_text("Calls are rejected tells nothing for 4 hours.")).to_be_visible()
    expect(page.get_by_text(": <b>Deploying</b>")).to_be_visible()
    silence = AlertSilence.objects.get()
    assert (silence.ends_at - silence.starts_at).total_seconds() == 4 * 3600
    page.get_by_role("button", name="End it now").click()
    expect(page.get_by_text("The silence is over")).to_be_visible()
    expect(page.get_by_role("button", name="End it now")).to_have_count(0)
