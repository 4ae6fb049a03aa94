"""Conduct: calls a conversation, repeats, and what a budget would have cut."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from analytics.conduct.figures import Ranks, add_up, read_ranks
from analytics.costs.tops import Row, read_top
from analytics.views.frame import Frame, read_frame, refuse, show
from console.accounts.access import ProjectRequest, member
from console.lib.charts import Chart, Series
from conversations.search.query import Term
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
    tools = read_ranks(request.project, frame.filter, frame.span)
    whole = tools[0] if len(tools) == 1 else add_up(tools)
    limit = _read_limit(request.GET.get("budget", ""))
    before = add_up(read_ranks(request.project, frame.filter, frame.span.before))
    budgets = _budgets(request)
    pairs = read_top(request.project, "pair", frame.filter, frame.span)
    context = {
        "whole": whole,
        "tools": [(one, one.cut(limit), _tool_url(frame, one), budgets.get(one.tool))
                  for one in tools[:SHOWN]],
        "more": max(0, len(tools) - SHOWN),
        "limit": limit,
        "cut": whole.cut(limit),
        "before": before.cut(limit) if frame.compares else None,
        "pairs": [(row, _conversation(frame, row)) for row in pairs.rows],
        "bound": pairs.bound,
        "repeats_url": frame.calls("finding:repeated_call"),
        "over_url": frame.calls("finding:budget_exceeded"),
    }  # fmt: skip
    charts = {"spread": _draw_spread(whole), "curve": _draw_curve(whole)}
    return show(request, frame, "analytics/conduct.html", charts, context)


def _read_limit(text: str) -> int:
    return min(max(int(text), 0), LARGEST) if text.isdecimal() and len(text) < 6 else USUAL


def _budgets(request: ProjectRequest) -> dict[str, int]:
    """The budgets that published policies set, by tool."""
    rows = Policy.objects.filter(project=request.project, state="published").select_related("tool")
    found = {policy.tool.name: policy.spec.execution.budget for policy in rows}
    return {name: budget for name, budget in found.items() if budget is not None}


def _tool_url(frame: Frame, one: Ranks) -> str:
    return frame.having(Term("tool", (one.tool,)).text) if one.tool else ""


def _conversation(frame: Frame, row: Row) -> str:
    return reverse("conversations:conversation", args=[frame.project.slug, row.key])


def _draw_spread(whole: Ranks) -> Chart:
    bars = whole.distribution()
    return Chart(
        "spread",
        "Conversations by how often they called one tool",
        [label for label, _ in bars],
        [Series("conversations", [count for _, count in bars], color="s1")],
        first="Calls of one tool",
    )


def _draw_curve(whole: Ranks) -> Chart:
    limits = [limit for limit in LIMITS if limit <= max(whole.highest, USUAL)]
    cuts = [whole.cut(limit) for limit in limits]
    return Chart(
        "curve",
        "Share of calls that a budget would have cut",
        [str(limit) for limit in limits],
        [Series("calls cut", [cut.percent for cut in cuts], form="line", color="s2",
                texts=[f"{cut.calls:,} of {cut.of_calls:,} ({cut.percent:.2f}%), ${cut.cost:,.4f}"
                       for cut in cuts])],
        unit="%",
        first="Calls a conversation",
    )  # fmt: skip
