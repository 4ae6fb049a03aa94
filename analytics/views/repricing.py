"""Re-pricing: look at what other prices would make of stored turns, then write them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from analytics import tasks
from analytics.repricing import engine
from analytics.repricing.records import Repricing
from analytics.repricing.tally import Tally
from analytics.spans import is_known, write_moment
from console.accounts.access import ProjectRequest, member
from conversations.models import Connection
from conversations.search.query import read_moment

SHOWN = 50
USUAL = timedelta(days=30)


@member("viewer")
@require_safe
def list_repricings(request: ProjectRequest) -> HttpResponse:
    """Those that there were, and the form that starts one."""
    return _show_list(request)


@member("engineer")
@require_POST
def start_repricing(request: ProjectRequest) -> HttpResponse:
    """Look at turns again; nothing is written."""
    try:
        row = engine.start(request.project, _choose(request, _values(request)), request.user)
    except ValueError as problem:
        return _show_list(request, str(problem))
    tasks.reprice.delay_on_commit(str(row.pk), row.chain)
    return redirect("analytics:repricing", request.project.slug, row.pk)


def _show_list(request: ProjectRequest, error: str = "") -> HttpResponse:
    rows = Repricing.objects.filter(project=request.project)
    context = {
        "rows": [
            (row, Tally.from_json(row.told).whole)
            for row in rows.select_related("requested_by", "applied_by").order_by("-pk")[:SHOWN]
        ],
        "values": _values(request),
        "error": error,
        "connections": Connection.objects.filter(project=request.project).order_by("name"),
        "may_change": request.member.may("engineer"),
    }
    status = 422 if error else 200
    return render(request, "analytics/repricings.html", context, status=status)


def _values(request: ProjectRequest) -> Mapping[str, str]:
    given = request.POST if request.method == "POST" else request.GET
    now = timezone.now()
    usual = {"since": write_moment(now - USUAL)[:16], "until": write_moment(now)[:16]}
    names = ("since", "until", "model", "connection", "only")
    return {name: given.get(name, usual.get(name, "")).replace("\0", "")[:200] for name in names}


def _choose(request: ProjectRequest, values: Mapping[str, str]) -> engine.Choice:
    since, until = read_moment(values["since"]), read_moment(values["until"])
    if since is None or until is None:
        raise ValueError("Give both ends as a day or a time, such as 2024-02-03T02:40.")
    if not (is_known(since) and is_known(until)):
        raise ValueError("Give times of the years 2000 to 2199.")
    connection = None
    if values["connection"]:
        rows = Connection.objects.filter(project=request.project)
        number = values["connection"]
        connection = rows.filter(pk=int(number)).first() if number.isdecimal() else None
        if connection is None:
            raise ValueError("Choose a connection of this project.")
    model = values["model"].strip()
    return engine.Choice(since, until, model, connection, values["only"] == "unpriced")


@member("viewer")
@require_safe
def show_repricing(request: ProjectRequest, repricing: UUID) -> HttpResponse:
    """How it stands, before and after; only what changes while it runs, for htmx."""
    row = _find(request, repricing)
    tally = Tally.from_json(row.told)
    models = sorted(tally.models.items(), key=lambda one: (-abs(one[1].difference), one[0]))
    context = {
        "row": row,
        "whole": tally.whole,
        "models": models,
        "may_change": request.member.may("engineer"),
    }
    is_part = request.htmx and not request.htmx.boosted
    template = "analytics/_repricing.html" if is_part else "analytics/repricing.html"
    return render(request, template, context)


@member("engineer")
@require_POST
def apply_repricing(request: ProjectRequest, repricing: UUID) -> HttpResponse:
    row = _find(request, repricing)
    if engine.apply(row, request.user):
        row.refresh_from_db()
        tasks.reprice.delay_on_commit(str(row.pk), row.chain)
    else:
        messages.error(request, "It cannot be applied as it stands now. Look again first.")
    return redirect("analytics:repricing", request.project.slug, row.pk)


@member("engineer")
@require_POST
def cancel_repricing(request: ProjectRequest, repricing: UUID) -> HttpResponse:
    row = _find(request, repricing)
    if not engine.cancel(row):
        messages.info(request, "It was over already.")
    return redirect("analytics:repricing", request.project.slug, row.pk)


def _find(request: ProjectRequest, pk: UUID) -> Repricing:
    rows = Repricing.objects.select_related("requested_by", "applied_by", "connection")
    return get_object_or_404(rows, pk=pk, project=request.project)
