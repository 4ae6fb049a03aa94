"""What an alert can watch: each metric with its rows, its unit and what it counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analytics.alerts.rules import Unit
from conversations.search.fields import MISFIRES

_MISFIRES = ", ".join(f"'{code}'" for code in MISFIRES)


@dataclass(frozen=True, slots=True)
class Watched:
    """``columns`` are read of each matching row, ``part`` is an aggregate over them, and ``term``
    the same condition in the lists' language: it leads to the very rows."""

    name: str
    label: str
    kind: Literal["calls", "turns"]
    unit: Unit
    columns: str
    part: str
    term: str = ""

    @property
    def takes_minimum(self) -> bool:
        return self.unit == "percent"


def _table(*metrics: Watched) -> dict[str, Watched]:
    return {metric.name: metric for metric in metrics}


def _count(condition: str) -> str:
    return f"count(*) FILTER (WHERE {condition})"


WATCHED = _table(
    Watched(
        "rejection_rate",
        "Rejection rate",
        "calls",
        "percent",
        "c.id, c.verdict",
        _count("verdict = 'rejected'"),
        "verdict:rejected",
    ),
    Watched(
        "misfire_rate",
        "Misfire rate",
        "calls",
        "percent",
        "c.id, c.codes",
        _count(f"codes && ARRAY[{_MISFIRES}]::varchar[]"),
        "misfire:any",
    ),
    Watched(
        "flagged_rate",
        "Share flagged",
        "calls",
        "percent",
        "c.id, c.verdict",
        _count("verdict = 'flagged'"),
        "verdict:flagged",
    ),
    Watched(
        "tool_error_rate",
        "Share answered with an error",
        "calls",
        "percent",
        "c.id, c.status",
        _count("status = 'error'"),
        "status:error",
    ),
    Watched(
        "failed_turn_rate",
        "Share of model calls that failed",
        "turns",
        "percent",
        "t.id, t.status",
        _count("status = 'failed'"),
        "status:failed",
    ),
    Watched(
        "unpriced_rate",
        "Share of model calls without a price",
        "turns",
        "percent",
        "t.id, t.cost",
        _count("cost IS NULL"),
        "-has:cost",
    ),
    Watched(
        "cost_per_hour",
        "Cost per hour",
        "turns",
        "dollars",
        "t.id, t.cost",
        "coalesce(sum(cost), 0)",
        "has:cost",
    ),
    Watched("calls", "Number of tool calls", "calls", "count", "c.id", "count(*)"),
    Watched("turns", "Number of model calls", "turns", "count", "t.id", "count(*)"),
)
