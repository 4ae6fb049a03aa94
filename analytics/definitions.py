"""What the metrics are: one definition each, for rollups and for the rows themselves. Pure.

A metric is a part of a base: both are sums over one rollup, ``raw`` is the same part over the calls
or turns that the rollup sums, and ``terms`` says it in the lists' language, so that every figure
leads to the very rows that it counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analytics import facts
from analytics.rollup_sql import CALLS, TURNS, Table
from console.lib.charts import Unit
from conversations.search.fields import MISFIRES

Rows = Literal["calls", "turns"]
MISFIRED_KIND = "kind IN ({})".format(", ".join(f"'{code}'" for code in MISFIRES))
"""Of calls in a rollup, as ``facts.MISFIRED`` is of the calls themselves."""
OF_CALLS = ("tool", "version", "model", "provider", "environment", "source")
"""Fields that rollups of calls are divided by."""
OF_TURNS = ("model", "provider", "environment", "source")
"""Those that turns have as well; a turn has no tool of its own."""


@dataclass(frozen=True, slots=True)
class Metric:
    """``value`` and ``base`` are SQL sums over the table; a metric without a base is an amount.
    ``raw`` is an aggregate over calls or turns, whose number is the base."""

    name: str
    label: str
    table: Table
    value: str
    base: str = ""
    unit: Unit = "%"
    terms: str = ""
    raw: str = "count(*)"

    @property
    def rows(self) -> Rows:
        return "turns" if self.table is TURNS else "calls"

    @property
    def fields(self) -> tuple[str, ...]:
        return OF_TURNS if self.table is TURNS else OF_CALLS


def _part(condition: str) -> str:
    return f"count(*) FILTER (WHERE {condition})"


METRICS = {
    metric.name: metric
    for metric in (
        Metric("calls", "Calls", CALLS, "sum(calls)", unit=""),
        Metric(
            "misfires",
            "Misfire rate",
            CALLS,
            f"sum(calls) FILTER (WHERE {MISFIRED_KIND})",
            "sum(calls)",
            terms="misfire:any",
            raw=_part(facts.MISFIRED),
        ),
        Metric(
            "rejected",
            "Rejection rate",
            CALLS,
            "sum(rejected)",
            "sum(calls)",
            terms="verdict:rejected",
            raw=_part(facts.REJECTED),
        ),
        Metric(
            "flagged",
            "Flag rate",
            CALLS,
            "sum(flagged)",
            "sum(calls)",
            terms="verdict:flagged",
            raw=_part(facts.FLAGGED),
        ),
        Metric(
            "errors",
            "Tool error rate",
            CALLS,
            "sum(errors)",
            "sum(calls)",
            terms="status:error",
            raw=_part(facts.ERRED),
        ),
        Metric("turns", "Turns", TURNS, "sum(turns)", unit=""),
        Metric(
            "failed",
            "Failed turns",
            TURNS,
            "sum(failed)",
            "sum(turns)",
            terms="status:failed",
            raw=_part(facts.FAILED),
        ),
        Metric(
            "missed",
            "Missing calls",
            TURNS,
            "sum(missed)",
            "sum(turns)",
            terms=f"finding:{','.join(facts.MISSED_CODES)}",
            raw=_part(facts.MISSED),
        ),
        Metric("cost", "Cost", TURNS, "sum(cost)", unit="$", terms="has:cost", raw=facts.COST),
        Metric(
            "unpriced",
            "Unpriced turns",
            TURNS,
            "sum(unpriced)",
            "sum(turns)",
            terms="-has:cost",
            raw=_part(facts.UNPRICED),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Duration:
    """What the sketches hold: ``name`` is one of ``records.MEASURES``, ``column`` theirs in the
    rows, ``fields`` what the sketches are divided by, its name first, ``longer`` the field of the
    lists that compares it."""

    name: str
    label: str
    rows: Rows
    column: str
    fields: tuple[str, ...]
    longer: str


_ASKED = ("model", "provider", "environment")
DURATIONS = {
    one.name: one
    for one in (
        Duration("turn", "Whole turn", "turns", "latency_ms", _ASKED, "latency"),
        Duration("first", "First token", "turns", "first_token_ms", _ASKED, "first_token"),
        Duration(
            "tool", "Tool", "calls", "latency_ms", ("tool", "version", "environment"), "latency"
        ),
    )
}
