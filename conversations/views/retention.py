"""How long a project keeps its turns, what is kept, and what the next sweep removes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.accounts.forms import Form
from conversations import retention
from conversations.custody import LONGEST_DAYS, ProjectCustody, Sweep
from conversations.models import Turn, TurnWire

_PAGE = "conversations/retention.html"
_SWEEPS = 10


class KeepForm(Form):
    """Days of keeping; an empty field keeps for ever."""

    turn_days = forms.IntegerField(
        label="Turns, calls and conversations: days",
        min_value=1,
        max_value=LONGEST_DAYS,
        required=False,
        help_text="After the turn's own time. Empty: for ever.",
    )
    wire_days = forms.IntegerField(
        label="Raw requests and streams: days",
        min_value=1,
        max_value=LONGEST_DAYS,
        required=False,
        help_text="The bytes behind the time line. Never longer than their turn.",
    )


@member("viewer")
@require_safe
def show_retention(request: ProjectRequest) -> HttpResponse:
    return _show(request, None)


@member("admin")
@require_POST
def change_retention(request: ProjectRequest) -> HttpResponse:
    form = KeepForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=422)
    ProjectCustody.of(request.project)
    ProjectCustody.objects.filter(project=request.project).update(**form.cleaned_data)
    messages.success(request, "The next sweep follows this. What it would remove is below.")
    return redirect("conversations:retention", request.project.slug)


def _show(request: ProjectRequest, form: KeepForm | None, *, status: int = 200) -> HttpResponse:
    project, now = request.project, timezone.now()
    custody = ProjectCustody.of(project)
    chosen = {"turn_days": custody.turn_days, "wire_days": custody.wire_days}
    swept = retention.foresee(project, now)
    context = {
        "tab": "retention",
        "form": form or KeepForm(initial=chosen),
        "custody": custody,
        "is_admin": request.member.may("admin"),
        "kept": _describe_kept(request),
        "next": swept.of(project.pk),
        "going": sorted({name[-7:].replace("_", "-") for name in swept.partitions}),
        "next_at": _next_sweep(now),
        "sweeps": Sweep.objects.filter(project=project).order_by("-at")[:_SWEEPS],
        "months": _describe_months(),
    }
    return render(request, _PAGE, context, status=status)


def _describe_kept(request: ProjectRequest) -> dict[str, Any]:
    turns = Turn.objects.filter(project=request.project).order_by("pk")
    wires = TurnWire.objects.filter(project=request.project).order_by("pk")
    first = turns.values_list("at", flat=True).first()
    wire = wires.values_list("pk", flat=True).first()
    return {"turns_since": first, "wires_since": retention.time_of(wire) if wire else None}


def _next_sweep(now: datetime) -> datetime:
    hour, minute = retention.DAILY
    today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)


def _describe_months() -> list[dict[str, Any]]:
    """The months of the whole console: rows and bytes of all projects, as the planner knows."""
    months: dict[datetime, dict[str, Any]] = {}
    for one in retention.read_partitions():
        row = months.setdefault(one.month, {"month": one.month, "size": 0, "turns": 0})
        row["size"] += one.size
        if one.table == "conversations_turn":
            row["turns"] = max(one.rows, 0)
    return [row for row in months.values() if row["month"] <= timezone.now()][::-1]
