"""Opening incidents: by hand, by program, or by an alert, which joins the one it opened before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from console.accounts.models import Project, User
from console.lib.fields import to_plain
from conversations.incidents.counting import forget_open
from conversations.incidents.lifecycle import log, reopen
from conversations.incidents.records import Incident, IncidentWatcher
from conversations.search.query import parse

AGAIN = timedelta(days=30)
"""How long after its end an incident's alert means the same incident; later it is a new one."""


EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
"""Between which times there are incidents: beyond them neither keys nor times can be reckoned."""


def open_incident(
    project: Project,
    *,
    title: str,
    severity: str = "medium",
    kind: str = "calls",
    query: str = "",
    since: datetime,
    until: datetime | None = None,
    by: User | None = None,
    sender: str = "",
    alert: str = "",
    alert_key: str = "",
    alert_url: str = "",
) -> Incident:
    """A new incident of the project with the next number.

    ``query`` is a filter of the list ``kind``; terms of time in it are dropped, as ``since`` and
    ``until`` say them. Raises ``BadQuery`` for text that is no filter. With "" nothing joins by
    itself. Whoever opens it watches it. Times before ``EARLIEST`` or after ``LATEST`` are these.
    """
    wanted = parse(query)
    kept = wanted.without(*wanted.of("time")).text
    with transaction.atomic():
        # Numbers follow each other; ingest, which only refers to the project, does not wait.
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        incident = Incident.objects.create(
            project=project,
            number=_last_number(project) + 1,
            title=" ".join(to_plain(title).split())[:200] or "Untitled incident",
            severity=severity,
            kind=kind,
            query=kept,
            since=_bound(since),
            until=until and _bound(until),
            opened_by=by,
            sender=sender[:100],
            opened_at=timezone.now(),
            alert_key=alert_key[:200],
            alert=alert[:500],
            alert_url=alert_url[:300],
        )
        if by:
            IncidentWatcher.objects.create(incident=incident, user=by)
        if alert:
            log(incident, "alert", incident.alert, detail={"url": incident.alert_url})
        log(incident, "opened", author=by, detail={"sender": incident.sender})
        transaction.on_commit(lambda: forget_open(project.pk))
    return incident


def _bound(at: datetime) -> datetime:
    return min(max(at, EARLIEST), LATEST)


def open_or_join(
    project: Project,
    *,
    alert_key: str,
    title: str,
    severity: str = "high",
    kind: str = "calls",
    query: str,
    since: datetime,
    alert: str,
    alert_url: str = "",
) -> tuple[Incident, bool]:
    """The incident of what an alert found, and whether it is a new one.

    ``alert_key`` names what the alert is about, the same each time. While the key's last incident
    is open, the alert is an event of it; one resolved in the last 30 days is reopened.
    """
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        last = (
            Incident.objects.filter(project=project, alert_key=alert_key[:200])
            .order_by("-number")
            .first()
        )
        if last and (last.is_open or timezone.now() - (last.resolved_at or since) <= AGAIN):
            log(last, "alert", alert[:500], detail={"url": alert_url[:300]})
            if not last.is_open:
                reopen(last, reason="The alert fired again")
            return last, False
        incident = open_incident(
            project,
            title=title,
            severity=severity,
            kind=kind,
            query=query,
            since=since,
            alert=alert,
            alert_key=alert_key,
            alert_url=alert_url,
        )
        return incident, True


def _last_number(project: Project) -> int:
    found = Incident.objects.filter(project=project).aggregate(last=Max("number"))["last"]
    return int(found or 0)
