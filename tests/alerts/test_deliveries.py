"""Messages on their way: to real servers, signed, tried again, given up, and readable."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from analytics.alerts import deliveries
from analytics.alerts.backoff import TRIES
from analytics.alerts.payload import build
from analytics.alerts.records import AlertChannel, AlertDelivery, AlertEvent
from tests.alerts.making import make_channel, make_rule
from tests.alerts.receivers import Mailbox, Webhook, mailbox, webhook

pytestmark = pytest.mark.django_db
SECRET = "whsec_only_for_tests"


@pytest.fixture
def hook(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    monkeypatch.setenv("ALERT_SECRET", SECRET)
    with webhook() as held:
        settings.OUTBOUND_ALLOW = ["127.0.0.1"]
        settings.PAGERDUTY_URL = held.url
        monkeypatch.setenv("OPS_WEBHOOK_URL", f"{held.url}/services/T0/secret")
        monkeypatch.setenv("OPS_ROUTING_KEY", "R0123456789")
        yield held


def make_delivery(channel: AlertChannel, notice: str = "alert") -> AlertDelivery:
    rule = make_rule(channel.project, name="Calls <fail>")
    event = AlertEvent.objects.create(
        project=rule.project,
        rule=rule,
        at=timezone.now(),
        before="ok",
        state="ok" if notice == "recovered" else "alert",
        notice=notice,
        text="Calls <fail>: Rejection rate 40% (20 of 50 calls) in the last minute, above 10%.",
        value=40,
        part=20,
        base=50,
    )
    body = build(rule, event, site="https://misfire.example")
    return deliveries.create(channel, body, event=event)


def deliver(channel: AlertChannel, notice: str = "alert") -> AlertDelivery:
    row = make_delivery(channel, notice)
    assert deliveries.send(row.pk)
    row.refresh_from_db()
    return row


def test_a_webhook_is_signed_as_documented(hook: Webhook) -> None:
    row = deliver(make_channel(url=f"{hook.url}/alerts"))
    (request,) = hook.received
    parts = dict(part.split("=") for part in request.headers["misfire-signature"].split(","))
    signed = f"{parts['t']}.".encode() + request.body
    assert parts["v1"] == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert abs(int(parts["t"]) - time.time()) < 60
    message = json.loads(request.body)
    assert message["id"] == request.headers["misfire-id"]
    assert (message["type"], message["value"], message["base"]) == ("alert", 40, 50)
    assert message["rule"]["condition"].startswith("Rejection rate above 10%")
    assert (row.status, row.attempts[0]["detail"]) == ("sent", "200 OK: heard")
    assert SECRET not in row.body


def test_slack_gets_escaped_text_and_its_address_is_not_told(hook: Webhook) -> None:
    hook.statuses = [403]
    row = deliver(make_channel(kind="slack", variable="OPS_WEBHOOK_URL", url=""))
    message = json.loads(hook.received[0].body)
    assert message["text"].startswith("Calls &lt;fail&gt;: Rejection rate 40%")
    assert message["attachments"][0]["text"].startswith("<https://misfire.example/p/")
    assert row.status == "failed"
    assert "secret" not in json.dumps(row.attempts) + row.body


@pytest.mark.parametrize(
    ("notice", "action"),
    [("alert", "trigger"), ("reminder", "trigger"), ("recovered", "resolve")],
)
def test_pagerduty_is_triggered_and_resolved_under_one_key(
    hook: Webhook, notice: str, action: str
) -> None:
    channel = make_channel(kind="pagerduty", variable="OPS_ROUTING_KEY")
    row = deliver(channel, notice)
    event = json.loads(hook.received[0].body)
    assert hook.received[0].path == "/v2/enqueue"
    assert (event["event_action"], event["routing_key"]) == (action, "R0123456789")
    assert row.event is not None
    assert event["dedup_key"] == f"misfire:{channel.project.slug}:{row.event.rule_id}"
    if action == "trigger":
        assert event["payload"]["severity"] == "error"
        assert event["payload"]["summary"].startswith("Calls <fail>")


@pytest.fixture
def box(settings: Settings) -> Iterator[Mailbox]:
    with mailbox() as held:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", held.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield held


MAIL: dict[str, Any] = {
    "kind": "email",
    "variable": "",
    "url": "",
    "addresses": ["ops@example.com", "ada@example.com"],
}


def test_mail_is_plain_text_in_a_thread_of_its_rule(box: Mailbox) -> None:
    row = deliver(make_channel(**MAIL))
    (message,) = box.messages
    assert box.recipients == [["ops@example.com", "ada@example.com"]]
    assert message["subject"] == f"[{row.project.slug}] Alert: Calls <fail>"
    assert message.get_content_type() == "text/plain"
    assert "Rejection rate 40% (20 of 50 calls)" in str(message.get_payload())
    assert row.status == "sent"
    assert message["references"].startswith(f"<misfire.{row.project.slug}.")


@pytest.mark.parametrize(
    ("refusal", "status"),
    [("451 try later", "waiting"), ("554 no", "failed")],
)
def test_a_mail_server_may_refuse_for_now_or_for_good(
    box: Mailbox, refusal: str, status: str
) -> None:
    box.refusal = refusal
    row = deliver(make_channel(**MAIL))
    assert row.status == status
    assert refusal[:3] in row.attempts[0]["detail"]


def test_without_a_mail_server_it_says_what_to_set(settings: Settings) -> None:
    settings.EMAIL_HOST = ""
    assert "SMTP_HOST" in deliver(make_channel(**MAIL)).attempts[0]["detail"]


def test_what_fails_is_tried_again_later_and_arrives(hook: Webhook) -> None:
    hook.statuses = [503, 500, 200]
    row = make_delivery(make_channel(url=hook.url))
    now = timezone.now()
    waits = []
    for _ in range(3):
        assert deliveries.send_due(now) == 1
        row.refresh_from_db()
        waits.append((row.next_at - timezone.now()).total_seconds())
        assert deliveries.send_due(timezone.now()) == 0
        now = row.next_at
    assert 9 < waits[0] < 12.1
    assert 29 < waits[1] < 36.1
    assert row.status == "sent"
    assert [attempt["outcome"] for attempt in row.attempts] == ["failed", "failed", "sent"]
    assert len({request.headers["misfire-id"] for request in hook.received}) == 1


def test_it_is_given_up_after_the_last_try_and_may_be_sent_again(hook: Webhook) -> None:
    hook.statuses = [503]
    row = make_delivery(make_channel(url=hook.url))
    AlertDelivery.objects.update(tries=TRIES - 1)
    assert deliveries.send(row.pk)
    row.refresh_from_db()
    assert row.status == "failed"
    assert row.finished_at
    hook.statuses = [200]
    assert deliveries.retry(row)
    assert deliveries.send(row.pk)
    row.refresh_from_db()
    assert (row.status, len(row.attempts)) == ("sent", 2)
    assert not deliveries.retry(row)


@pytest.mark.parametrize(("status", "after"), [(400, "failed"), (404, "failed"), (429, "waiting")])
def test_a_refusal_is_final_unless_it_says_later(hook: Webhook, status: int, after: str) -> None:
    hook.statuses, hook.headers = [status], {"Retry-After": "120"}
    row = deliver(make_channel(url=hook.url))
    assert row.status == after
    if after == "waiting":
        assert row.next_at > timezone.now() + timedelta(seconds=110)


@pytest.mark.parametrize(
    ("url", "variable", "status", "said"),
    [
        ("http://127.0.0.1:9/", "ALERT_SECRET", "waiting", "reached: nothing listens there"),
        ("http://169.254.169.254/latest", "ALERT_SECRET", "failed", "OUTBOUND_ALLOW"),
        ("http://127.0.0.1:9/", "ALERT_UNSET", "waiting", "ALERT_UNSET is not set"),
        ("http://127.0.0.1:9/", "SECRET_KEY", "failed", "may not be read for alerts"),
    ],
)
def test_it_says_why_it_did_not_arrive(
    hook: Webhook, url: str, variable: str, status: str, said: str
) -> None:
    row = deliver(make_channel(url=url, variable=variable))
    assert row.status == status
    assert said in row.attempts[0]["detail"]


def test_of_two_workers_one_sends(hook: Webhook) -> None:
    row = make_delivery(make_channel(url=hook.url))
    now = timezone.now()
    AlertDelivery.objects.filter(pk=row.pk).update(tries=1, next_at=now + timedelta(seconds=60))
    assert not deliveries.send(row.pk, now)
    assert deliveries.send(row.pk, now + timedelta(seconds=61)), "the other one died"


def test_old_deliveries_are_dropped(hook: Webhook) -> None:
    row = deliver(make_channel(url=hook.url))
    assert deliveries.drop_old(timezone.now()) == 0
    AlertDelivery.objects.filter(pk=row.pk).update(finished_at=timezone.now() - timedelta(days=91))
    assert deliveries.drop_old(timezone.now()) == 1
