"""Pages of incidents: the list, opening one from a selection, its front page, and its steps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from console.accounts.access import ProjectRequest, member
from console.accounts.models import ROLES, User
from console.lib import uuid7
from conversations.incidents import lifecycle
from conversations.incidents.answer import say_duration
from conversations.incidents.front import read_front
from conversations.incidents.joining import add, join
from conversations.incidents.lifecycle import BadStep
from conversations.incidents.opening import open_incident
from conversations.incidents.records import SEVERITIES, STATUS, Incident
from conversations.incidents.selection import Selection, read_selection
from conversations.search.query import read_times
from conversations.search.reading import find

SIZE = 50
MATCHES = 1000
"""The newest matches of a filter, which are counted, and which are added by hand at once."""
SHOWN = ("open", "mine", "resolved", "all")
_RANKS = {severity: rank for rank, (severity, _) in enumerate(reversed(SEVERITIES))}


@member("viewer")
@require_GET
def list_incidents(request: ProjectRequest) -> HttpResponse:
    """The open ones, the worst first; with ``show`` others, the newest first."""
    show = request.GET.get("show", "open")
    if show not in SHOWN:
        raise Http404("no such list")
    rows = Incident.objects.filter(project=request.project).select_related("owner")
    rows = _narrow(rows, show, request.user).annotate(
        calls=Count("turns"), people=Count("turns__conversation_id", distinct=True)
    )
    before = request.GET.get("older", "")
    if before.isdecimal() and len(before) < 10:
        rows = rows.filter(number__lt=int(before))
    found = list(rows.order_by("-number")[: SIZE + 1])
    shown = found[:SIZE]
    if show == "open" and len(found) <= SIZE:
        shown.sort(key=lambda one: (_RANKS[one.severity], -one.number))
    counts = Incident.objects.filter(project=request.project).aggregate(
        open=Count("pk", filter=~Q(status="resolved")), all=Count("pk")
    )
    context = {
        "incidents": shown,
        "show": show,
        "counts": counts,
        "tabs": [("open", "Open"), ("mine", "Mine"), ("resolved", "Resolved"), ("all", "All")],
        "older": found[SIZE - 1].number if len(found) > SIZE else None,
        "may_open": request.member.may("responder"),
    }
    return render(request, "conversations/incident_list.html", context)


def _narrow(rows: QuerySet[Incident], show: str, user: User) -> QuerySet[Incident]:
    if show == "open":
        return rows.exclude(status="resolved")
    if show == "resolved":
        return rows.filter(status="resolved")
    if show == "mine":
        # Without a join, which would multiply what is counted.
        watched = Incident.objects.filter(watchers=user).values("pk")
        return rows.filter(Q(owner=user) | Q(pk__in=watched))
    return rows


@member("viewer")
@require_GET
def show_incident(request: ProjectRequest, number: int) -> HttpResponse:
    incident = _find(request, number)
    now = timezone.now()
    front = read_front(incident, now)
    context = {
        "incident": incident,
        "front": front,
        "lasted": say_duration(front.impact, happening=front.happening),
        "may_change": request.member.may("responder"),
        "may_replay": request.member.may("responder"),
        "may_edit": request.member.may("engineer"),
        "is_watching": incident.watchers.filter(pk=request.user.pk).exists(),
        "sends_mail": bool(settings.EMAIL_HOST),
        "watchers": incident.watchers.order_by("name", "email"),
        "members": _members(request),
        "severities": SEVERITIES,
        "steps": [step for step in STATUS if step[0] != incident.status],
    }
    return render(request, "conversations/incident.html", context)


def _find(request: ProjectRequest, number: int) -> Incident:
    rows = Incident.objects.select_related("project", "owner", "opened_by")
    return get_object_or_404(rows, project=request.project, number=number)


def _members(request: ProjectRequest) -> QuerySet[User]:
    """Who can own an incident: members that may change one."""
    able = ROLES[ROLES.index("responder") :]
    rows = User.objects.filter(member__project=request.project, member__role__in=able)
    return rows.order_by("name", "email")


# ---- opening


@member("responder")
@require_GET
def choose_incident(request: ProjectRequest) -> HttpResponse:
    """What was selected in a list, and the form that makes an incident of it or adds it to one."""
    return _ask(request, _select(request, request.GET))


def _select(request: ProjectRequest, values: Any) -> Selection:
    try:
        return read_selection(
            request.project, values.get("kind", "calls"), values.get("q", ""), values.getlist("id")
        )
    except ValueError:
        raise Http404("no such selection") from None


def _ask(request: ProjectRequest, chosen: Selection, error: str = "") -> HttpResponse:
    hits = chosen.hits if chosen.ids else []
    found = None
    if not chosen.ids and not chosen.problem:
        found = find(request.project, chosen.query, chosen.row_kind, size=MATCHES, budget=1.0)
    rows = Incident.objects.filter(project=request.project).exclude(status="resolved")
    first = found.hits[-1].id if found and found.hits and found.older is None else None
    context = {
        "chosen": chosen,
        "since": max(chosen.since, uuid7.time(first)) if first else chosen.since,
        "noun": "call" if chosen.of_calls else "turn",
        "count": len(hits) if found is None else len(found.hits),
        "is_more": found is not None and found.older is not None,
        "error": error or chosen.problem,
        "posted": request.POST,
        "severities": SEVERITIES,
        "incidents": rows.order_by("-number")[:20],
    }
    page = "conversations/incident_new.html"
    return render(request, page, context, status=422 if context["error"] else 200)


@member("responder")
@require_POST
def create_incident(request: ProjectRequest) -> HttpResponse:
    """Open an incident of the selection, or add the selection to an open one (``incident``)."""
    chosen = _select(request, request.POST)
    if chosen.problem:
        return _ask(request, chosen)
    if request.POST.get("incident"):
        return _add_to(request, chosen)
    since = _read_moment(request.POST.get("since", "")) or chosen.since
    severity = request.POST.get("severity", "medium")
    if severity not in dict(SEVERITIES) or since > timezone.now():
        problem = "Give a time that is not in the future, and one of the severities."
        return _ask(request, chosen, problem)
    hits = chosen.hits if chosen.ids else []
    if not hits and not chosen.query.without(*chosen.query.of("time")):
        return _ask(request, chosen, "Filter the list or check rows first.")
    incident = open_incident(
        request.project,
        title=request.POST.get("title", "").strip() or chosen.title,
        severity=severity,
        kind=chosen.kind,
        query="" if hits else chosen.query.text,
        since=min([since, *(uuid7.time(hit.id) for hit in hits)]) if hits else since,
        until=None if hits else read_times(chosen.query, timezone.now())[1],
        by=request.user,
    )
    if hits:
        add(incident, hits, calls=chosen.of_calls, by=request.user)
    else:
        join(incident)
    messages.success(request, f"{incident.name} is open. You watch it.")
    return redirect("conversations:incident", request.project.slug, incident.number)


def _add_to(request: ProjectRequest, chosen: Selection) -> HttpResponse:
    number = request.POST.get("incident", "")
    incident = _find(request, int(number) if number.isdecimal() and len(number) < 10 else 0)
    hits = chosen.hits
    if not chosen.ids:
        hits = find(request.project, chosen.query, chosen.row_kind, size=MATCHES).hits
    added = add(incident, hits, calls=chosen.of_calls, by=request.user)
    noun = "call" if chosen.of_calls else "turn"
    said = f"{added:,} {noun}{'s' if added != 1 else ''} added to {incident.name}."
    messages.success(request, said if added else f"All of them are in {incident.name} already.")
    return redirect("conversations:incident", request.project.slug, incident.number)


def _read_moment(text: str) -> datetime | None:
    """A time of a ``datetime-local`` field, UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


