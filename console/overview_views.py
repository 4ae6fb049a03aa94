"""The overview of a project: is anything wrong now, what changed, and what today costs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_safe

from analytics.budgets.reading import period_of
from analytics.definitions import DURATIONS
from analytics.filters import write_term
from analytics.metrics import Tally, count_calls
from analytics.spans import DAY, Span, floor, of_range
from analytics.views.bars import spark
from analytics.views.frame import Frame, read_frame, refuse, show
from console import overview, standing
from console.accounts.access import ProjectRequest, member
from console.lib.charts import Chart, Series
from console.standing import Look
from conversations.incidents.answer import say_duration
from conversations.incidents.front import read_front

_SOME = 50
"""Calls from which on the first steps give way to figures."""
RANGES = ("1h", "6h", "24h", "7d", "30d")


@member("viewer")
@require_safe
def show_overview(request: ProjectRequest) -> HttpResponse:
    frame = read_frame(request, "overview", usual="24h")
    if frame.error:
        return refuse(request, frame)
    now, project = frame.now, request.project
    progress = overview.measure_progress(project)
    latest = standing.last_turn(project)
    context: dict[str, Any] = {
        "now": now,
        "may_change": request.member.may("engineer"),
        "may_admin": request.member.may("admin"),
        "progress": progress,
        "latest": latest,
        "conversations": overview.latest_conversations(project),
        "lost": overview.count_lost(project, now),
        "sample_tool": overview.SAMPLE_TOOL,
        "sample_call": overview.write_call(project, request.build_absolute_uri("/").rstrip("/")),
    }
    charts = {}
    if latest is not None:
        charts["chart"] = _draw(frame)
        context |= _describe(frame) | {"is_silent": standing.is_silent(latest, now)}
        context["has_traffic"] = (
            bool(frame.filter.query) or context["standing"].month.calls >= _SOME
        )
    return show(request, frame, "console/overview.html", charts, context)


def _describe(frame: Frame) -> dict[str, Any]:
    found = standing.read_standing(frame.project, frame.filter, frame.now)
    incidents = standing.open_incidents(frame.project)
    day = of_range("24h", frame.now)
    today = (floor(frame.now, DAY), day.until)
    month = (period_of("month", frame.now)[0], day.until)
    return {
        "standing": found,
        "worst": incidents[0] if incidents else None,
        "others": incidents[1:6],
        "more_incidents": max(0, len(incidents) - 6),
        "ranges": [(name, frame.url(range=name), name == frame.range) for name in RANGES],
        "looks": [_describe_look(frame, look) for look in found.looks],
        "unasked_p95": frame.beyond(DURATIONS["tool"].fields),
        "changes": standing.read_changes(frame.project, frame.now),
        "calls_url": frame.calls(span=day),
        "rejected_url": frame.calls("verdict:rejected", span=day),
        "failed_url": frame.turns("status:failed", span=day),
        "misfires_url": frame.calls("misfire:any", span=today),
        "unpriced_url": frame.turns("-has:cost", span=today),
        "month_misfires_url": frame.calls("misfire:any", span=month),
        "month_unpriced_url": frame.turns("-has:cost", span=month),
    }


def _describe_look(frame: Frame, look: Look) -> dict[str, Any]:
    day = of_range("24h", frame.now)
    term = write_term("tool", look.name) if look.name else ""
    page = reverse("analytics:misfires", args=[frame.project.slug])
    asked = f"{frame.filter.query.text} {term}".strip()
    return {
        "look": look,
        "line": spark(look.hours),
        "page": f"{page}?{urlencode({'range': '24h', 'q': asked})}" if term else "",
        "url": frame.calls(term, "verdict:rejected", span=day) if term else "",
    }


def _draw(frame: Frame) -> Chart:
    """Calls by verdict: what was accepted at the bottom, rejected ones hatched."""
    starts, tallies = frame.span.starts, _count(frame, frame.span)
    shown = (
        ("Accepted", "accepted", "chart-quiet", [one.accepted for one in tallies]),
        ("Flagged", "flagged", "flagged-solid", [one.flagged for one in tallies]),
        ("Rejected", "rejected", "rejected-solid", [one.rejected for one in tallies]),
    )
    series = [
        Series(
            name,
            [float(number) for number in numbers],
            color=color,
            stack="verdicts",
            hatched=verdict == "rejected",
            links=[frame.calls(f"verdict:{verdict}", span=frame.span.step(at)) for at in starts],
        )
        for name, verdict, color, numbers in shown
    ]
    if frame.compares:
        before = frame.span.before
        counts = [float(one.calls) for one in _count(frame, before)]
        then = [frame.calls(span=before.step(at)) for at in before.starts]
        series.append(Series("All, before", counts, "line", "ink-3", dashed=True, links=then))
    title = f"Calls by verdict and {frame.step}"
    return Chart(
        "verdicts", title, frame.labels, series, "", frame.read_markers(),
        frame.step.capitalize(), frame.rows,
    )  # fmt: skip


def _count(frame: Frame, span: Span) -> list[Tally]:
    """Calls in each step of a span."""
    found = count_calls(frame.project, frame.filter, span, [("start",)])["start",]
    return [found.get((at,), Tally()) for at in span.starts]


@member("viewer")
@require_GET
def show_now(request: ProjectRequest) -> HttpResponse:
    """The worst open incident in full, beside the overview; nothing where none is open. An overview
    without figures asks for the ``first`` turn, and is read anew when that is there."""
    if request.GET.get("first"):
        has_turns = standing.last_turn(request.project) is not None
        return HttpResponse("", headers={"HX-Refresh": "true"} if has_turns else {})
    incidents = standing.open_incidents(request.project)
    if not incidents:
        return HttpResponse("")
    worst = incidents[0]
    front = read_front(worst)
    context = {
        "incident": worst,
        "front": front,
        "card": front.cards[0] if front.cards else None,
        "replay": front.replays[0] if front.replays else None,
        "lasted": say_duration(front.impact, happening=front.happening),
    }
    return render(request, "console/_overview_now.html", context)
