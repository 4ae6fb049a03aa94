"""What becomes of incidents, told to those who watch or own them, and to channels that want it.

Whoever writes into an incident's timeline marks what is news (``records.IncidentEvent.to_tell``);
a task takes the marks away and makes the deliveries in one transaction, so that each is told once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from analytics.alerts import deliveries
from analytics.alerts.payload import VERSION, write_time
from analytics.alerts.records import AlertChannel
from console.accounts.models import User
from console.lib import uuid7
from conversations.incidents.records import Incident, IncidentEvent

_AT_ONCE = 200
_FRESH = timedelta(hours=1)
"""What is older is history that was written afterwards, and no news."""
_WORDS = {
    "acknowledged": "acknowledged",
    "mitigated": "mitigated",
    "resolved": "resolved",
    "reopened": "reopened",
    "changed": "changed",
    "note": "has a note",
    "published": "has a fix published",
}


def tell_waiting(now: datetime | None = None) -> int:
    """Make the deliveries of what is not told yet; how many events it took."""
    now = now or timezone.now()
    waiting = IncidentEvent.objects.filter(to_tell=True).order_by("pk")
    return sum(_take(pk, now) for pk in waiting.values_list("pk", flat=True)[:_AT_ONCE])


def _take(pk: int, now: datetime) -> bool:
    with transaction.atomic():
        mine = IncidentEvent.objects.select_for_update(skip_locked=True, of=("self",))
        rows = mine.select_related("incident__project", "incident__owner", "author")
        event = rows.filter(pk=pk, to_tell=True).first()
        if event is None:
            return False
        event.to_tell = False
        event.save(update_fields=["to_tell"])
        if event.at > now - _FRESH:
            body = build_news(event, site=settings.SITE_URL)
            for receiver in _find_receivers(event):
                deliveries.create(receiver, body)
    return True


def _find_receivers(event: IncidentEvent) -> list[AlertChannel]:
    """The project's channels that want it; and by e-mail, where a server is set, each member who
    watches or owns the incident, but for whoever did it."""
    project = event.incident.project
    rows = AlertChannel.objects.filter(project=project, archived_at=None, tells_incidents=True)
    found = list(rows.select_related("project").order_by("pk"))
    if settings.EMAIL_HOST:
        found += [
            AlertChannel(project=project, kind="email", addresses=[user.email])
            for user in find_people(event.incident)
            if user != event.author
        ]
    return found


def find_people(incident: Incident) -> list[User]:
    """The members who watch or own an incident."""
    watching = incident.watchers.values("pk")
    rows = User.objects.filter(Q(pk__in=watching) | Q(pk=incident.owner_id), is_active=True)
    return list(rows.filter(member__project=incident.project_id).distinct().order_by("pk"))


def build_news(event: IncidentEvent, *, site: str) -> dict[str, Any]:
    """The object that docs/alerts.md describes, of type ``incident``."""
    incident = event.incident
    url = site + reverse("conversations:incident", args=[incident.project.slug, incident.number])
    return {
        "version": VERSION,
        "id": str(uuid7.now()),
        "type": "incident",
        "at": write_time(event.at),
        "text": tell_event(event),
        "severity": incident.severity,
        "state": incident.status,
        "project": incident.project.slug,
        "rule": None,
        "event": event.kind,
        "by": str(event.author) if event.author else event.detail.get("sender") or None,
        "url": url,
        "incident": {
            "name": incident.name,
            "title": incident.title,
            "status": incident.status,
            "url": url,
            "suspect": None,
        },
    }


def tell_event(event: IncidentEvent) -> str:
    """One sentence or two: what became of it, by whom, and what they wrote."""
    by = event.author or event.detail.get("sender")
    said = f"{event.incident.name} {_WORDS.get(event.kind, event.kind)}"
    said += f" by {by}" if by else ""
    return f"{said}: {event.text}"[:1000] if event.text else f"{said}."
