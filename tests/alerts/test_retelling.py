"""A new rule's past: the events that it would have written, told to nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from analytics.alerts.evaluation import evaluate
from analytics.alerts.records import AlertDelivery, AlertEvent
from analytics.alerts.retelling import retell
from conversations.incidents.opening import open_incident
from tests.alerts.making import make_calls, make_channel, make_rule
from tests.factories import make_project

pytestmark = pytest.mark.django_db


def test_the_past_is_told_as_watching_it_would_have() -> None:
    project = make_project()
    watched = make_rule(project, name="watched", window=300)
    retold = make_rule(project, name="retold", window=300)
    retold.channels.add(make_channel(project))
    end = timezone.now().replace(second=0, microsecond=0)
    begun = end - timedelta(minutes=60)
    for minute in range(60):
        make_calls(project, begun + timedelta(minutes=minute + 1), 8, 7 if 20 <= minute < 30 else 0)
    for minute in range(1, 61):
        evaluate(watched.pk, begun + timedelta(minutes=minute))
    events = retell(retold, begun, end)

    def tell(rows: list[AlertEvent]) -> list[tuple[object, ...]]:
        return [(row.at, row.before, row.state, row.notice, row.part, row.base) for row in rows]

    assert [event.notice for event in events] == ["", "alert", "recovered"]
    assert tell(list(watched.events.order_by("id"))) == tell(list(retold.events.order_by("id")))
    watched.refresh_from_db()
    retold.refresh_from_db()
    assert retold.standing == watched.standing
    assert events[1].began_at == watched.events.get(notice="alert").began_at
    assert not AlertDelivery.objects.exists()


def test_alerts_within_an_incidents_time_are_of_it() -> None:
    project = make_project()
    end = timezone.now().replace(second=0, microsecond=0)
    for ago in (100, 40):
        make_calls(project, end - timedelta(minutes=ago), 2, 18)
        make_calls(project, end - timedelta(minutes=ago - 5), 20)
    since = end - timedelta(minutes=45)
    incident = open_incident(
        project, title="It broke", since=since, until=since + timedelta(minutes=10)
    )
    rule = make_rule(project)
    retell(rule, end - timedelta(hours=2), end, incident)
    alerts = rule.events.filter(notice="alert").order_by("at")
    assert [event.incident for event in alerts] == [None, incident]
    assert incident.events.filter(kind="alert").get().at == alerts[1].at
    rule.refresh_from_db()
    assert rule.incident == incident and rule.state != "alert"