# ---- steps


@member("responder")
@require_POST
def set_status(request: ProjectRequest, number: int) -> HttpResponse:
    incident = _find(request, number)
    return _step(
        request,
        incident,
        lambda: lifecycle.set_status(
            incident,
            request.POST.get("status", ""),
            by=request.user,
            note=request.POST.get("note", "").strip(),
        ),
    )


@member("responder")
@require_POST
def edit_incident(request: ProjectRequest, number: int) -> HttpResponse:
    """Title, severity, owner and cause: those that the form has."""
    incident, posted = _find(request, number), request.POST

    def change() -> None:
        if "title" in posted:
            lifecycle.rename(incident, posted["title"], by=request.user)
        if "severity" in posted:
            lifecycle.set_severity(incident, posted["severity"], by=request.user)
        if "cause" in posted:
            lifecycle.set_cause(incident, posted["cause"], by=request.user)
        if "owner" in posted:
            owner = _members(request).filter(pk=_number(posted["owner"])).first()
            lifecycle.assign(incident, owner, by=request.user)

    return _step(request, incident, change)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 18 else 0


@member("responder")
@require_POST
def add_note(request: ProjectRequest, number: int) -> HttpResponse:
    incident, text = _find(request, number), request.POST.get("text", "").strip()

    def note() -> None:
        if not text:
            raise BadStep("Write a note first.")
        lifecycle.log(incident, "note", text, author=request.user)

    return _step(request, incident, note)


@member("viewer")
@require_POST
def watch(request: ProjectRequest, number: int) -> HttpResponse:
    """Watch the incident, or no longer."""
    incident = _find(request, number)
    if incident.watchers.filter(pk=request.user.pk).exists():
        incident.watchers.remove(request.user)
    else:
        incident.watchers.add(request.user)
    return redirect("conversations:incident", request.project.slug, number)


def _step(request: ProjectRequest, incident: Incident, make: Callable[[], object]) -> HttpResponse:
    try:
        make()
    except BadStep as error:
        messages.error(request, str(error))
    return redirect("conversations:incident", request.project.slug, incident.number)
