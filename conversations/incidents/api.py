"""Incidents for programs: list, open, follow and change them, add turns and notes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from console.accounts.access import ApiRequest, api_key
from console.lib import json
from conversations.incidents import lifecycle
from conversations.incidents.cards import deal
from conversations.incidents.front import read_numbers
from conversations.incidents.joining import add, find_rows, join
from conversations.incidents.opening import EARLIEST, LATEST, open_incident
from conversations.incidents.records import STATUS, Incident
from conversations.incidents.timeline import read_timeline
from conversations.models import TurnKey
from conversations.search.query import BadQuery
from conversations.storage import key_of
from tools_registry.bodies import Refused, read_body, refusing

PAGE, MOST_TURNS = 50, 1000
Moment = Annotated[AwareDatetime, Field(ge=EARLIEST, lt=LATEST)]
Severity = Literal["low", "medium", "high", "critical"]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Opening(_Body):
    """The body of ``POST /api/v1/incidents``; at least one of ``filter`` and ``turns``."""

    title: str = Field(min_length=1, max_length=200)
    severity: Severity = "medium"
    kind: Literal["calls", "turns", "conversations"] = "calls"
    filter: str = Field(default="", max_length=2000)
    turns: list[str] = Field(default_factory=list, max_length=MOST_TURNS)
    since: Moment
    until: Moment | None = None


class Step(_Body):
    """The body of ``PATCH /api/v1/incidents/<number>``: what is to change."""

    status: Literal["open", "acknowledged", "mitigated", "resolved"] | None = None
    title: str | None = Field(default=None, min_length=1, max_length=200)
    severity: Severity | None = None
    cause: str | None = Field(default=None, max_length=2000)
    note: str = Field(default="", max_length=2000)


class Turns(_Body):
    turns: list[str] = Field(min_length=1, max_length=MOST_TURNS)


class Note(_Body):
    text: str = Field(min_length=1, max_length=2000)
    at: Moment | None = None


@api_key("read", POST="replay")
@require_http_methods(["GET", "HEAD", "POST"])
@refusing
def incidents(request: ApiRequest) -> HttpResponseBase:
    """One page, the newest first (``status``, ``before`` a number); or a new incident."""
    return _open(request) if request.method == "POST" else _list(request)


def _list(request: ApiRequest) -> HttpResponse:
    status, before = request.GET.get("status", ""), request.GET.get("before", "")
    if status and status not in dict(STATUS):
        raise Refused(400, "bad_status", f"Make status one of {', '.join(dict(STATUS))}.")
    if before and not (before.isdecimal() and len(before) < 10):
        raise Refused(400, "bad_before", "Send as before what a page gave as next.")
    rows = Incident.objects.filter(project=request.project).select_related("owner", "opened_by")
    rows = rows.filter(status=status) if status else rows
    rows = rows.filter(number__lt=int(before)) if before else rows
    found = list(rows.order_by("-number")[: PAGE + 1])
    body = {
        "incidents": [record_of(incident) for incident in found[:PAGE]],
        "next": found[PAGE - 1].number if len(found) > PAGE else None,
    }
    return _answer(body)


def _open(request: ApiRequest) -> HttpResponse:
    asked = read_body(request, Opening)
    ids = _find_turns(request, asked.turns)
    if not ids and not asked.filter.strip():
        raise Refused(422, "nothing_selected", "Send a filter, or turns.")
    if asked.since > timezone.now() or (asked.until and asked.until <= asked.since):
        raise Refused(422, "bad_times", "since is not in the future, and until is after it.")
    try:
        incident = open_incident(
            request.project,
            title=asked.title,
            severity=asked.severity,
            kind=asked.kind,
            query=asked.filter,
            since=asked.since,
            until=asked.until,
            sender=request.api_key.name,
        )
    except BadQuery as error:
        raise Refused(422, "bad_filter", error.problem, term=error.term) from None
    _add(request, incident, ids)
    join(incident)
    address = reverse("conversations:api-incident", args=[incident.number])
    return _answer(_describe(incident), status=201, headers={"Location": address})


@api_key("read", PATCH="replay")
@require_http_methods(["GET", "HEAD", "PATCH"])
@refusing
def incident(request: ApiRequest, number: int) -> HttpResponseBase:
    """One incident whole, with impact, suspects and timeline; or a change of it."""
    found = _find(request, number)
    if request.method == "PATCH":
        asked, sender = read_body(request, Step), request.api_key.name
        if asked.title is not None:
            lifecycle.rename(found, asked.title)
        if asked.severity is not None:
            lifecycle.set_severity(found, asked.severity)
        if asked.cause is not None:
            lifecycle.set_cause(found, asked.cause)
        if asked.status is not None:
            lifecycle.set_status(found, asked.status, note=asked.note, sender=sender)
    return _answer(_describe(found))


@api_key("read", POST="replay")
@require_http_methods(["GET", "HEAD", "POST"])
@refusing
def incident_turns(request: ApiRequest, number: int) -> HttpResponseBase:
    """The turns of an incident, the oldest first; or more of them, by our id or their own."""
    found = _find(request, number)
    if request.method == "POST":
        added = _add(request, found, _find_turns(request, read_body(request, Turns).turns))
        return _answer({"added": added})
    after = request.GET.get("after", "0")
    start = int(after) if after.isdecimal() and len(after) < 10 else 0
    rows = list(found.turns.order_by("at", "pk")[start : start + MOST_TURNS + 1])
    body = {
        "turns": [
            {
                "turn": str(row.turn_id),
                "call": str(row.call_id) if row.call_id else None,
                "conversation": str(row.conversation_id),
                "at": row.at.isoformat(),
                "how": row.how,
            }
            for row in rows[:MOST_TURNS]
        ],
        "next": start + MOST_TURNS if len(rows) > MOST_TURNS else None,
    }
    return _answer(body)


@api_key("replay")
@require_POST
@refusing
def add_note(request: ApiRequest, number: int) -> HttpResponseBase:
    """Write into the timeline, at a time of your own if need be."""
    asked = read_body(request, Note)
    event = lifecycle.log(
        _find(request, number),
        "note",
        asked.text,
        at=asked.at,
        detail={"sender": request.api_key.name},
    )
    return _answer({"at": _write(event.at), "text": event.text}, status=201)


# ---- values


def record_of(incident: Incident) -> dict[str, Any]:
    """An incident as a list has it: JSON values only."""
    return {
        "number": incident.number,
        "name": incident.name,
        "title": incident.title,
        "severity": incident.severity,
        "status": incident.status,
        "owner": incident.owner.email if incident.owner else None,
        "kind": incident.kind,
        "filter": incident.query,
        "since": _write(incident.since),
        "until": _write(incident.until),
        "opened_at": _write(incident.opened_at),
        "opened_by": str(incident.opened_by or incident.sender) or None,
        "alert": incident.alert or None,
        "cause": incident.cause or None,
        "recurrences": incident.recurrences,
        "acknowledged_at": _write(incident.acknowledged_at),
        "mitigated_at": _write(incident.mitigated_at),
        "resolved_at": _write(incident.resolved_at),
    }


def _describe(incident: Incident) -> dict[str, Any]:
    impact, judged = read_numbers(incident, timezone.now())
    interval = impact.interval
    return record_of(incident) | {
        "impact": {
            "count": impact.count,
            "noun": impact.noun,
            "base": impact.base,
            "interval": list(interval) if interval else None,
            "usual": impact.usual.value if impact.usual else None,
            "turns": impact.turns,
            "conversations": impact.conversations,
            "users": impact.users,
            "cost": float(impact.cost) if impact.cost is not None else None,
            "unpriced": impact.unpriced,
            "first_at": _write(impact.first_at),
            "last_at": _write(impact.last_at),
        },
        "suspects": [
            {
                "kind": card.suspect.kind,
                "name": card.name,
                "version": card.number,
                "grade": card.suspect.grade,
                "score": round(min(card.suspect.score, 1.0), 3),
                "covers": [card.suspect.covered.part, card.suspect.covered.whole],
                "first_seen": _write(card.suspect.first_seen),
                "evidence": [line.text for line in card.lines],
            }
            for card in deal(incident.project, judged)
        ],
        "timeline": [
            {"at": _write(entry.at), "text": entry.text, "detail": entry.detail}
            for entry in read_timeline(incident, impact, judged.ranking)
        ],
    }


def _find(request: ApiRequest, number: int) -> Incident:
    rows = Incident.objects.select_related("project", "owner", "opened_by")
    found = rows.filter(project=request.project, number=number).first()
    if found is None:
        raise Refused(404, "incident_not_found", "This project has no such incident.")
    return found


def _find_turns(request: ApiRequest, texts: list[str]) -> list[UUID]:
    """Turns by our id, or by the one that they were sent with. Refuses those that are not here."""
    wanted: dict[str, UUID] = {}
    for text in texts:
        try:
            wanted[text] = UUID(text)
        except ValueError:
            wanted[text] = key_of(request.project.pk, text)
    claimed = TurnKey.objects.filter(pk__in=wanted.values()).values_list("pk", "turn_id")
    by_key = dict(claimed)
    ids = {text: by_key.get(key, key) for text, key in wanted.items()}
    known = {hit.id for hit in find_rows(request.project, "turns", ids.values())}
    if missing := [text for text, key in ids.items() if key not in known]:
        raise Refused(404, "turn_not_found", f"This project has no turn {missing[0][:100]}.")
    return list(ids.values())


def _add(request: ApiRequest, incident: Incident, ids: list[UUID]) -> int:
    hits = find_rows(request.project, "turns", ids)
    return add(incident, hits, calls=False, sender=request.api_key.name) if hits else 0


def _write(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def _answer(body: dict[str, Any], **options: Any) -> HttpResponse:
    return HttpResponse(json.dump(body), content_type="application/json", **options)
