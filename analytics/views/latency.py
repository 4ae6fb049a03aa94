"""How long it takes: first token, whole turn and tools, as percentiles beside their limits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from analytics.definitions import DURATIONS
from analytics.filters import Filter, write_term
from analytics.latency.figures import (
    SHARES,
    Limits,
    choose_tools,
    count_timed,
    read_course,
    read_limits,
    read_timings,
)
from analytics.latency.limits import Timing
from analytics.latency.records import LatencyLimit
from analytics.records import MEASURES
from analytics.spans import Span
from analytics.views.frame import Frame, read_frame, refuse, show
from console.accounts.access import ProjectRequest, member
from console.lib.charts import Chart, Series
from conversations.search.query import read_duration

SHOWN = 40
TIMED = 10
"""Tools that are timed one by one, beside those with a limit of their own, unless all are asked."""
LARGEST = 86_400_000.0
_COLORS = {"p50": "s1", "p95": "s2", "p99": "s3"}


@member("viewer")
@require_safe
def show_latency(request: ProjectRequest) -> HttpResponse:
    frame = read_frame(request, "latency", keep=("measure", "all"))
    if frame.error:
        return refuse(request, frame)
    asked = request.GET.get("measure", "")
    measure = asked if asked in dict(MEASURES) else "turn"
    limits = read_limits(request.project)
    kept, untimed = _choose(frame, measure, limits)
    timings = read_timings(request.project, measure, kept, frame.span, limits)
    charts = {"course": _draw(frame, measure, timings, limits)}
    before = _before(frame, measure, kept, limits) if frame.compares else {}
    context = {
        "measure": measure,
        "is_tool": measure == "tool",
        "measures": [
            (label, frame.url(measure="" if name == "turn" else name), name == measure)
            for name, label in MEASURES
        ],
        "rows": [
            (one, _link(frame, measure, one, before.get(one.name)), before.get(one.name))
            for one in timings[: None if frame.extra["all"] else SHOWN]
        ],
        "unasked": frame.beyond(DURATIONS[measure].fields),
        "more": 0 if frame.extra["all"] else untimed + max(0, len(timings) - SHOWN),
        "all_url": frame.url(all="1"),
        "pressed": [one for one in timings if one.state in ("over", "near")],
        "limited": sum(1 for one in timings if one.limit),
        "number": count_timed(request.project, measure, frame.filter, frame.span),
        "may_change": request.member.may("engineer"),
        "back": request.get_full_path(),
    }
    return show(request, frame, "analytics/latency.html", charts, context)


def _choose(frame: Frame, measure: str, limits: Limits) -> tuple[Filter, int]:
    """The filter of what is timed one by one, and how many tools that leaves out."""
    if measure != "tool" or frame.extra["all"]:
        return frame.filter, 0
    names, number = choose_tools(frame.project, frame.filter, frame.span, limits, TIMED)
    untimed = number - len(names)
    return (frame.filter.among({"tool": names}) if untimed else frame.filter), untimed


def _before(frame: Frame, measure: str, kept: Filter, limits: Limits) -> Mapping[str, Timing]:
    found = read_timings(frame.project, measure, kept, frame.span.before, limits)
    return {one.name: one for one in found}


@dataclass(frozen=True, slots=True)
class Links:
    """Where one row leads: to all that was timed, to what took as long as each percentile or
    longer, to those above the limit, and to the slowest of the time before."""

    all: str = ""
    p50: str = ""
    p95: str = ""
    slowest: str = ""
    above: str = ""
    before: str = ""


def _link(frame: Frame, measure: str, one: Timing, before: Timing | None) -> Links:
    name = write_term("tool" if measure == "tool" else "model", one.name)
    if not name:
        return Links()
    above = f"{DURATIONS[measure].longer}:>{one.limit:g}ms" if one.limit else ""
    return Links(
        all=_list(frame, measure, name, _slower(measure)),
        p50=_list(frame, measure, name, _slower(measure, one.p50)),
        p95=_list(frame, measure, name, _slower(measure, one.p95)),
        slowest=_list(frame, measure, name, _slower(measure, one.p99)),
        above=_list(frame, measure, name, above) if above else "",
        before=_list(frame, measure, name, _slower(measure, before.p99), span=frame.span.before)
        if before
        else "",
    )


def _slower(measure: str, least: float | None = 0.0) -> str:
    """The lists' term for what took so many ms or more, to the 1% that percentiles are within."""
    return f"{DURATIONS[measure].longer}:>={math.floor((least or 0.0) * 0.99)}ms"


