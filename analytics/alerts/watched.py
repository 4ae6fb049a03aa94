"""What an alert can watch: metrics of analytics, percentiles of durations, and budgets. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from analytics.alerts.rules import Rule, Unit
from analytics.definitions import DURATIONS, METRICS, Duration, Metric, Rows

BUDGET = "budget_used"
SHARES = (50, 95, 99)
"""Percentiles that can be watched."""
_UNITS: dict[str, Unit] = {"%": "percent", "$": "dollars", "": "count"}


@dataclass(frozen=True, slots=True)
class Watched:
    """``name`` is kept in the rules and told by the API. ``of`` is what is measured; ``share`` that
    of a percentile; ``period`` what is looked at where it is not the rule's window."""

    name: str
    label: str
    of: Metric | Duration
    unit: Unit
    share: float = 0.0
    period: str = ""

    @property
    def kind(self) -> Rows:
        return self.of.rows

    @property
    def takes_minimum(self) -> bool:
        return self.unit in ("percent", "ms")

    def terms(self, rule: Rule) -> str:
        """What is counted in the lists' language: it leads to the very rows. Of a percentile those
        that last longer than the level."""
        if isinstance(self.of, Metric):
            return self.of.terms
        if rule.basis == "past":
            return ""
        return f"{self.of.longer}:>{rule.level:.12g}ms"


_LABELS = {
    "rejection_rate": ("Rejection rate", "rejected"),
    "misfire_rate": ("Misfire rate", "misfires"),
    "flagged_rate": ("Share flagged", "flagged"),
    "tool_error_rate": ("Share answered with an error", "errors"),
    "failed_turn_rate": ("Share of model calls that failed", "failed"),
    "missed_call_rate": ("Share of model calls that miss a call", "missed"),
    "unpriced_rate": ("Share of model calls without a price", "unpriced"),
    "cost_per_hour": ("Cost per hour", "cost"),
    "calls": ("Number of tool calls", "calls"),
    "turns": ("Number of model calls", "turns"),
}
_DURATIONS = {"first": "First token", "turn": "Whole turn", "tool": "Time of a tool"}


def _list() -> Iterator[Watched]:
    for name, (label, metric) in _LABELS.items():
        yield Watched(name, label, METRICS[metric], _UNITS[METRICS[metric].unit])
    for measure, label in _DURATIONS.items():
        for share in SHARES:
            name = f"{measure}_p{share}"
            yield Watched(name, f"{label}, p{share}", DURATIONS[measure], "ms", share / 100)
    yield Watched(BUDGET, "Budget used", METRICS["cost"], "budget", period="its period")


WATCHED = {one.name: one for one in _list()}


def of_budget(name: str, period: str) -> Watched:
    """How much of this budget is used in the ``period``, day or month, that goes on."""
    return replace(
        WATCHED[BUDGET],
        label=f"Budget {name} used",
        period="today" if period == "day" else "this month",
    )
