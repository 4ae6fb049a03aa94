"""Conduct: calls a conversation, repeats, and what a budget would have cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from analytics.conduct.figures import DIMENSIONS, Ranks, add_up, read_ranks
from analytics.costs.figures import read_spent, total, widen
from analytics.costs.tops import Row, read_top
from analytics.filters import write_term
from analytics.spans import Span
from analytics.views.frame import Frame, read_frame, refuse, show
from console.accounts.access import ProjectRequest, member
from console.lib.charts import Chart, Series
from tools_registry.policies.models import Policy

USUAL = 5
LARGEST = 999
SHOWN = 20
LIMITS = (1, 2, 3, 5, 10, 20, 50, 100, 200)
"""Budgets that the curve is drawn for."""


@member("viewer")
@require_safe
def show_conduct(request: ProjectRequest) -> HttpResponse:
    frame = read_frame(request, "conduct", keep=("budget",))
    if frame.error:
        return refuse(request, frame)
    frame = replace(frame, span=widen(frame.span))
    tools = read_ranks(request.project, frame.filter, frame.span)
    whole = tools[0] if len(tools) == 1 else add_up(tools)
    limit = _read_limit(request.GET.get("budget", ""))
    before = (
        add_up(read_ranks(request.project, frame.filter, frame.span.before))
        if frame.compares
        else None
    )
    asked = frame.within(DIMENSIONS)
    budgets = _budgets(request)
    spent = total(read_spent(request.project, asked.filter, frame.span))
    pairs = read_top(request.project, "pair", asked.filter, frame.span)
    context = {
        "whole": whole,
        "tools": [(one, one.cut(limit), _link(frame, one, limit), budgets.get(one.tool))
                  for one in tools[:SHOWN]],
        "more": max(0, len(tools) - SHOWN),
        "limit": limit,
        "cut": whole.cut(limit),
        "before": before.cut(limit) if before else None,
        "pairs": [(row, _conversation(frame, row), _list_pair(frame, row)) for row in pairs.rows],
        "bound": pairs.bound,
        "unpriced": spent.unpriced,
        "unpriced_of": "calls" if asked.filter.asks_for_tools else "turns",
        "unasked": frame.beyond(DIMENSIONS),
        "repeats_url": asked.calls("finding:repeated_call"),
        "over_url": asked.calls("finding:budget_exceeded"),
        "cut_url": asked.calls(f"nth:>{limit}"),
        "misfires_url": asked.calls(f"nth:>{limit}", "misfire:any"),
        "before_url": asked.calls(f"nth:>{limit}", span=frame.span.before),
    }  # fmt: skip
    charts = {
        "spread": _draw_spread(frame, whole, before),
        "curve": _draw_curve(frame, whole, before),
    }
    return show(request, frame, "analytics/conduct.html", charts, context)


def _read_limit(text: str) -> int:
    return min(max(int(text), 0), LARGEST) if text.isdecimal() and len(text) < 6 else USUAL


def _budgets(request: ProjectRequest) -> dict[str, int]:
    """The budgets that published policies set, by tool."""
    rows = Policy.objects.filter(project=request.project, state="published").select_related("tool")
    found = {policy.tool.name: policy.spec.execution.budget for policy in rows}
    return {name: budget for name, budget in found.items() if budget is not None}


@dataclass(frozen=True, slots=True)
class Links:
    """Where one tool leads: to this page for it alone, to its calls, to those repeated, and to
    those that the budget would have cut."""

    alone: str = ""
    calls: str = ""
    repeats: str = ""
    cut: str = ""


def _link(frame: Frame, one: Ranks, limit: int) -> Links:
    term = write_term("tool", one.tool)
    if not term:
        return Links()
    asked = frame.within(DIMENSIONS)
    repeats = asked.calls(term, "finding:repeated_call") if one.repeats else ""
    cut = asked.calls(term, f"nth:>{limit}")
    return Links(frame.having(term), asked.calls(term), repeats, cut)


def _list_pair(frame: Frame, row: Row) -> str:
    """The calls of one tool in one conversation."""
    terms = write_term("tool", row.tool), write_term("id", row.key)
    return frame.within(DIMENSIONS).calls(*terms)


def _conversation(frame: Frame, row: Row) -> str:
    return reverse("conversations:conversation", args=[frame.project.slug, row.key])


def _draw_spread(frame: Frame, whole: Ranks, before: Ranks | None) -> Chart:
    """Each bar leads to the calls with which its conversations came to so many."""
    bars, then = whole.reached(), before.reached() if before else []
    ranks = [rank for rank, _ in max(bars, then, key=len)]
    series = [_draw_reached("conversations", bars, ranks, frame, frame.span, "s1")]
    if before:
        series.append(_draw_reached("before", then, ranks, frame, frame.span.before, "s6"))
    return Chart(
        "spread",
        "Conversations by how many calls of one tool they came to",
        [f"{rank}+" for rank in ranks],
        series,
        first="Calls of one tool",
    )


def _draw_reached(
    name: str,
    bars: Sequence[tuple[int, int]],
    ranks: Sequence[int],
    frame: Frame,
    span: Span,
    color: str,
) -> Series:
    counts, asked = dict(bars), frame.within(DIMENSIONS)
    links = [asked.calls(f"nth:{rank}", span=span) if counts.get(rank) else "" for rank in ranks]
    return Series(name, [float(counts.get(rank, 0)) for rank in ranks], color=color, links=links)


def _draw_curve(frame: Frame, whole: Ranks, before: Ranks | None) -> Chart:
    limits = [limit for limit in LIMITS if limit <= max(whole.highest, USUAL)]
    series = [_draw_cuts("calls cut", whole, limits, frame, frame.span)]
    if before:
        then = frame.span.before
        series.append(_draw_cuts("calls cut, before", before, limits, frame, then, dashed=True))
    return Chart(
        "curve",
        "Share of calls that a budget would have cut",
        [str(limit) for limit in limits],
        series,
        unit="%",
        first="Calls a conversation",
    )


def _draw_cuts(
    name: str,
    ranks: Ranks,
    limits: Sequence[int],
    frame: Frame,
    span: Span,
    *,
    dashed: bool = False,
) -> Series:
    """Each point leads to the calls cut."""
    cuts, asked = [ranks.cut(limit) for limit in limits], frame.within(DIMENSIONS)
    links = [asked.calls(f"nth:>{cut.limit}", span=span) if cut.calls else "" for cut in cuts]
    texts = [
        f"{cut.calls:,} of {cut.of_calls:,} ({cut.percent:.2f}%), ${cut.cost:,.4f}" for cut in cuts
    ]
    values = [cut.percent for cut in cuts]
    return Series(name, values, "line", "s2", dashed=dashed, links=links, texts=texts)
