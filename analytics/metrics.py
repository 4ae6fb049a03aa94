"""What rollups say: metrics over time, counts of calls by any of their dimensions, durations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from analytics.definitions import DURATIONS, METRICS, MISFIRED_KIND, Metric
from analytics.filters import Filter
from analytics.rollup_sql import (
    BY_CALLS,
    BY_KIND,
    KINDS,
    LATENCIES,
    TURNS,
    Table,
    narrowest,
)
from analytics.sketch import quantile, value_of
from analytics.spans import HOUR, Span, after, floor
from console.accounts.models import Project
from console.lib.fields import from_stored
from console.lib.proportions import wilson


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, in per cent, with Wilson's 95% interval (0 to 100 without any)."""

    part: int
    whole: int

    @property
    def percent(self) -> float:
        return 100 * self.part / self.whole if self.whole else 0.0

    @property
    def low(self) -> float:
        return 100 * wilson(self.part, self.whole)[0] if self.whole else 0.0

    @property
    def high(self) -> float:
        return 100 * wilson(self.part, self.whole)[1] if self.whole else 100.0


class Point(NamedTuple):
    """A metric in one step: what it counts or sums, of how many; None where nothing came."""

    at: datetime
    value: float
    base: float | None


def series(project: Project, name: str, kept: Filter, span: Span) -> list[Point]:
    """A metric of ``METRICS`` in each step of a span; steps without rows have the value 0."""
    metric = METRICS[name]
    found = read_steps(project, metric, kept, span)
    points = []
    for at in span.starts:
        value, rows = found.get(at, (0.0, None))
        points.append(Point(at, value, rows if metric.base else None))
    return points


def read_steps(
    project: Project, metric: Metric, kept: Filter, span: Span
) -> dict[datetime, tuple[float, int]]:
    """What a metric counts or sums in each step that has rows, and of how many of them."""
    where, values = kept.where(metric.fields)
    table = find_table(metric, kept)
    rows = _fetch(
        f"SELECT start, coalesce({metric.value}, 0), sum({metric.rows})"
        f" FROM {table.name} WHERE {_WITHIN}{where} GROUP BY start",
        [*_within(project, span), *values],
    )
    return {at: (float(value), int(base)) for at, value, base in rows}


def find_table(metric: Metric, kept: Filter) -> Table:
    """The rollup with fewest rows that has a metric and the fields of the filter."""
    return metric.table if metric.table is TURNS else narrowest(BY_KIND, kept.columns)


_WITHIN = "project_id = %s AND grain = %s AND start >= %s AND start < %s"


def _within(project: Project, span: Span) -> list[Any]:
    return [project.pk, span.grain, span.since, span.until]


def _thin(project: Project, span: Span, names: Iterable[str]) -> tuple[str, list[Any]]:
    """As ``_WITHIN``, of the longest steps that add up to a span unless its own are asked for."""
    spans = [span] if "start" in names else span.thinned
    steps = " OR ".join(["grain = %s AND start >= %s AND start < %s"] * len(spans))
    ends = [value for part in spans for value in (part.grain, part.since, part.until)]
    return f"project_id = %s AND ({steps})", [project.pk, *ends]