def _list(
    frame: Frame, measure: str, *terms: str, span: Span | tuple[datetime, datetime] | None = None
) -> str:
    """The calls or turns that the measure times, as far as it has the filter's fields."""
    kept = frame.within(DURATIONS[measure].fields)
    return (kept.calls if measure == "tool" else kept.turns)(*terms, span=span)


def _link_course(
    frame: Frame, measure: str, values: Sequence[float | None], span: Span
) -> list[str]:
    """What took as long as each step's percentile or longer."""
    return [
        _list(frame, measure, _slower(measure, value), span=span.step(start))
        for start, value in zip(span.starts, values, strict=True)
    ]


def _draw(frame: Frame, measure: str, timings: Sequence[Timing], limits: Limits) -> Chart:
    """Percentiles over time; the limit as a line where the page shows what has only one."""
    course = read_course(frame.project, measure, frame.filter, frame.span)
    series = [
        Series(
            label,
            course[label],
            form="line",
            color=_COLORS[label],
            links=_link_course(frame, measure, course[label], frame.span),
        )
        for _, label in SHARES
    ]
    if frame.compares:
        before = frame.span.before
        then = read_course(frame.project, measure, frame.filter, before)["p95"]
        links = _link_course(frame, measure, then, before)
        series.append(Series("p95, before", then, "line", "s2", dashed=True, links=links))
    known = {one.limit for one in timings if one.limit}
    if len(known) == 1 and all(one.limit for one in timings):
        limit: list[float | None] = [known.pop()] * len(frame.labels)
        series.append(Series("limit", limit, form="line", color="rejected-solid", dashed=True))
    label = dict(MEASURES)[measure].lower()
    return Chart(
        "course",
        f"How long the {label} takes, each {frame.step}",
        frame.labels,
        series,
        unit="ms",
        markers=frame.read_markers(),
        rows=frame.rows,
        height="l",
    )


@member("engineer")
@require_POST
def set_limit(request: ProjectRequest) -> HttpResponse:
    """Set the limit of a tool or model, or of all; empty takes it away."""
    measure = request.POST.get("measure", "")
    name = request.POST.get("name", "").replace("\0", "")[:200]
    text = request.POST.get("limit", "").strip()
    back = request.POST.get("back", "")
    if not url_has_allowed_host_and_scheme(back, None) or not back.startswith("/"):
        back = reverse("analytics:latency", args=[request.project.slug])
    if measure not in dict(MEASURES):
        messages.error(request, "Choose what the limit is of.")
        return redirect(back)
    rows = LatencyLimit.objects.filter(project=request.project, measure=measure, name=name)
    of = name or "all"
    if not text:
        rows.delete()
        messages.success(request, f"The limit of {of} is taken away.")
        return redirect(back)
    limit = read_duration(text) or 0.0
    if not 0 < limit <= LARGEST:
        messages.error(request, "Write the limit as 2s, 800ms or 1.5m, up to a day.")
        return redirect(back)
    LatencyLimit.objects.update_or_create(
        project=request.project,
        measure=measure,
        name=name,
        defaults={"limit_ms": limit, "set_by": request.user},
    )
    messages.success(request, f"The limit of {of} is {text}.")
    return redirect(back)
