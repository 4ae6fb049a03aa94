"""What it costs: models, tools, users; per call and per misfire; the month, its end and budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from analytics.budgets import reading as budgets
from analytics.costs import savings
from analytics.costs.figures import NO_TOOL, ZERO, Read, Spent, by_tool, read_spent, total, widen
from analytics.costs.tops import Top, read_top
from analytics.views.cost_charts import draw_month, draw_spend
from analytics.views.frame import Frame, read_frame, refuse, show
from console.accounts.access import ProjectRequest, member
from conversations.ingest.store.pricing import read_book
from conversations.models import Connection
from conversations.search.query import Term

SHOWN = 12
"""Models and tools that have a row of their own."""
_START, _MODEL, _SELLER, _TOOL = (
    ("start",),
    ("model",),
    ("model", "provider", "connection_id"),
    ("tool",),
)
_GROUPS = ((), _START, ("start", "model"), _MODEL, _SELLER, _TOOL)
_TOPS = (("user", "Users", "user"), ("conversation", "Conversations", ""), ("tag", "Tags", "tag"))


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table: its name, where it leads, what it came to."""

    name: str
    url: str
    spent: Spent
    note: str = ""


@member("viewer")
@require_safe
def show_cost(request: ProjectRequest) -> HttpResponse:
    frame = read_frame(request, "cost")
    if frame.error:
        return refuse(request, frame)
    kept = frame.filter
    read = read_spent(request.project, kept, frame.span, _GROUPS)
    whole = total(read)
    before = None
    if frame.compares:
        before = read_spent(request.project, kept, frame.span.before, [(), _START])
    days = budgets.read_past(request.project, kept, frame.now)
    month = budgets.foresee(days, frame.now)
    since, _ = budgets.period_of("month", frame.now)
    charts = {
        "spend": draw_spend(frame, read, before),
        "month": draw_month(frame, days, month),
    }
    context = {
        "whole": whole,
        "before": total(before) if before else None,
        "month_spent": budgets.add_up(days, since),
        "forecast": month,
        "month_name": f"{frame.now:%B}",
        "tables": _tables(frame, read, whole),
        "tops": _tops(frame),
        "tops_widened": widen(frame.span) != frame.span,
        "connections": None if kept.asks_for_tools else _connections(frame, read),
        "models": _lines(frame, _models(read), "model"),
        "caches": _caches(frame, read),
        "idle": _idle(frame, read),
        "standings": budgets.read_standings(request.project, frame.now),
        "unpriced_url": frame.turns("-has:cost"),
        "misfires_url": frame.calls("misfire:any"),
        "may_change": request.member.may("engineer"),
    }
    return show(request, frame, "analytics/cost.html", charts, context)


def _models(read: Read) -> list[tuple[str, Spent]]:
    found = [(name, one) for (name,), one in read[_MODEL].items()]
    return sorted(found, key=lambda pair: (-pair[1].cost, -pair[1].turns, pair[0]))


def _lines(frame: Frame, found: Sequence[tuple[str, Spent]], field: str) -> list[Line]:
    """The first rows, and all others together."""
    lines = []
    for name, one in found[:SHOWN]:
        if field == "tool" and name == NO_TOOL:
            lines.append(Line("no call", "", one, "Turns that called no tool"))
            continue
        listed = frame.calls if field == "tool" else frame.turns
        lines.append(Line(name, listed(Term(field, (name,)).text) if name else "", one))
    if rest := found[SHOWN:]:
        whole = Spent()
        for _, one in rest:
            whole.add(one)
        lines.append(Line(f"{len(rest)} others", "", whole))
    return lines


def _tables(frame: Frame, read: Read, whole: Spent) -> list[tuple[str, str, str, list[Line]]]:
    """By model and by tool: the name, what its figures are, its kind, its rows."""
    return [
        ("By model", "model calls, and the tools that they called", "model",
         _lines(frame, _models(read), "model")),
        ("By tool", "each call's even share of its turn, and its own cost", "tool",
         _lines(frame, by_tool(read, whole), "tool")),
    ]  # fmt: skip


def _connections(frame: Frame, read: Read) -> list[Line]:
    """Turns by the connection that they went through, else by the provider that they name."""
    names = dict(Connection.objects.filter(project=frame.project).values_list("pk", "name"))
    sums: dict[tuple[str, str], Spent] = {}
    for (_, provider, pk), one in read[_SELLER].items():
        key = (names.get(pk, ""), provider)
        sums.setdefault(key, Spent()).add(one)
    lines = []
    for (name, provider), one in sums.items():
        url = frame.turns(Term("provider", (provider,)).text) if provider else ""
        note = "" if name else "no connection"
        lines.append(Line(name or provider or "not named", url, one, note))
    lines.sort(key=lambda line: (-line.spent.cost, line.name))
    return lines[:SHOWN]


def _tops(frame: Frame) -> list[tuple[str, Top, list[tuple[Any, str]]]]:
    """The dearest users, conversations and tags of whole hours, each row with where it leads."""
    if frame.filter.asks_for_tools:
        return []
    frame = replace(frame, span=widen(frame.span))
    found = []
    for kind, label, field in _TOPS:
        top = read_top(frame.project, kind, frame.filter, frame.span)
        rows = [(row, _lead(frame, kind, field, row.key)) for row in top.rows]
        if any(row.key for row in top.rows):
            found.append((label, top, rows))
    return found


def _lead(frame: Frame, kind: str, field: str, key: str) -> str:
    if kind == "conversation":
        return reverse("conversations:conversation", args=[frame.project.slug, key])
    return frame.turns(Term(field, (key,)).text) if key else ""


def _caches(frame: Frame, read: Read) -> Mapping[str, Any]:
    """What providers' caches and tools' caches saved."""
    sellers = read[_SELLER]
    at = min(frame.span.until, frame.now)
    prompts, unknown = savings.save_prompts(sellers, read_book(pk for _, _, pk in sellers), at)
    tools = savings.save_tools((name, one) for (name,), one in read[_TOOL].items())
    read_tokens = sum(one.cached_input_tokens for one in sellers.values())
    return {
        "prompts": prompts,
        "unknown": unknown,
        "read": read_tokens,
        "tools": tools[:SHOWN],
        "saved": sum((one.saved for one in tools if one.saved), ZERO),
        "hits": sum(one.hits for one in tools),
        "answered": sum(one.answered for one in tools),
    }


def _idle(frame: Frame, read: Read) -> Mapping[str, Any] | None:
    """Definitions that were sent and never called; None where the filter asks for tools."""
    if frame.filter.asks_for_tools:
        return None
    at = min(frame.span.until, frame.now)
    called = [name for (name,) in read[_TOOL]]
    found = savings.read_idle(frame.project, frame.filter, frame.span, called, at)
    priced = [one.dollars for one in found if one.dollars is not None]
    return {
        "rows": found[:SHOWN],
        "count": len(found),
        "tokens": sum(one.tokens for one in found),
        "dollars": sum(priced, Decimal(0)) if priced else None,
        "unpriced": len(found) - len(priced),
    }
