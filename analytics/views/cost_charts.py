"""The charts of the Cost page: spend by model over time, and the month up to its end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from analytics import forecast
from analytics.costs.figures import ZERO, Read, Spent
from analytics.forecast import Forecast
from analytics.spans import whole_label
from analytics.views.frame import Frame
from console.lib.charts import Chart, Series
from conversations.search.query import Term

LINES = 5
"""Models that have a colour of their own."""
OTHERS = "other models"
TOOLS = "tools themselves"


def draw_spend(frame: Frame, read: Read, before: Read | None) -> Chart:
    """Dollars by model in each step, stacked; the steps before as a dashed line."""
    starts = frame.span.starts
    held = read[("start", "model")]
    sums: dict[str, Decimal] = {}
    for (_, model), one in held.items():
        sums[model] = sums.get(model, ZERO) + one.model
    ranked = [name for name in sorted(sums, key=lambda name: (-sums[name], name)) if sums[name]]
    series = []
    for name in ranked[:LINES]:
        values = [float(held.get((start, name), Spent()).model) for start in starts]
        links = [
            frame.turns(Term("model", (name,)).text, span=frame.span.step(start)) if name else ""
            for start in starts
        ]
        series.append(Series(name or "not named", values, stack="cost", links=links))
    if len(ranked) > LINES:
        rest = set(ranked[LINES:])
        others = dict.fromkeys(starts, ZERO)
        for (at, name), one in held.items():
            if name in rest and at in others:
                others[at] += one.model
        values = [float(others[start]) for start in starts]
        series.append(Series(OTHERS, values, stack="cost", color="chart-quiet"))
    whole = read[("start",)]
    tools = [float(whole.get((start,), Spent()).tools) for start in starts]
    if any(tools):
        series.append(Series(TOOLS, tools, stack="cost", color="ink-3", hatched=True))
    if before:
        then = before[("start",)]
        values = [float(then.get((start,), Spent()).cost) for start in frame.span.before.starts]
        values = (values + [0.0] * len(starts))[: len(starts)]
        series.append(Series("all, before", values, form="line", color="ink-2", dashed=True))
    return Chart(
        "spend",
        f"Dollars by model, each {frame.step}",
        frame.labels,
        series,
        unit="$",
        markers=frame.read_markers(),
        rows=frame.rows,
    )


def draw_month(frame: Frame, held: Mapping[date, Spent], foreseen: Forecast | None) -> Chart:
    """The month's dollars added up, of those of each day, and from today on where they will
    probably go."""
    since, until = forecast.month_of(frame.now)
    count = (until - since).days
    days = [since.date() + timedelta(days=n) for n in range(count)]
    today = frame.now.date()
    spent = _add_up(held, days, today)
    series = [Series("so far", spent, form="area", color="s1")]
    if foreseen:
        at = days.index(today)
        ends = (foreseen.low, foreseen.expected, foreseen.high)
        low, going, high = (_reach(foreseen.spent, end, at, count) for end in ends)
        series.append(Series(f"{forecast.LEVEL:.0%} band", low, form="band", tops=high, color="s1"))
        series.append(Series("forecast", going, form="line", color="s1", dashed=True))
    return Chart(
        "month",
        f"Dollars of {frame.now:%B} added up, by day",
        [str(day.day) for day in days],
        series,
        unit="$",
        first="Day",
        rows=[whole_label(since + timedelta(days=n), 1440) for n in range(count)],
        height="s",
    )


def _add_up(held: Mapping[date, Spent], days: list[date], today: date) -> list[float | None]:
    found: list[float | None] = []
    whole = ZERO
    for day in days:
        whole += held[day].cost if day in held else ZERO
        found.append(float(whole) if day <= today else None)
    return found


def _reach(spent: float, end: float, today: int, count: int) -> list[float | None]:
    """From what is spent today to the end of the month, in equal steps."""
    left = max(1, count - 1 - today)
    return [
        None if at < today else spent + (end - spent) * (at - today) / left for at in range(count)
    ]
