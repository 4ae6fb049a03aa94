"""Keeping what is stored as cases of a suite: a turn, an incident, a replay, a filter's matches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from console.accounts.access import ProjectRequest, member
from conversations.incidents.records import Incident
from conversations.replay.records import Replay
from conversations.search.fields import KINDS, Kind
from conversations.search.query import BadQuery
from conversations.suites import gathering, keeping
from conversations.suites.keeping import Added, BadSuite
from conversations.suites.records import Suite
from conversations.views.suites import address_of, find_suite, read_number, tell_added

SIZES = (50, 200, gathering.MOST)
_SHOWN = 200


@dataclass(frozen=True)
class _Source:
    """What cases are kept of: exactly one is given."""

    incident: Incident | None = None
    replay: Replay | None = None
    turn: UUID | None = None
    kind: Kind = "turns"
    query: str = ""

    @property
    def name(self) -> str:
        """A name for a suite of it."""
        held = self.incident or self.replay
        return str(held)[:120] if held else ""


def _read_source(request: ProjectRequest) -> _Source:
    given = request.POST if request.method == "POST" else request.GET
    kind = given.get("kind", "turns")
    incident, replay, turn = (given.get(name, "") for name in ("incident", "replay", "turn"))
    if incident:
        rows = Incident.objects.filter(project=request.project)
        return _Source(incident=get_object_or_404(rows, number=read_number(incident)))
    if replay:
        of_project = Replay.objects.filter(project=request.project)
        return _Source(replay=get_object_or_404(of_project, number=read_number(replay)))
    return _Source(
        turn=_read_key(turn),
        kind=kind if kind in KINDS else "turns",
        query=given.get("q", ""),
    )


def _read_key(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


@member("responder")
@require_http_methods(["GET", "HEAD", "POST"])
def keep_cases(request: ProjectRequest) -> HttpResponse:
    """Keep turns, an incident, a replay or what a filter finds as cases of a suite."""
    source = _read_source(request)
    if request.method != "POST":
        return _show_keep(request, source)
    try:
        suite = _choose_suite(request, source)
        added = _gather(request, suite, source)
    except BadQuery as error:
        return _show_keep(request, source, error.problem, status=422)
    except BadSuite as error:
        return _show_keep(request, source, str(error), status=422)
    if added.added:
        messages.success(request, tell_added(suite, added))
    else:
        already = f" {added.duplicate:,} were in it already." if added.duplicate else ""
        messages.warning(request, f"No case was added to {suite.name}.{already}")
    return redirect(address_of(request, suite))


def _choose_suite(request: ProjectRequest, source: _Source) -> Suite:
    """The suite that the form names: one that is there, or a new name."""
    chosen = read_number(request.POST.get("suite", ""))
    if chosen:
        return find_suite(request, chosen)
    name = request.POST.get("name", "") or source.name
    return keeping.find_or_create(request.project, name, user=request.user)


def _gather(request: ProjectRequest, suite: Suite, source: _Source) -> Added:
    if source.incident:
        return gathering.add_incident(suite, source.incident, request.user)
    if source.replay:
        return gathering.add_replay(suite, source.replay, request.user)
    if source.turn:
        return gathering.add_turns(suite, [source.turn], user=request.user)
    most = min(read_number(request.POST.get("most", "")) or SIZES[0], gathering.MOST)
    turns = gathering.find_turns(request.project, source.kind, source.query, most)
    return gathering.add_turns(
        suite,
        turns,
        origin="filter",
        source=source.query or "all turns",
        user=request.user,
        only_told=request.POST.get("only") == "told",
    )


def _show_keep(
    request: ProjectRequest, source: _Source, problem: str = "", status: int = 200
) -> HttpResponse:
    rows = Suite.objects.filter(project=request.project).order_by("-changed_at")
    context: dict[str, Any] = {
        "source": source,
        "suites": list(rows[:_SHOWN]),
        "chosen": request.POST.get("suite", request.GET.get("suite", "")),
        "name": request.POST.get("name", source.name),
        "sizes": SIZES,
        "kinds": KINDS,
        "problem": problem,
    }
    return render(request, "conversations/suite_keep.html", context, status=status)
