"""What a look at a rule leads to: its new standing, an event, an incident, and deliveries."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from analytics.alerts import deliveries
from analytics.alerts.lifecycle import Step, advance
from analytics.alerts.payload import build
from analytics.alerts.readings import read_filter
from analytics.alerts.records import AlertEvent, AlertRule, AlertSilence
from analytics.alerts.rules import Measured
from analytics.alerts.wording import tell_notice
from console.lib import uuid7
from conversations.incidents.lifecycle import log
from conversations.incidents.opening import open_or_join
from conversations.incidents.records import Incident
from conversations.search.query import parse


def apply(pk: int, measured: Measured, began: datetime, now: datetime) -> AlertEvent | None:
    """Move a rule on by what was measured, in one transaction; the event, if there is one."""
    with transaction.atomic():
        row = _take(pk)
        silenced = is_silenced(row, now)
        before = row.state
        step = advance(row.rule, row.standing, measured, now, silenced=silenced)
        row.stand(step.standing)
        _keep(row, measured, now)
        event = None
        if step.changed or step.notice:
            event = write_event(row, before, step, measured, began, now, silenced=silenced)
            if step.notice:
                _follow_incident(row, event)
                _deliver(row, event)
        row.save()
    return event


def _take(pk: int) -> AlertRule:
    rows = AlertRule.objects.select_for_update(of=("self",))
    return rows.select_related("project", "budget").get(pk=pk)


def is_silenced(row: AlertRule, now: datetime) -> bool:
    """Is there a silence now, of the rule or of the whole project?"""
    here = AlertSilence.objects.filter(Q(rule=row) | Q(rule=None), project=row.project_id)
    return here.filter(starts_at__lte=now, ends_at__gt=now).exists()


def _keep(row: AlertRule, measured: Measured, now: datetime) -> None:
    row.value, row.expected = measured.value, measured.expected
    row.part, row.base = measured.reading.part, measured.reading.base
    row.lack, row.looked_at, row.error = measured.lack, now, ""


def write_event(
    row: AlertRule,
    before: str,
    step: Step,
    measured: Measured,
    began: datetime,
    now: datetime,
    *,
    silenced: bool = False,
) -> AlertEvent:
    """Keep what a step was, under a key of its time."""
    state = step.standing.state
    silent = "recovered" if state == "ok" and before in ("alert", "warning") else state
    return AlertEvent.objects.create(
        id=uuid7.of(now, uuid4().hex),
        project=row.project,
        rule=row,
        at=now,
        before=before,
        state=state,
        notice=step.notice or "",
        text=tell_notice(step.notice or silent, row.name, row.watched, row.rule, measured)[:500],
        silenced=silenced,
        value=measured.value,
        expected=measured.expected,
        part=measured.reading.part,
        base=measured.reading.base,
        began_at=began if state in ("alert", "warning") else None,
    )


def _follow_incident(row: AlertRule, event: AlertEvent) -> None:
    """An alert opens an incident or joins its own; what follows is told to that incident."""
    if event.notice == "alert" and row.opens_incident:
        row.incident = _open(row, event)
    elif event.notice == "recovered" and row.incident and row.incident.is_open:
        log(row.incident, "alert", event.text, detail={"url": page_of(row), "recovered": True})
    event.incident = row.incident
    event.save(update_fields=["incident"])


def _open(row: AlertRule, event: AlertEvent) -> Incident:
    incident, _ = open_or_join(
        row.project,
        alert_key=f"alert:{row.pk}",
        title=f"{row.name}: {event.text.removeprefix(f'{row.name}: ').rstrip('.')}",
        severity=row.severity,
        kind=row.watched.kind,
        query=rows_of(row),
        since=event.began_at or event.at,
        alert=event.text,
        alert_url=page_of(row),
    )
    return incident


def rows_of(row: AlertRule) -> str:
    """The filter of the very rows that a rule counts."""
    return read_filter(row.filter).having(*parse(row.watched.terms(row.rule)).terms).text


def page_of(row: AlertRule) -> str:
    return reverse("analytics:alert", args=[row.project.slug, row.pk])


def _deliver(row: AlertRule, event: AlertEvent) -> None:
    """One message to each channel; what it says is made once, as it reads the evidence."""
    channels = list(row.channels.filter(archived_at=None).select_related("project"))
    if not channels:
        return
    body = build(row, event, site=settings.SITE_URL)
    for channel in channels:
        deliveries.create(channel, body, event=event)