def _fetch(sql: str, values: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


# ---- calls by their dimensions


@dataclass(slots=True)
class Tally:
    """Calls, and how many of them are what."""

    calls: int = 0
    misfires: int = 0
    flagged: int = 0
    rejected: int = 0
    errors: int = 0

    @property
    def misfired(self) -> Share:
        return Share(self.misfires, self.calls)

    @property
    def refused(self) -> Share:
        return Share(self.rejected, self.calls)

    @property
    def accepted(self) -> int:
        return self.calls - self.flagged - self.rejected

    def add(self, other: Tally) -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


Group = tuple[str, ...]
Counted = Mapping[Group, Mapping[tuple[Any, ...], Tally]]
_SUMS = "sum(calls), {}, sum(flagged), sum(rejected), sum(errors)"
_NAMED = frozenset(["tool", "model", "provider", "environment", "source"])


def count_calls(
    project: Project,
    kept: Filter,
    span: Span,
    groups: Iterable[Group],
    among: Mapping[str, Sequence[Any]] | None = None,
) -> Counted:
    """Calls by several groups of dimensions: ``start`` and columns of ``CallCount``.

    ``found[group][values]`` is a tally, the values in the group's order; () counts all. Each group
    is read from the rollup with fewest rows that has it and the fields of the filter. ``among``
    names the only values of a dimension that are counted.
    """
    if among:
        kept = kept.among(among)
    found: dict[Group, dict[tuple[Any, ...], Tally]] = {group: {} for group in groups}
    by_table: dict[Table, list[Group]] = {}
    for group in found:
        table = narrowest(BY_CALLS, {*group, *kept.columns})
        by_table.setdefault(table, []).append(group)
    for table, wanted in by_table.items():
        _gather(found, table, wanted, (project, kept, span))
    return found


def _gather(
    found: Mapping[Group, dict[tuple[Any, ...], Tally]],
    table: Table,
    groups: Sequence[Group],
    asked: tuple[Project, Filter, Span],
) -> None:
    project, kept, span = asked
    names = sorted({name for group in groups for name in group})
    within, ends = _thin(project, span, names)
    where, values = kept.where()
    sets = ", ".join(f"({', '.join(group)})" for group in groups)
    columns = ", ".join(names)
    mask = f"GROUPING({columns})" if names else "0"
    has_kind = "kind" in table.dimensions
    misfires = f"sum(calls) FILTER (WHERE {MISFIRED_KIND})" if has_kind else "sum(misfires)"
    sums = _SUMS.format(misfires)
    rows = _fetch(
        f"SELECT {mask}, {f'{columns}, ' if names else ''}{sums} FROM {table.name}"
        f" WHERE {within}{where} GROUP BY GROUPING SETS ({sets})",
        [*ends, *values],
    )
    by_mask = {_mask(names, group): group for group in groups}
    for number, *rest in rows:
        group = by_mask[number]
        held = dict(zip(names, rest[: len(names)], strict=True))
        tally = Tally(*(int(one or 0) for one in rest[len(names) :]))
        if tally.calls or group:
            found[group][tuple(_read(name, held[name]) for name in group)] = tally


def _mask(names: Sequence[str], group: Group) -> int:
    """What GROUPING(names) is for the rows of a group: a bit for each name that is not in it."""
    return int("".join("0" if name in group else "1" for name in names) or "0", 2)


def _read(name: str, value: Any) -> Any:
    return from_stored(value) if name in _NAMED else value


def total(counted: Counted) -> Tally:
    """All calls of a reading that counted the group ()."""
    return counted[()].get((), Tally())


def kind_terms(kind: str, present: Iterable[str]) -> str:
    """The lists' terms for the calls of which ``kind`` is the kind: those that have the code and
    none that goes before it. ``present`` are the codes that occur at all."""
    if not kind:
        return ""
    held = set(present)
    before = [code for code in KINDS[: KINDS.index(kind)] if code in held]
    return f"finding:{kind}" + (f" -finding:{','.join(before)}" if before else "")


def count_over(project: Project, kept: Filter, since: datetime, until: datetime) -> Tally:
    """All calls of [since, until), widened to whole hours."""
    first, last = floor(since, HOUR), floor(until, HOUR)
    span = Span(first, last if last == until else after(last, HOUR), HOUR)
    return total(count_calls(project, kept, span, [()]))


# ---- durations


def read_latency(
    project: Project,
    measure: str,
    span: Span,
    group: Sequence[str] = (),
    kept: Filter | None = None,
) -> dict[tuple[Any, ...], dict[int, int]]:
    """The merged sketch of a measure (``records.MEASURES``) by dimensions of ``LatencySketch``.

    The filter applies as far as the measure has its fields.
    """
    names = "".join(f"{name}, " for name in group)
    merged, values = _merge(project, measure, span, group, kept or Filter())
    rows = _fetch(f"SELECT {names}bucket, held FROM ({merged}) merged", values)
    found: dict[tuple[Any, ...], dict[int, int]] = {}
    for *key, bucket, held in rows:
        read = tuple(_read(name, value) for name, value in zip(group, key, strict=True))
        found.setdefault(read, {})[bucket] = int(held)
    return found


def _merge(
    project: Project, measure: str, span: Span, group: Sequence[str], kept: Filter
) -> tuple[str, list[Any]]:
    """SQL of the buckets of each group with how many they hold."""
    names = "".join(f"{name}, " for name in group)
    where, values = _choose(project, measure, span, group, kept)
    sql = (
        f"SELECT {names}bucket, sum(held)::bigint AS held"
        f" FROM {LATENCIES.name}, unnest(buckets, counts) AS u (bucket, held)"
        f" WHERE {where} GROUP BY {names}bucket"
    )
    return sql, values


def _choose(
    project: Project, measure: str, span: Span, group: Sequence[str], kept: Filter
) -> tuple[str, list[Any]]:
    """The condition of a span's sketches with the fewest dimensions that tell."""
    fields = DURATIONS[measure].fields
    where, values = kept.where(fields)
    asked = {*group, *kept.columns.intersection(fields)} - {"start"}
    held = f"by_{measure}" if asked <= {fields[0]} else measure
    held = f"{measure}s" if asked <= {"environment"} else held
    within, ends = _thin(project, span, group)
    return f"{within} AND measure = %s{where}", [*ends, held, *values]


def read_course(
    project: Project, measure: str, span: Span, shares: Sequence[float], kept: Filter
) -> dict[datetime, list[float | None]]:
    """Milliseconds at each of the shares, in each step of a span that has durations: what
    ``percentile`` says of the sketch of each step."""
    merged, values = _merge(project, measure, span, ["start"], kept)
    least = ", ".join(["min(bucket) FILTER (WHERE seen > floor(%s * (whole - 1)))"] * len(shares))
    rows = _fetch(
        f"SELECT start, {least} FROM (SELECT start, bucket,"
        " sum(held::float8) OVER (PARTITION BY start ORDER BY bucket) AS seen,"
        f" sum(held::float8) OVER (PARTITION BY start) AS whole FROM ({merged}) merged) ranked"
        " GROUP BY start",
        [*shares, *values],
    )
    return {
        start: [None if bucket is None else value_of(bucket) for bucket in buckets]
        for start, *buckets in rows
    }


def count_durations(project: Project, measure: str, span: Span, kept: Filter) -> int:
    """How many durations of a measure a span has."""
    where, values = _choose(project, measure, span, (), kept)
    rows = _fetch(f"SELECT coalesce(sum(number), 0) FROM {LATENCIES.name} WHERE {where}", values)
    return int(rows[0][0])


def percentile(sketch: Mapping[int, int], share: float) -> float | None:
    """Milliseconds at a share such as 0.95; None without any."""
    return quantile(sketch, share)
