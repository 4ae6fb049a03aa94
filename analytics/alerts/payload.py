"""What is told to every channel, as one JSON object; each notifier writes it in its own form."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse

from analytics.alerts.records import AlertChannel, AlertEvent, AlertRule
from analytics.alerts.wording import tell_condition
from console.lib import uuid7
from conversations.incidents.cards import deal
from conversations.incidents.evidence import judge
from conversations.incidents.records import Incident

VERSION = 1


def build(row: AlertRule, event: AlertEvent, *, site: str) -> dict[str, Any]:
    """The object that docs/alerts.md describes. ``site`` is the console's own address."""
    return {
        "version": VERSION,
        "id": str(event.pk),
        "type": event.notice,
        "at": write_time(event.at),
        "text": event.text,
        "severity": row.severity,
        "state": event.state,
        "project": row.project.slug,
        "rule": {
            "id": row.pk,
            "name": row.name,
            "metric": row.metric,
            "filter": row.filter,
            "window_seconds": row.window,
            "condition": tell_condition(row.watched, row.rule),
        },
        "value": event.value,
        "unit": row.watched.unit,
        "part": event.part,
        "base": event.base,
        "expected": event.expected,
        "began_at": write_time(event.began_at) if event.began_at else None,
        "url": site + reverse("analytics:alert", args=[row.project.slug, row.pk]),
        "incident": _tell_incident(row, event, site),
    }


def _tell_incident(row: AlertRule, event: AlertEvent, site: str) -> dict[str, Any] | None:
    incident = event.incident
    if incident is None:
        return None
    address = reverse("conversations:incident", args=[row.project.slug, incident.number])
    return {
        "name": incident.name,
        "title": incident.title,
        "status": incident.status,
        "url": site + address,
        "suspect": _tell_suspect(incident, event.at),
    }


def _tell_suspect(incident: Incident, now: datetime) -> str | None:
    """The incident's first suspect in one phrase; None where none explains the calls."""
    card = next(iter(deal(incident.project, judge(incident, now))), None)
    if card is None or card.suspect.grade == "ruled out":
        return None
    sure = "Probably" if card.suspect.grade == "likely" else "Possibly"
    name = " ".join(filter(None, [card.kind.lower(), card.name]))
    number = f" v{card.number}" if card.number else ""
    seen = card.suspect.first_seen
    return f"{sure} {name}{number}" + (f", first seen {seen:%H:%M} UTC" if seen else "")


def build_test(channel: AlertChannel, at: datetime, *, site: str) -> dict[str, Any]:
    """What the test button sends: the same object, of type ``test``, without a rule."""
    text = f"This is a test of the channel {channel.name} of {channel.project.name} in Misfire."
    return {
        "version": VERSION,
        "id": str(uuid7.now()),
        "type": "test",
        "at": write_time(at),
        "text": text,
        "severity": "low",
        "state": "ok",
        "project": channel.project.slug,
        "rule": None,
        "url": site + reverse("analytics:alert-channels", args=[channel.project.slug]),
        "incident": None,
    }


def write_time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
