"""How an incident goes on: its status, owner, severity and notes, each with its event."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from console.accounts.models import User
from console.lib.fields import to_plain
from conversations.incidents.counting import forget_open
from conversations.incidents.records import NEWS, SEVERITIES, STATUS, Incident, IncidentEvent

_STEPS = {
    "acknowledged": "acknowledged_at",
    "mitigated": "mitigated_at",
    "resolved": "resolved_at",
}
"""The column that says when each status was reached."""


class BadStep(ValueError):
    """The step cannot be made; the text says why and what to do."""


def log(
    incident: Incident,
    kind: str,
    text: str = "",
    *,
    at: datetime | None = None,
    author: User | None = None,
    detail: dict[str, Any] | None = None,
) -> IncidentEvent:
    """Write an event into the timeline; ``kind`` is one of ``records.EVENTS``. Of news those who
    watch the incident are told."""
    return IncidentEvent.objects.create(
        incident=incident,
        at=at or timezone.now(),
        kind=kind,
        text=to_plain(text)[:2000],
        author=author,
        detail=detail or {},
        to_tell=kind in NEWS,
    )


def set_status(
    incident: Incident, status: str, *, by: User | None = None, note: str = "", sender: str = ""
) -> bool:
    """Bring the incident to a status; False where it had it already. To open, acknowledged or
    mitigated from resolved is to reopen it. Raises ``BadStep`` for a status that is none."""
    if status not in dict(STATUS):
        raise BadStep(f"Make status one of {', '.join(dict(STATUS))}.")
    with transaction.atomic():
        held = Incident.objects.select_for_update().get(pk=incident.pk)
        if held.status == status:
            return False
        was, now = held.status, timezone.now()
        changed: dict[str, Any] = {"status": status}
        if column := _STEPS.get(status):
            changed[column] = now
        if status == "resolved":
            changed["until"] = held.until or now
        if was == "resolved":
            changed |= {"resolved_at": None, "until": None, "recurrences": held.recurrences + 1}
        _save(incident, changed)
        kind = "reopened" if was == "resolved" else _name_event(status)
        detail = {"from": was, "to": status} | ({"sender": sender} if sender else {})
        log(incident, kind, note, at=now, author=by, detail=detail)
        transaction.on_commit(lambda: forget_open(incident.project_id))
    return True


def reopen(incident: Incident, *, reason: str, by: User | None = None) -> bool:
    """Open a resolved incident again, as it recurred; False where it is open."""
    return not incident.is_open and set_status(incident, "open", by=by, note=reason)


def assign(incident: Incident, owner: User | None, *, by: User | None = None) -> None:
    """Give the incident an owner, a member of its project, who then watches it; None for nobody."""
    if owner == incident.owner:
        return
    with transaction.atomic():
        _save(incident, {"owner": owner})
        if owner:
            incident.watchers.add(owner)
        text = f"Assigned to {owner}" if owner else "Assigned to nobody"
        log(incident, "changed", text, author=by)


def set_severity(incident: Incident, severity: str, *, by: User | None = None) -> None:
    """Raises ``BadStep`` for a severity that is none."""
    if severity not in dict(SEVERITIES):
        raise BadStep(f"Make severity one of {', '.join(dict(SEVERITIES))}.")
    if severity != incident.severity:
        text = f"Severity {severity}, it was {incident.severity}"
        _save(incident, {"severity": severity})
        log(incident, "changed", text, author=by)


def rename(incident: Incident, title: str, *, by: User | None = None) -> None:
    """Raises ``BadStep`` for an empty title."""
    title = " ".join(to_plain(title).split())[:200]
    if not title:
        raise BadStep("Write what went wrong as the title.")
    if title != incident.title:
        _save(incident, {"title": title})
        log(incident, "changed", f"Renamed to {title}", author=by)


def set_cause(incident: Incident, cause: str, *, by: User | None = None) -> None:
    """Keep what people found to be the cause; "" takes it back."""
    cause = to_plain(cause).strip()[:2000]
    if cause != incident.cause:
        _save(incident, {"cause": cause})
        log(incident, "changed", "Cause noted" if cause else "Cause taken back", author=by)


def _save(incident: Incident, changed: dict[str, Any]) -> None:
    for name, value in changed.items():
        setattr(incident, name, value)
    incident.save(update_fields=list(changed))


def _name_event(status: str) -> str:
    return "changed" if status == "open" else status
