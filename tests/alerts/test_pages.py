"""The pages of alerts: what is offered, the form and its preview, silences, channels."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from analytics.alerts import deliveries
from analytics.alerts.evaluation import evaluate_due
from analytics.alerts.history import look_back
from analytics.alerts.payload import build_test
from analytics.alerts.records import AlertChannel, AlertDelivery, AlertRule, AlertSilence
from analytics.budgets.records import Budget
from tests.alerts.making import make_calls, make_channel, make_rule
from tests.alerts.receivers import webhook
from tests.analytics.making import catch_up
from tests.factories import client_of, make_key, make_member

pytestmark = pytest.mark.django_db
FORM: dict[str, Any] = {
    "name": "Weather fails",
    "metric": "rejection_rate",
    "query": "tool:get_weather",
    "window": "300",
    "basis": "threshold",
    "direction": "above",
    "level": "10",
    "warning": "5",
    "recovery": "",
    "minimum": "20",
    "severity": "high",
    "renotify": "0",
    "opens_incident": "on",
}


def page(client: Client, name: str, slug: str, /, *more: Any) -> str:
    response = client.get(reverse(f"analytics:{name}", args=[slug, *more]))
    assert response.status_code == 200
    return response.content.decode()


def post(client: Client, name: str, slug: str, /, *more: Any, **data: Any) -> Any:
    return client.post(reverse(f"analytics:{name}", args=[slug, *more]), data)


def test_an_empty_page_offers_rules_with_one_click_each() -> None:
    member = make_member(role="engineer")
    client, slug = client_of(member), member.project.slug
    text = page(client, "alert-list", slug)
    assert text.count("Watch this") == 3
    response = post(client, "alert-default", slug, key="rejections")
    rule = AlertRule.objects.get()
    assert response["Location"] == reverse("analytics:alert", args=[slug, rule.pk])
    assert (rule.metric, rule.window, rule.level, rule.opens_incident) == (
        "rejection_rate", 300, 10, True,
    )  # fmt: skip
    post(client, "alert-default", slug, key="misfires")
    post(client, "alert-default", slug, key="cost")
    assert AlertRule.objects.count() == 3
    assert "Cost per hour 4 spreads above its own past" in page(client, "alert-list", slug)
    assert "Calls are rejected" in page(client, "alert", slug, rule.pk)


def test_a_rule_is_saved_changed_and_removed() -> None:
    member = make_member(role="engineer")
    client, slug = client_of(member), member.project.slug
    channel = make_channel(member.project)
    post(client, "alert-new", slug, **FORM, channels=[channel.pk])
    rule = AlertRule.objects.get()
    assert (rule.query, rule.recovery, list(rule.channels.all())) == (
        "tool:get_weather", None, [channel],
    )  # fmt: skip
    AlertRule.objects.update(state="alert")
    post(client, "alert-edit", slug, rule.pk, **FORM | {"level": "20"})
    rule.refresh_from_db()
    assert (rule.level, rule.state, rule.channels.count()) == (20, "alert", 0)
    post(client, "alert-enable", slug, rule.pk)
    rule.refresh_from_db()
    assert (rule.enabled, rule.state) == (False, "no_data")
    assert "Not watched" in page(client, "alert", slug, rule.pk)
    post(client, "alert-remove", slug, rule.pk)
    assert not AlertRule.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"query": "tol:x"}, "There is no field tol"),
        ({"query": "time:24h"}, "An alert has a window of its own"),
        ({"warning": "12"}, "Enter a number below the alert level"),
        ({"direction": "below", "warning": "5"}, "Enter a number above the alert level"),
        ({"recovery": "11"}, "Enter a number below the alert level"),
        ({"level": ""}, "This field is required"),
        ({"level": "nan"}, "Enter a number"),
        ({"level": "-1"}, "greater than or equal to 0"),
        ({"window": "7"}, "Select a valid choice"),
        ({"basis": "past", "level": "0", "warning": ""}, "how many spreads are unusual"),
        ({"name": "Taken"}, "has this name"),
    ],
)
def test_a_wrong_rule_is_refused_with_what_to_enter(wrong: dict[str, str], said: str) -> None:
    member = make_member(role="engineer")
    make_rule(member.project, name="Taken")
    response = post(client_of(member), "alert-new", member.project.slug, **FORM | wrong)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert AlertRule.objects.count() == 1


def test_the_preview_says_when_it_would_have_fired() -> None:
    member = make_member(role="engineer")
    now = timezone.now().replace(second=0, microsecond=0)
    for days in (3, 10):
        make_calls(member.project, now - timedelta(days=days), 30, 20, seconds=50)
        make_calls(member.project, now - timedelta(days=days, hours=5), 50, seconds=50)
    response = post(client_of(member), "alert-preview", member.project.slug, **FORM)
    text = response.content.decode()
    assert "It would have fired 2 times" in text
    assert "40% (20 of 50 calls)" in text
    assert f"{now - timedelta(days=3):%Y-%m-%dT%H:%M}" in text
    assert "verdict%3Arejected" in text
    assert not AlertRule.objects.exists()
    quiet = post(client_of(member), "alert-preview", member.project.slug, **FORM | {"level": "50"})
    assert "It would not have fired" in quiet.content.decode()
    past = post(
        client_of(member), "alert-preview", member.project.slug,
        **FORM | {"basis": "past", "level": "4", "warning": ""},
    )  # fmt: skip
    assert "Too little is stored to say what is usual" in past.content.decode()


def test_a_budget_that_is_used_up_alerts_and_the_preview_says_since_when() -> None:
    member = make_member(role="engineer")
    client, slug = client_of(member), member.project.slug
    budget = Budget.objects.create(project=member.project, name="June", amount="0.40", period="day")
    form = FORM | {"metric": "budget_used", "level": "80", "warning": "", "query": ""}
    assert "Choose a budget" in post(client, "alert-new", slug, **form).content.decode()
    now = timezone.now()
    make_calls(member.project, now, 50, seconds=1)
    catch_up(now)
    form |= {"budget": str(budget.pk), "basis": "past", "window": "60"}
    assert (
        "It would have fired 1 time" in post(client, "alert-preview", slug, **form).content.decode()
    )
    post(client, "alert-new", slug, **form)
    rule = AlertRule.objects.get()
    evaluate_due()
    rule.refresh_from_db()
    assert (rule.state, rule.value, rule.basis) == ("alert", 125, "threshold")
    text = page(client, "alert", slug, rule.pk)
    assert "Budget June used above 80% today" in text
    assert "$0.50 of $0.40" in text
    assert rule.incident
    assert rule.incident.query == "has:cost"


def test_a_percentile_alerts_and_leads_to_what_is_slower() -> None:
    member, now = make_member(role="engineer"), timezone.now()
    client, slug = client_of(member), member.project.slug
    make_calls(member.project, now, 40, latency_ms=900.0)
    form = {"metric": "tool_p95", "level": "500", "warning": "", "query": ""}
    post(client, "alert-new", slug, **FORM | form)
    rule = AlertRule.objects.get()
    evaluate_due()
    rule.refresh_from_db()
    assert rule.state == "alert"
    assert rule.value == pytest.approx(900, rel=0.01)
    assert '<span class="sub">40 calls</span>' in page(client, "alert", slug, rule.pk)
    assert rule.incident
    assert rule.incident.query == "latency:>500ms"


def test_without_a_script_the_button_previews_on_the_whole_page() -> None:
    member = make_member(role="engineer")
    response = post(client_of(member), "alert-new", member.project.slug, **FORM, preview="1")
    text = response.content.decode()
    assert "It would not have fired" in text
    assert 'value="Weather fails"' in text
    assert not AlertRule.objects.exists()


def test_looking_back_marks_what_it_found() -> None:
    rule, now = make_rule(), timezone.now().replace(second=0, microsecond=0)
    make_calls(rule.project, now - timedelta(hours=2), 30, 20)
    back = look_back(rule, now, timedelta(hours=24), timedelta(minutes=5))
    (told,) = back.firings
    assert told.firing.start == now - timedelta(hours=2)
    assert back.base == 50
    assert back.is_whole
    (marker,) = back.chart.markers
    assert back.chart.series[0].values[marker.at] == 40


def test_a_silence_has_an_end_and_may_be_ended() -> None:
    member = make_member(role="responder")
    client, slug = client_of(member), member.project.slug
    rule = make_rule(member.project)
    post(client, "alert-silence", slug, rule.pk, seconds="900", note="A test drive")
    silence = AlertSilence.objects.get()
    assert silence.ends_at - silence.starts_at == timedelta(minutes=15)
    assert "A test drive" in page(client, "alert", slug, rule.pk)
    post(client, "alert-silence-end", slug, silence.pk)
    assert "A test drive" not in page(client, "alert", slug, rule.pk)
    post(client, "alert-silences", slug, seconds="3600")
    assert "All rules tell nothing until" in page(client, "alert-list", slug)
    post(client, "alert-silences", slug, seconds="5")
    assert AlertSilence.objects.count() == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "webhook", "url": "ftp://x", "variable": "ALERT_X"}, "begins with https"),
        ({"kind": "webhook", "url": "https://a:b@x", "variable": "ALERT_X"}, "credentials"),
        ({"kind": "webhook", "url": "https://x", "variable": "SECRET_KEY"}, "ALERT_VARIABLES"),
        ({"kind": "slack", "variable": "https://hooks.slack.com/x"}, "not the secret itself"),
        ({"kind": "pagerduty", "variable": ""}, "Name a variable"),
        ({"kind": "email", "addresses": ""}, "at least one address"),
        ({"kind": "email", "addresses": "not an address"}, "is no e-mail address"),
    ],
)
def test_a_wrong_channel_is_refused(given: dict[str, str], said: str) -> None:
    member = make_member(role="engineer")
    form = {"name": "Ops", **given}
    response = post(client_of(member), "alert-channel-add", member.project.slug, **form)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert not AlertChannel.objects.exists()


def test_a_channel_is_tested_and_each_try_is_readable(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_SECRET", "whsec_only_for_tests")
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    member = make_member(role="engineer")
    client, slug = client_of(member), member.project.slug
    with webhook() as hook:
        form = {"name": "Ops", "kind": "webhook", "url": hook.url, "variable": "ALERT_SECRET"}
        post(client, "alert-channel-add", slug, **form)
        channel = AlertChannel.objects.get()
        response = post(client, "alert-channel-test", slug, channel.pk)
        hook.statuses = [500]
        post(client, "alert-channel-test", slug, channel.pk)
    text = client.get(response["Location"]).content.decode()
    assert "200 OK: heard" in text
    assert "whsec" not in text
    sent, failed = AlertDelivery.objects.order_by("pk")
    assert (sent.status, failed.status) == ("sent", "failed"), "a test is tried once"
    assert "500 Internal Server Error" in page(client, "alert-delivery", slug, failed.pk)
    assert page(client, "alert-deliveries", slug).count("A test") == 2
    assert "Ops" in page(client, "alert-channels", slug)
    post(client, "alert-channel-archive", slug, channel.pk)
    assert "No channel yet" in page(client, "alert-channels", slug)
    assert "200 OK" in page(client, "alert-delivery", slug, sent.pk)


def test_a_failed_delivery_of_an_event_is_sent_again() -> None:
    member = make_member(role="responder")
    channel = make_channel(member.project)
    row = deliveries.create(channel, build_test(channel, timezone.now(), site="http://x"))
    response = post(client_of(member), "alert-delivery-retry", member.project.slug, row.pk)
    assert response.status_code == 302
    row.refresh_from_db()
    assert (row.status, row.tries) == ("waiting", 0)


def test_the_api_says_how_rules_stand_and_what_they_found() -> None:
    rule = make_rule()
    _, key = make_key(rule.project, ["read"])
    headers = {"Authorization": f"Bearer {key}"}
    (alert,) = Client().get("/api/v1/alerts", headers=headers).json()["alerts"]
    assert (alert["name"], alert["state"], alert["incident"]) == (
        "Calls are rejected", "no_data", None,
    )  # fmt: skip
    assert Client().get(f"/api/v1/alerts/{rule.pk}", headers=headers).json() == alert
    assert Client().get("/api/v1/alerts?state=alert", headers=headers).json() == {"alerts": []}
    path = f"/api/v1/alerts/{rule.pk}/events"
    assert Client().get(path, headers=headers).json() == {"events": [], "next": None}
    other = make_rule()
    assert Client().get(f"/api/v1/alerts/{other.pk}", headers=headers).status_code == 404


def test_hostile_names_are_shown_as_text() -> None:
    member = make_member(role="engineer")
    name = "<script>alert(1)</script>"
    rule = make_rule(member.project, name=name, query='tool:"<b>x</b>"')
    make_channel(member.project, name=name)
    client, slug = client_of(member), member.project.slug
    for text in (
        page(client, "alert-list", slug),
        page(client, "alert", slug, rule.pk),
        page(client, "alert-channels", slug),
        page(client, "alert-edit", slug, rule.pk),
    ):
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text
