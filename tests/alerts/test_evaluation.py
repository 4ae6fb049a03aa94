"""Looking at rules: on the newest calls, once each, with incident, deliveries and silence."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from analytics.alerts import evaluation
from analytics.alerts.evaluation import evaluate_due, take_measure
from analytics.alerts.records import AlertDelivery, AlertEvent, AlertRule, AlertSilence
from conversations.incidents.records import Incident
from tests.alerts.making import make_calls, make_channel, make_rule
from tests.factories import make_project

pytestmark = pytest.mark.django_db


def look(rule: AlertRule, now: datetime) -> AlertRule:
    """A look now, whenever the last one was."""
    AlertRule.objects.filter(pk=rule.pk).update(due_at=now)
    evaluate_due(now)
    rule.refresh_from_db()
    return rule


def test_it_sees_the_present_minute() -> None:
    rule, now = make_rule(), timezone.now()
    make_calls(rule.project, now - timedelta(seconds=61), 100, seconds=50)
    make_calls(rule.project, now, 30, 20, seconds=8)
    measured, began = take_measure(rule, now)
    assert (measured.reading.part, measured.reading.base) == (20, 50)
    assert measured.figure == 40
    assert timedelta(seconds=5) <= now - began <= timedelta(seconds=12)


def test_an_alert_opens_an_incident_of_the_very_calls_and_tells() -> None:
    rule = make_rule(query="tool:get_*", severity="critical")
    rule.channels.add(make_channel(rule.project))
    now = timezone.now()
    make_calls(rule.project, now, 30, 20)
    look(rule, now)
    incident = Incident.objects.get()
    assert rule.state == "alert"
    assert rule.incident == incident
    assert incident.query == "tool:get_* verdict:rejected"
    assert incident.title.startswith("Calls are rejected: Rejection rate 40% (20 of 50 calls)")
    assert (incident.severity, incident.kind) == ("critical", "calls")
    assert now - timedelta(seconds=40) < incident.since < now
    event = AlertEvent.objects.get()
    assert (event.before, event.state, event.notice) == ("no_data", "alert", "alert")
    body = AlertDelivery.objects.get().body
    assert '"type":"alert"' in body
    assert f'"name":"INC-{incident.number}"' in body


def test_a_second_look_tells_nothing_and_the_end_is_told_to_the_incident() -> None:
    rule, now = make_rule(), timezone.now()
    make_calls(rule.project, now, 30, 20)
    look(rule, now)
    look(rule, now + timedelta(seconds=10))
    assert AlertEvent.objects.count() == 1
    later = now + timedelta(seconds=90)
    make_calls(rule.project, later, 50)
    assert look(rule, later).state == "ok"
    incident = Incident.objects.get()
    told = incident.events.filter(kind="alert").order_by("-pk").first()
    assert told is not None
    assert "has recovered" in told.text
    make_calls(rule.project, later + timedelta(seconds=90), 1, 40)
    look(rule, later + timedelta(seconds=90))
    assert Incident.objects.count() == 1


def test_a_silence_tells_nothing_until_it_ends() -> None:
    rule, now = make_rule(), timezone.now()
    end = now + timedelta(seconds=20)
    AlertSilence.objects.create(project=rule.project, starts_at=now, ends_at=end)
    make_calls(rule.project, now, 30, 20, seconds=10)
    assert look(rule, now).state == "alert"
    assert AlertEvent.objects.get().silenced
    assert not Incident.objects.exists()
    look(rule, end)
    assert AlertEvent.objects.filter(notice="alert").count() == 1
    assert Incident.objects.exists()


def test_of_two_workers_one_looks() -> None:
    rule, now = make_rule(), timezone.now()
    assert evaluation._claim(rule.pk, now)
    assert not evaluation._claim(rule.pk, now)
    assert evaluate_due(now + timedelta(seconds=8)) == 0
    assert evaluate_due(now + timedelta(seconds=10)) == 1


def test_a_rule_that_is_not_watched_is_not_looked_at() -> None:
    make_rule(enabled=False)
    assert evaluate_due() == 0


def test_what_fails_with_one_rule_does_not_keep_the_others() -> None:
    project, now = make_project(), timezone.now()
    broken = make_rule(project, name="Broken", query="no:field")
    sound = make_rule(project)
    assert evaluate_due(now) == 2
    broken.refresh_from_db()
    sound.refresh_from_db()
    assert "There is no field no" in broken.error
    assert sound.looked_at == now


@pytest.mark.parametrize(
    ("metric", "part", "value"),
    [
        ("rejection_rate", 20, 40),
        ("misfire_rate", 20, 40),
        ("flagged_rate", 0, 0),
        ("tool_error_rate", 0, 0),
        ("failed_turn_rate", 0, 0),
        ("unpriced_rate", 0, 0),
        ("calls", 50, 50),
        ("turns", 50, 50),
        ("cost_per_hour", 0.5, 30),
    ],
)
def test_every_metric_is_counted(metric: str, part: float, value: float) -> None:
    rule, now = make_rule(metric=metric), timezone.now()
    make_calls(rule.project, now, 30, 20)
    measured, _ = take_measure(rule, now)
    assert measured.reading.part == pytest.approx(part)
    assert measured.value == pytest.approx(value)


def test_the_past_is_the_same_hour_of_the_weeks_before() -> None:
    rule, now = make_rule(basis="past", level=4), timezone.now()
    week = timedelta(days=7)
    for back in (1, 2, 3):
        make_calls(rule.project, now - week * back - timedelta(seconds=31), 48, 2, seconds=1)
    make_calls(rule.project, now, 30, 20)
    measured, _ = take_measure(rule, now)
    assert measured.expected == 4
    assert look(rule, now).state == "alert"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "read_hours", None)
        assert evaluation._read_past(rule, rule.asked, now)
