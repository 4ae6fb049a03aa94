"""Tools: what their definitions weigh in every request, how often they are used, or never."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from analytics.metrics import Counted, Tally, count_calls, total
from analytics.toolbox import ToolUse, count_offers, read_uses
from analytics.views.bars import width
from analytics.views.frame import Frame, read_frame, refuse, show
from analytics.views.rejections import draw_before
from console.accounts.access import ProjectRequest, member
from console.lib.charts import Chart, Series

_MOST_LINES = 5
_MOST_ROWS = 50
ORDERS = {
    "tokens": "Tokens of definitions",
    "calls": "Calls",
    "rejected": "Rejected",
    "idle": "Never used",
}


@member("viewer")
@require_GET
def show_tools(request: ProjectRequest) -> HttpResponse:
    frame = read_frame(request, "tools", keep=("order", "all"))
    if frame.error:
        return refuse(request, frame)
    order = frame.extra["order"] if frame.extra["order"] in ORDERS else "tokens"
    groups = [(), ("tool",), ("start",)]
    counted = count_calls(frame.project, frame.filter, frame.span, groups)
    before = (
        count_calls(frame.project, frame.filter, frame.span.before, groups)
        if frame.compares
        else None
    )
    offers = count_offers(frame.project, frame.filter, frame.span)
    calls = {str(key[0]): tally for key, tally in counted["tool",].items()}
    uses = read_uses(frame.project, offers, calls)
    named = {value for term in frame.filter.query.of("tool") for value in term.values}
    if named:
        uses = [use for use in uses if use.name in calls or use.name in named]
    idle = [use for use in uses if use.is_idle]
    tokens = sum(use.tokens for use in uses)
    turns = sum(offers.values())
    context = {
        "whole": total(counted),
        "before": total(before) if before else None,
        "turns": turns,
        "offering": turns - offers.get(0, 0),
        "tokens": tokens,
        "tokens_a_turn": tokens / turns if turns else None,
        "idle": idle,
        "idle_tokens": sum(use.tokens for use in idle),
        "idle_percent": 100 * sum(use.tokens for use in idle) / tokens if tokens else 0.0,
        "order": order,
        "orders": [(label, frame.url(order=name), name == order) for name, label in ORDERS.items()],
        "rows": [
            _describe(frame, use, tokens, before)
            for use in _sort(uses, order)[: None if frame.extra["all"] else _MOST_ROWS]
        ],
        "count": len(uses),
        "all_url": frame.url(all="1") if len(uses) > _MOST_ROWS else "",
    }
    chart = _draw(frame, counted, before)
    return show(request, frame, "analytics/tools.html", {"chart": chart}, context)


def _sort(uses: list[ToolUse], order: str) -> list[ToolUse]:
    if order == "calls":
        return sorted(uses, key=lambda use: -use.tally.calls)
    if order == "rejected":
        return sorted(uses, key=lambda use: -use.tally.rejected)
    if order == "idle":
        return [use for use in uses if not use.tally.calls]
    return uses


def _describe(frame: Frame, use: ToolUse, tokens: int, before: Counted | None) -> dict[str, Any]:
    term = frame.tool_term(use.name)
    return {
        "use": use,
        "width": width(use.tokens, tokens),
        "before": before["tool",].get((use.name,), Tally()).calls if before else 0,
        "before_url": frame.calls(term, span=frame.span.before) if term else "",
        "calls_url": frame.calls(term) if term else "",
        "rejected_url": frame.calls(term, "verdict:rejected") if term else "",
    }


def _draw(frame: Frame, counted: Counted, before: Counted | None) -> Chart:
    """Calls of the tools that are called most, and of all others together."""
    starts, series = frame.span.starts, []
    by_calls = sorted(counted["tool",].items(), key=lambda row: -row[1].calls)
    shown = [str(key[0]) for key, _ in by_calls[:_MOST_LINES]]
    group = ("start", "tool")
    steps = count_calls(frame.project, frame.filter, frame.span, [group], {"tool": shown})[group]
    for name in shown:
        tallies = [steps.get((at, name), Tally()) for at in starts]
        term = frame.tool_term(name)
        series.append(
            Series(
                name or "other unknown tools",
                [float(one.calls) for one in tallies],
                stack="tools",
                links=[
                    frame.calls(term, span=frame.span.step(at)) if term else "" for at in starts
                ],
            )
        )
    if len(by_calls) > len(shown):
        rest = [
            counted["start",].get((at,), Tally()).calls
            - sum(steps.get((at, name), Tally()).calls for name in shown)
            for at in starts
        ]
        names = [name for name in shown if name]
        terms = " ".join("-" + frame.tool_term(name) for name in names)
        links = [frame.calls(terms, span=frame.span.step(at)) for at in starts]
        values = [float(number) for number in rest]
        series.append(Series("all others", values, color="s6", stack="tools", links=links))
    series = series or [Series("Calls", [0.0 for _ in starts])]
    if before:
        series.append(draw_before(frame, before, "calls"))
    return Chart(
        "calls",
        f"Calls by tool and {frame.step}",
        frame.labels,
        series,
        "",
        frame.read_markers(),
        frame.step.capitalize(),
        frame.rows,
    )
