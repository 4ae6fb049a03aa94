"""How a project stands: what is usual, what is not, what changed, and what today costs.

All figures are of rollups; "usual" is what the seven days before today say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import sqrt

from analytics.budgets.reading import add_up, foresee, period_of, read_past
from analytics.costs.figures import Spent
from analytics.definitions import DURATIONS
from analytics.filters import Filter
from analytics.forecast import Forecast
from analytics.metrics import (
    Counted,
    Share,
    Tally,
    count_calls,
    percentile,
    read_latency,
    series,
    total,
)
from analytics.rejections import count_codes
from analytics.spans import DAY, HOUR, Span, floor, of_range
from console.accounts.models import Project
from conversations.incidents.records import SEVERITIES, Incident
from conversations.models import Turn
from tools_registry.publishing import Publication, publications

LEAST = 20
"""Calls that a tool needs in a day before it is compared with its past."""
_SHOWN = 5
_QUIET = timedelta(minutes=10)
_CHANGES = timedelta(hours=48)


@dataclass(slots=True)
class Look:
    """A tool of the last 24 hours beside its past. ``hours`` are its rejected shares."""

    name: str
    day: Tally
    usual: Tally
    hours: tuple[float, ...] = ()
    code: str = ""
    """The finding that most of its calls have."""

    @property
    def difference(self) -> float:
        """Percentage points above what is usual."""
        return self.day.refused.percent - self.usual.refused.percent

    @property
    def score(self) -> float:
        """How unlikely the difference is by chance: the z of two shares."""
        part, whole = self.day.rejected + self.usual.rejected, self.day.calls + self.usual.calls
        share = part / whole if whole else 0.0
        spread = sqrt(share * (1 - share) * (1 / self.day.calls + 1 / max(1, self.usual.calls)))
        return self.difference / 100 / spread if spread else 0.0

    @property
    def is_unusual(self) -> bool:
        return self.usual.calls >= LEAST and self.score > 3


@dataclass(frozen=True, slots=True)
class Standing:
    """Figures of the last 24 hours under a filter, ``usual`` those of the seven days before
    today."""

    day: Tally
    usual: Tally
    week_ago: int
    """Calls of the same 24 hours a week earlier."""
    failed: Share | None
    """Of turns; None where the filter asks for tools, which turns do not have."""
    p95: float | None
    """None also where the filter asks for what durations of tools are not kept by."""
    usual_p95: float | None
    today: Spent
    month: Spent
    month_name: str
    forecast: Forecast | None
    looks: list[Look] = field(default_factory=list)
    tools: int = 0
    """Tools that were called in the 24 hours."""

    @property
    def unusual(self) -> list[Look]:
        return [look for look in self.looks if look.is_unusual]

    @property
    def growth(self) -> float | None:
        """Calls against a week ago, in per cent; None where there were none."""
        return 100 * (self.day.calls - self.week_ago) / self.week_ago if self.week_ago else None

    @property
    def points(self) -> float | None:
        """Rejected, in percentage points above what is usual; None where nothing is."""
        if not self.usual.calls or not self.day.calls:
            return None
        return self.day.refused.percent - self.usual.refused.percent

    @property
    def misfire_percent(self) -> float:
        cost = self.today.cost
        return float(100 * self.today.misfire / cost) if cost else 0.0

    @property
    def month_done(self) -> float | None:
        """How much of the forecast is spent, in per cent."""
        if self.forecast is None or not self.forecast.expected:
            return None
        return min(100.0, 100 * float(self.month.cost) / self.forecast.expected)


def read_standing(project: Project, kept: Filter, now: datetime) -> Standing:
    last, past = of_range("24h", now), _usual(now)
    counted = count_calls(project, kept, last, [(), ("tool",)])
    usual = count_calls(project, kept, past, [(), ("tool",)])
    earlier = Span(last.since - timedelta(days=7), last.until - timedelta(days=7), HOUR)
    first, _ = period_of("month", now)
    days = read_past(project, kept, now)
    return Standing(
        day=total(counted),
        usual=total(usual),
        week_ago=total(count_calls(project, kept, earlier, [()])).calls,
        failed=None if kept.asks_for_tools else _failed(project, kept, last),
        p95=_p95(project, kept, last),
        usual_p95=_p95(project, kept, past),
        today=add_up(days, floor(now, DAY)),
        month=add_up(days, first),
        month_name=f"{now:%B}",
        forecast=foresee(days, now),
        looks=_look(project, kept, counted, usual, last),
        tools=len(counted["tool",]),
    )


def _usual(now: datetime) -> Span:
    today = floor(now, DAY)
    return Span(today - timedelta(days=7), today, DAY)


def _failed(project: Project, kept: Filter, span: Span) -> Share:
    turns = series(project, "failed", kept, span)
    return Share(
        int(sum(point.value for point in turns)), int(sum(point.base or 0 for point in turns))
    )


def _p95(project: Project, kept: Filter, span: Span) -> float | None:
    if not kept.columns <= {*DURATIONS["tool"].fields}:
        return None
    return percentile(read_latency(project, "tool", span, kept=kept).get((), {}), 0.95)


def _look(
    project: Project, kept: Filter, counted: Counted, usual: Counted, span: Span
) -> list[Look]:
    """The tools with enough calls, the most unusual first."""
    found = [
        Look(str(name), tally, usual["tool",].get((name,), Tally()))
        for (name,), tally in counted["tool",].items()
        if tally.calls >= LEAST
    ]
    worst = sorted(found, key=lambda look: (-look.score, -look.day.rejected))[:_SHOWN]
    among, group = {"tool": [look.name for look in worst]}, ("start", "tool")
    codes = _top_codes(count_codes(project, kept, span, by=("tool",), among=among))
    steps = count_calls(project, kept, span, [group], among)[group]
    for look in worst:
        tallies = (steps.get((at, look.name), Tally()) for at in span.starts)
        look.hours = tuple(tally.refused.percent for tally in tallies)
        look.code = codes.get(look.name, "")
    return worst


def _top_codes(counted: Mapping[tuple[str, ...], int]) -> dict[str, str]:
    found: dict[str, tuple[int, str]] = {}
    for (code, tool), calls in counted.items():
        found[tool] = max(found.get(tool, (0, "")), (calls, code))
    return {tool: code for tool, (_, code) in found.items()}


def open_incidents(project: Project) -> list[Incident]:
    """Those that are not resolved: not mitigated before mitigated, then severest, then newest."""
    order = [severity for severity, _ in SEVERITIES]
    rows = Incident.objects.filter(project=project).exclude(status="resolved")
    return sorted(
        rows, key=lambda one: (one.status == "mitigated", -order.index(one.severity), -one.number)
    )


def read_changes(project: Project, now: datetime) -> list[Publication]:
    """What was published, retired or first seen in the last 48 hours, the newest first."""
    return publications(project, now - _CHANGES, now)[::-1][:8]


def last_turn(project: Project) -> datetime | None:
    """When the newest turn was."""
    return Turn.objects.filter(project=project).order_by("-id").values_list("at", flat=True).first()


def is_silent(latest: datetime | None, now: datetime) -> bool:
    """Did traffic that there was stop ten minutes ago or more?"""
    return latest is not None and now - latest > _QUIET
