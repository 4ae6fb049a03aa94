"""Traffic on the pages of tools: who offers which version, and how often tools are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from console.accounts.access import ProjectRequest, member
from conversations.parameter_use import NEWEST, ParameterUse, read_use
from conversations.search.query import Query, Term
from conversations.traffic import ToolTraffic, VersionTraffic, count_calls, read_traffic
from tools_registry.history import read_history
from tools_registry.models import Tool, ToolVersion, VersionEvent
from tools_registry.outline import Row as Outlined
from tools_registry.outline import read_rows
from tools_registry.publishing import publications

WINDOWS = (7, 14, 30, 90)
_USUAL = 14
_HEIGHT = 26


@dataclass(frozen=True)
class Bar:
    """One day of one version, drawn in a box of 100 by 26; ``mark`` says what happened then."""

    x: float
    y: float
    height: float
    day: datetime
    turns: int
    mark: str = ""


@dataclass(frozen=True)
class Row:
    """One version on the timeline; shares are per cent, None without a base."""

    version: ToolVersion
    events: Sequence[VersionEvent]
    traffic: VersionTraffic
    bars: Sequence[Bar]
    share: float | None
    rejected: float | None


@member("viewer")
@require_GET
def show_traffic(request: ProjectRequest, tool: int) -> HttpResponse:
    """The rows of the timeline with their traffic."""
    found = get_object_or_404(Tool, pk=tool, project=request.project)
    days = _read_days(request.GET.get("days", ""))
    before = request.GET.get("before", "")
    history = read_history(found, before=int(before[:9]) if before.isdecimal() else None)
    traffic = read_traffic(request.project, history.versions, timezone.now(), days)
    marks = _read_marks(request, found, traffic)
    rows = [
        _lay_out(version, events, traffic, marks.get(version.pk, {}))
        for version, events in history.rows
    ]
    context = {
        "tool": found,
        "rows": rows,
        "older": history.older,
        "traffic": traffic,
        "days": days,
        "windows": WINDOWS,
        "stale": [row for row in rows if row.version.retired_at and row.traffic.recent],
        "bar_width": f"{85 / days:.3f}",
    }
    return render(request, "conversations/_tool_traffic.html", context)


def _read_days(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 3 and int(text) in WINDOWS else _USUAL


def _read_marks(
    request: ProjectRequest, tool: Tool, traffic: ToolTraffic
) -> dict[int, dict[datetime, str]]:
    """What was published, retired or first seen, by version and day."""
    marks: dict[int, dict[datetime, str]] = {}
    for one in publications(request.project, traffic.starts[0], traffic.until, tool=tool):
        day = one.at.replace(hour=0, minute=0, second=0, microsecond=0)
        if one.subject != "version":
            continue
        of_version = marks.setdefault(one.row, {})
        if one.kind != "first_seen" or day not in of_version:
            of_version[day] = one.kind
    return marks


def _lay_out(
    version: ToolVersion,
    events: Sequence[VersionEvent],
    traffic: ToolTraffic,
    marks: dict[datetime, str],
) -> Row:
    own = traffic.versions[version.pk]
    step = 100 / len(own.days)
    bars = []
    for index, (day, turns) in enumerate(zip(traffic.starts, own.days, strict=True)):
        height = max(_HEIGHT * turns / traffic.highest, 1.5) if turns else 0.0
        bars.append(Bar(index * step, _HEIGHT - height, height, day, turns, marks.get(day, "")))
    share = 100 * own.recent / traffic.recent if traffic.recent else None
    rejected = 100 * own.rejected / own.calls if own.calls else None
    return Row(version, events, own, bars, share, rejected)


@dataclass(frozen=True)
class UsedRow:
    """A parameter with the calls that sent it, and those with a finding at it, worst first.

    ``row`` is None for a place that the definition does not name, "" being the whole call.
    """

    pointer: str
    row: Outlined | None
    sent: int
    percent: float
    findings: Sequence[tuple[str, int]]


_MOST_UNNAMED = 10


@member("viewer")
@require_GET
def show_use(request: ProjectRequest, version: int) -> HttpResponse:
    """The parameters of a version with how often its newest calls sent them, and their findings."""
    found = get_object_or_404(ToolVersion, pk=version, project=request.project)
    rows, use = read_rows(found.spec.parameters), read_use(found)
    named = {row.pointer for row in rows}
    unnamed = sorted(use.findings.keys() - named, key=lambda at: -use.findings[at].total())
    shown = [(row.pointer, row) for row in rows] + [(at, None) for at in unnamed[:_MOST_UNNAMED]]
    context = {
        "version": found,
        "rows": rows,
        "use": use,
        "used": [_use_row(use, pointer, row) for pointer, row in shown],
        "more": len(unnamed[_MOST_UNNAMED:]),
        "newest": NEWEST,
        "query": Query((Term("version", (f"{found.tool.name}@v{found.number}",)),)).text,
    }
    return render(request, "conversations/_parameter_use.html", context)


def _use_row(use: ParameterUse, pointer: str, row: Outlined | None) -> UsedRow:
    sent = use.sent[pointer]
    findings = use.findings.get(pointer, Counter()).most_common()
    return UsedRow(pointer, row, sent, 100 * sent / max(use.calls, 1), findings)


@member("viewer")
@require_GET
def show_rates(request: ProjectRequest) -> HttpResponse:
    """Calls of the last 24 hours for the rows of the list of tools that ``tools`` names."""
    asked = [text for text in request.GET.get("tools", "").split(",") if text.isdecimal()]
    tools = Tool.objects.filter(project=request.project, pk__in=[int(t) for t in asked[:200]])
    found = count_calls(request.project, list(tools.values_list("pk", flat=True)), timezone.now())
    return render(request, "conversations/_tool_rates.html", {"rates": found.items()})
