"""Accuracy, cost and latency by model, out of the replays of a suite.

A result counts the outcomes of one model under one variant of one replay: an outcome is a trial of
a case, and passed where it was judged so; those that nobody could judge are in no share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from analytics.filters import Filter
from console.accounts.models import Project
from console.lib.proportions import wilson

DIMENSIONS = ("model",)
"""What outcomes have of the fields of a filter."""
REPLAYS = 60
"""The newest replays of a suite that are read."""
FEW = 20
"""Judged outcomes below which a share alone misleads."""
_RESULTS = """
SELECT r.number, r.created_at, r.title, v.position, v.name, o.model, count(*),
  count(o.passed), count(*) FILTER (WHERE o.passed), count(*) FILTER (WHERE o.status = 'failed'),
  sum(o.cost), count(*) FILTER (WHERE o.cost IS NULL),
  percentile_cont(0.5) WITHIN GROUP (ORDER BY o.latency_ms),
  percentile_cont(0.95) WITHIN GROUP (ORDER BY o.latency_ms)
FROM (
  SELECT id, number, created_at, title FROM conversations_replay
  WHERE project_id = %s AND suite_id = %s AND created_at >= %s AND created_at < %s
  ORDER BY number DESC LIMIT %s) AS r
JOIN conversations_replayoutcome o ON o.replay_id = r.id AND o.status IN ('done', 'failed')
JOIN conversations_replayvariant v ON v.id = o.variant_id
WHERE true{where}
GROUP BY r.number, r.created_at, r.title, v.position, v.name, o.model
ORDER BY r.number, v.position, o.model
"""


@dataclass(frozen=True, slots=True)
class Result:
    """One model under one variant of one replay. ``cost`` is in dollars, of the outcomes that have
    a price; latencies are of whole outcomes, in ms. ``line`` is the chart's that it belongs to."""

    replay: int
    at: datetime
    title: str
    position: int
    variant: str
    model: str
    outcomes: int
    judged: int
    passed: int
    failed: int
    cost: Decimal | None
    unpriced: int
    p50: float | None
    p95: float | None
    line: str = ""

    @property
    def percent(self) -> float | None:
        return 100 * self.passed / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% interval in per cent; all there is without any judged."""
        if not self.judged:
            return 0.0, 100.0
        low, high = wilson(self.passed, self.judged)
        return 100 * low, 100 * high

    @property
    def is_small(self) -> bool:
        return self.judged < FEW

    @property
    def mean_cost(self) -> Decimal | None:
        priced = self.outcomes - self.unpriced
        return self.cost / priced if self.cost is not None and priced else None


def read_results(
    project: Project, suite: int, since: datetime, until: datetime, kept: Filter | None = None
) -> Sequence[Result]:
    """The results of a suite's replays in the time, in the order of the replays; filtered by
    ``DIMENSIONS`` alone."""
    where, values = (kept or Filter()).where(DIMENSIONS)
    given: list[Any] = [project.pk, suite, since, until, REPLAYS, *values]
    with connection.cursor() as cursor:
        cursor.execute(_RESULTS.replace("{where}", where), given)
        return name_lines([Result(*row) for row in cursor.fetchall()])


def name_lines(results: Sequence[Result]) -> list[Result]:
    """A line for each model; where a replay asked one model under several variants, for each of
    them."""
    asked = Counter((one.replay, one.model) for one in results)
    several = {model for (_, model), count in asked.items() if count > 1}
    return [replace(one, line=", ".join(_line_of(one, one.model in several))) for one in results]


def _line_of(one: Result, is_one_of_several: bool) -> tuple[str, ...]:
    model = one.model or "no model"
    return (model, one.variant) if is_one_of_several else (model,)


def newest(results: Sequence[Result]) -> list[Result]:
    """The newest result of each line, the most accurate first."""
    last = {one.line: one for one in results}
    return sorted(last.values(), key=lambda one: (-(one.percent or -1), one.line))
