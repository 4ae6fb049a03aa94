"""What becomes of an incident is told to those who watch or own it, once, with its link."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from analytics.alerts import deliveries, news
from analytics.alerts.records import AlertDelivery
from conversations.incidents import lifecycle
from conversations.incidents.opening import open_incident
from conversations.incidents.records import Incident
from tests.alerts.making import make_channel
from tests.alerts.receivers import mailbox, webhook
from tests.factories import client_of, make_member, make_project, make_user

pytestmark = pytest.mark.django_db


def make_incident() -> Incident:
    return open_incident(make_project(), title="Weather fails", since=timezone.now())


def read_told() -> list[tuple[str, str]]:
    """(to whom, what), in the order of the messages."""
    rows = AlertDelivery.objects.order_by("created_at", "pk")
    return [(row.receiver.name, row.message["text"]) for row in rows]


def test_watchers_and_the_owner_get_mail_of_each_step_but_not_of_their_own(
    settings: Settings,
) -> None:
    incident = make_incident()
    ada, bob = (
        make_member(incident.project, role="responder", user=make_user(f"{name}@example.com"))
        for name in ("ada", "bob")
    )
    gone = make_user("gone@example.com")
    incident.watchers.add(ada.user, gone)
    with mailbox() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        lifecycle.assign(incident, bob.user, by=ada.user)
        lifecycle.log(incident, "note", "It is the new definition", author=bob.user)
        lifecycle.set_status(incident, "resolved", by=ada.user)
        lifecycle.reopen(incident, reason="It is back: 4 of 12 calls")
        assert news.tell_waiting() == 4
        assert news.tell_waiting() == 0
        deliveries.send_due()
    told = [(sent["To"], sent["Subject"], str(sent.get_payload())) for sent in box.messages]
    assert [(to, text.splitlines()[0]) for to, _, text in told] == [
        ("bob@example.com", f"INC-1 changed by {ada.user}: Assigned to {bob.user}"),
        ("ada@example.com", f"INC-1 has a note by {bob.user}: It is the new definition"),
        ("bob@example.com", f"INC-1 resolved by {ada.user}."),
        ("ada@example.com", "INC-1 reopened: It is back: 4 of 12 calls"),
        ("bob@example.com", "INC-1 reopened: It is back: 4 of 12 calls"),
    ]
    assert all("/incidents/1/" in text for _, _, text in told)
    assert {subject for _, subject, _ in told} == {f"[{incident.project.slug}] INC-1 Weather fails"}
    client, slug = client_of(ada), incident.project.slug
    page = client.get(f"/p/{slug}/alerts/deliveries/").content.decode()
    assert "ada@example.com" in page
    client.post(f"/p/{slug}/incidents/1/watch/")
    lifecycle.log(incident, "note", "Nobody hears this", author=bob.user)
    news.tell_waiting()
    assert len(read_told()) == 5


def test_channels_that_want_it_hear_of_incidents_without_a_mail_server(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_SECRET", "whsec_only_for_tests")
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    incident = make_incident()
    incident.watchers.add(make_member(incident.project).user)
    make_channel(incident.project, name="Deaf")
    with webhook() as hook:
        make_channel(incident.project, url=hook.url, tells_incidents=True)
        lifecycle.set_status(incident, "mitigated")
        news.tell_waiting()
        deliveries.send_due()
    (sent,) = hook.received
    assert b'"type":"incident"' in sent.body
    assert b'"event":"mitigated"' in sent.body
    assert read_told() == [("Ops", "INC-1 mitigated.")]


def test_history_that_is_written_afterwards_is_no_news() -> None:
    incident = make_incident()
    make_channel(incident.project, tells_incidents=True)
    lifecycle.log(incident, "note", "Long ago", at=timezone.now() - timedelta(days=2))
    assert news.tell_waiting() == 1
    assert read_told() == []
