"""Durations out of the rollups' sketches, each beside its limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analytics import metrics
from analytics.definitions import DURATIONS
from analytics.filters import Filter
from analytics.latency.limits import Timing, time
from analytics.latency.records import LatencyLimit
from analytics.spans import Span
from console.accounts.models import Project
from tools_registry.policies.models import Policy

SHARES = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
SET_HERE = "set here"
SET_FOR_ALL = "set here for all"


@dataclass(frozen=True, slots=True)
class Limits:
    """Milliseconds by (measure, name): people's own, and tools' timeouts by their policies."""

    own: Mapping[tuple[str, str], float]
    timeouts: Mapping[str, tuple[float, str]]

    def of(self, measure: str, name: str) -> tuple[float, str]:
        """The limit and whose it is; 0 and "" without one."""
        if measure == "tool" and name in self.timeouts:
            return self.timeouts[name]
        if (measure, name) in self.own:
            return self.own[measure, name], SET_HERE
        limit = self.own.get((measure, ""), 0.0)
        return limit, SET_FOR_ALL if limit else ""


def read_limits(project: Project) -> Limits:
    rows = LatencyLimit.objects.filter(project=project)
    own = {(row.measure, row.name): row.limit_ms for row in rows}
    return Limits(own, _read_timeouts(project))


def _read_timeouts(project: Project) -> dict[str, tuple[float, str]]:
    """The timeouts of published policies, by the names of their tools."""
    rows = Policy.objects.filter(project=project, state="published").select_related("tool")
    return {
        policy.tool.name: (float(timeout), f"timeout of policy v{policy.number}")
        for policy in rows
        if (timeout := policy.spec.execution.timeout_ms)
    }


def choose_tools(
    project: Project, kept: Filter, span: Span, limits: Limits, most: int
) -> tuple[list[str], int]:
    """The tools that are called most and those with a limit of their own, of how many that were
    called. Sketches are not read for all: tools may be thousands."""
    kept = kept.only(DURATIONS["tool"].fields)
    counted = metrics.count_calls(project, kept, span, [("tool",)])["tool",]
    ranked = [str(key[0]) for key, _ in sorted(counted.items(), key=lambda one: -one[1].calls)]
    chosen = [
        name
        for place, name in enumerate(ranked)
        if place < most or name in limits.timeouts or ("tool", name) in limits.own
    ]
    return chosen, len(ranked)


def count_timed(project: Project, measure: str, kept: Filter, span: Span) -> int:
    """How many durations the span has in all."""
    return metrics.count_durations(project, measure, span, kept)


def read_timings(
    project: Project, measure: str, kept: Filter, span: Span, limits: Limits
) -> list[Timing]:
    """Each tool, or each model, the nearest to its limit first, then by how slow they are."""
    group = ("tool",) if measure == "tool" else ("model",)
    sketches = metrics.read_latency(project, measure, span, group, kept)
    found = [
        time(name, sketch, *limits.of(measure, name))
        for (name,), sketch in sketches.items()
        if sketch
    ]
    return sorted(found, key=lambda one: (one.room if one.limit else 1000.0, -one.p99, one.name))


def read_course(
    project: Project, measure: str, kept: Filter, span: Span
) -> dict[str, list[float | None]]:
    """Each percentile of ``SHARES`` in each step of the span, in ms."""
    held = metrics.read_course(project, measure, span, [share for share, _ in SHARES], kept)
    nothing = [None] * len(SHARES)
    return {
        label: [held.get(start, nothing)[place] for start in span.starts]
        for place, (_, label) in enumerate(SHARES)
    }
