"""Pages of analytics over rollups: ``python -m tests.bench.analytics [--calls N] [--written N]``.

It starts a PostgreSQL of its own, fills it (``tests.bench.generate``), rolls everything up by the
real statements, and asks for every page with several times and filters. Server time is that of the
whole answer. With ``--written`` the rollups are then replaced by those that so many calls would
have, and ten times as many, written by SQL: rows of rollups depend on dimensions more than on calls
(but for those by every dimension, which only rare filters read; and of who costs most, each step
keeps as many rows whatever comes). The pages must not take 1.3 times as long.
``--hour`` times the statement for one hour of so many calls.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from analytics.rollup_sql import Table
from tests.bench import generate
from tests.bench.lists import _set_up, server

TARGET, GROWTH, HOUR_TARGET = 150.0, 1.3, 2.0
"""Milliseconds, 95 in 100; times as long at ten times the calls; seconds for an hour."""
SMALL, SMALL_HOUR = 30_000, 10_000
ROUNDS, HOUR_ROUNDS = 5, 5
RANGES = ("24h", "7d", "30d")
FILTERS = ("", "environment:production", "model:gpt-4o-mini", "tool:{tool}")
PAGES = (
    "analytics/misfires/?", "analytics/misfires/?by=tool&", "analytics/misfires/?by=version&",
    "analytics/misfires/?by=model&", "analytics/misfires/?by=environment&",
    "analytics/misfires/?compare=1&", "analytics/rejections/?", "analytics/rejections/?compare=1&",
    "analytics/tools/?", "analytics/tools/?compare=1&", "analytics/cost/?",
    "analytics/cost/?compare=1&", "analytics/latency/?", "analytics/latency/?measure=first&",
    "analytics/latency/?measure=tool&", "analytics/latency/?measure=tool&compare=1&",
    "analytics/conduct/?", "analytics/models/?",
)  # fmt: skip


def addresses(tool: str) -> Iterator[tuple[str, str]]:
    """Each page's name and address below the project, with times and filters."""
    for span in ("6h", "24h", "30d"):
        for text in FILTERS:
            yield "overview", f"?range={span}&q={text.format(tool=tool)}"
    for page in PAGES:
        for span in RANGES:
            for text in FILTERS:
                name = page.removeprefix("analytics/").rstrip("?&")
                yield name, f"{page}range={span}&q={text.format(tool=tool)}"


def roll_up() -> float:
    """Compute all that is marked; how many seconds it took."""
    from django.utils import timezone

    from analytics import rollups
    from analytics.records import DirtyHour

    started = time.monotonic()
    while DirtyHour.objects.exists():
        rollups.catch_up(seconds=60, now=timezone.now())
        print(f"\r{DirtyHour.objects.count():,} marks left", end="", flush=True)
    print()
    rollups.compute_months()
    return time.monotonic() - started


def analyze() -> None:
    from django.apps import apps
    from django.db import connection

    with connection.cursor() as cursor:
        for model in apps.get_app_config("analytics").get_models():
            cursor.execute(f"VACUUM (ANALYZE) {model._meta.db_table}")


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of a page: the 95th percentile of all readings, and that of the medians of its
    addresses, which a busy machine moves less."""

    p95: float
    usual: float


def _sum_up(by_address: Sequence[Sequence[float]]) -> Times:
    def rank(times: Sequence[float]) -> float:
        return statistics.quantiles(times, n=20, method="inclusive")[-1]

    return Times(
        rank([time for times in by_address for time in times]),
        rank([statistics.median(times) for times in by_address]),
    )


def measure() -> dict[str, Times]:
    """The server time of each page."""
    from django.db.models import Sum
    from django.test import Client

    from analytics.records import ToolKindCount
    from console.accounts.models import Member, Project, User

    project = Project.objects.get(slug=generate.SLUG)
    user, _ = User.objects.get_or_create(email="bench@example.com", defaults={"password": "!"})
    Member.objects.get_or_create(project=project, user=user, defaults={"role": "admin"})
    tools = ToolKindCount.objects.filter(project=project, grain=1440).values("tool")
    top = tools.annotate(n=Sum("calls")).order_by("-n").first()
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    found: dict[str, list[list[float]]] = {}
    for name, address in addresses(top["tool"] if top else ""):
        found.setdefault(name, []).append([])
        for n in range(ROUNDS + 1):
            started = time.perf_counter()
            response = client.get(f"/p/{project.slug}/{address}")
            if n:  # the first reading fills caches
                found[name][-1].append(1000 * (time.perf_counter() - started))
            assert response.status_code == 200, f"{address}: {response.status_code}"
    return {name: _sum_up(times) for name, times in found.items()}


def time_hour(calls: int) -> tuple[float, float]:
    """Seconds for one hour with so many calls, in its grain and in 5 minutes: the medians of
    ``HOUR_ROUNDS`` with its parts side by side, as the console computes them, and one after the
    other. The first round is left out: its memory is new to the machine."""
    from django.db import transaction
    from django.utils import timezone

    from analytics import rollups
    from analytics.spans import HOUR, floor
    from console.accounts.models import Project

    end = floor(timezone.now(), HOUR)

    class OneHour(generate.Traffic):
        def __init__(self, project: int, versions: dict[str, list[int]], _: datetime) -> None:
            super().__init__(project, versions, end)
            self.start = end - timedelta(minutes=59)

    generate.fill(calls, traffic=OneHour)
    project, hour = Project.objects.get(slug=generate.SLUG), end - timedelta(hours=1)
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(HOUR_ROUNDS + 1):
        for apart, taken in times.items():
            analyze()
            with transaction.atomic():
                started = time.monotonic()
                rollups.compute_hours(project.pk, [hour], end, apart=apart)
                taken.append(time.monotonic() - started)
    print(f"first round {times[True][0]:.2f} s, in turn {times[False][0]:.2f} s")
    return statistics.median(times[True][1:]), statistics.median(times[False][1:])


# Zipf's law in SQL: the k-th of n has the share k^-s of all.
_FILL = """
INSERT INTO {table} ({columns})
SELECT %(project)s, %(grain)s, step, {dimensions}, {sums}
FROM (
  SELECT step, {dimensions}, %(calls)s * {share} AS expected
  FROM generate_series(%(since)s::timestamptz, %(until)s, %(step)s::interval) AS step, {sources}
) one WHERE random() < 1 - exp(-least(expected, 50))
"""
_MANY = "greatest(1, round(expected))"
_SIZES = {"environment": (4, 2.5), "source": (5, 1.8), "model": (10, 1.3), "tool": (228, 1.1)}


# A sketch has at most so many buckets as there are durations, most of them near the middle.
_FILL_SKETCHES = """
INSERT INTO analytics_latencysketch (project_id, grain, start, measure, {dimensions}, number,
  buckets, counts)
SELECT %(project)s, %(grain)s, step, %(measure)s, {dimensions}, n,
  ARRAY(SELECT (330 - width / 2 + k)::smallint FROM generate_series(1, width) AS k),
  array_fill(greatest(1, n / width)::bigint, ARRAY[width])
FROM (
  SELECT step, {values}, greatest(1, round(%(calls)s * {share}))::int AS n,
    least(greatest(1, round(%(calls)s * {share})), 250)::int AS width,
    %(calls)s * {share} AS expected
  FROM generate_series(%(since)s::timestamptz, %(until)s, %(step)s::interval) AS step, {sources}
) one WHERE random() < 1 - exp(-least(expected, 50))
"""
_SKETCHED = {
    "turn": ("model", "environment"), "first": ("model", "environment"),
    "tool": ("environment", "tool"), "turns": ("environment",), "firsts": ("environment",),
    "tools": ("environment",), "by_turn": ("model",), "by_first": ("model",), "by_tool": ("tool",),
}  # fmt: skip
_TIMED = ("model", "provider", "environment", "tool")


def _weigh(name: str) -> tuple[str, str]:
    """A subquery of a dimension's values with their shares, and the share's name."""
    if name in ("kind", "code"):
        codes = ", ".join(
            f"('{code}', {0.05 / n:.5f})" for n, code in enumerate(generate.SCHEMA, 2)
        )
        none = "('', 0.9), " if name == "kind" else ""
        return f"(VALUES {none}{codes}) AS of_{name} ({name}, share_{name})", f"share_{name}"
    count, power = _SIZES[name]
    values = {
        "environment": f"(ARRAY{generate.ENVIRONMENTS})[k]",
        "source": f"(ARRAY{generate.SOURCES})[k]",
        "model": f"(ARRAY{[model for _, model in generate.MODELS]})[k]",
        "tool": "'tool_' || k",
    }
    return (
        f"(SELECT {values[name]} AS {name},"
        f" power(f, -{power}) / sum(power(f, -{power})) OVER () AS share_{name}"
        f" FROM (SELECT k, k::float8 FROM generate_series(1, {count}) AS k) AS n (k, f))"
        f" AS of_{name}"
    ), f"share_{name}"


def write_plausible(calls: int) -> None:
    """Replace the rollups of calls by those that so many calls in 30 days would have."""
    from django.db import connection, transaction
    from django.utils import timezone

    from analytics.rollup_sql import BY_CALLS, BY_CODE, CALLS, CODE_COUNTS, LATENCIES, TURNS
    from analytics.spans import DAY, FIVE, HOUR, QUARTER, floor
    from console.accounts.models import Project

    project, now = Project.objects.get(slug=generate.SLUG), timezone.now()
    spans = ((DAY, 61), (QUARTER, 57), (HOUR, 49), (FIVE, 145))
    tables = {*BY_CALLS, *BY_CODE, TURNS} - {CALLS, CODE_COUNTS}
    with transaction.atomic(), connection.cursor() as cursor:
        for table in {*tables, LATENCIES}:
            cursor.execute(f"DELETE FROM {table.name} WHERE project_id = %s", [project.pk])
        for grain, steps in spans:
            until = floor(now, grain)
            values: dict[str, Any] = {
                "project": project.pk,
                "grain": grain,
                "calls": calls * grain / (30 * DAY),
                "since": until - timedelta(minutes=grain * steps),
                "until": until,
                "step": timedelta(minutes=grain),
            }
            for table in tables:
                cursor.execute(_fill(table), values)
            for measure, known in _SKETCHED.items():
                cursor.execute(_fill_sketches(known), values | {"measure": measure})
    analyze()


def _fill(table: Table) -> str:
    fixed = {"provider": "'openai'", "version_id": "0", "connection_id": "0"}
    weighed = [_weigh(name) for name in table.dimensions if name not in fixed]
    sums = {"calls": _MANY, "turns": _MANY}
    return _FILL.format(
        table=table.name,
        columns=table.columns,
        dimensions=", ".join(
            f"{fixed[name]} AS {name}" if name in fixed else name for name in table.dimensions
        ),
        sums=", ".join(sums.get(name, "0") for name in table.sums),
        share=" * ".join(share for _, share in weighed),
        sources=", ".join(source for source, _ in weighed),
    )


def _fill_sketches(known: Sequence[str]) -> str:
    weighed = [_weigh(name) for name in known]
    values = [name if name in known else f"'' AS {name}" for name in _TIMED]
    return _FILL_SKETCHES.format(
        dimensions=", ".join((*_TIMED, "version_id")),
        values=", ".join((*values, "0 AS version_id")),
        share=" * ".join(share for _, share in weighed),
        sources=", ".join(source for source, _ in weighed),
    )


def report(title: str, found: dict[str, Times], before: dict[str, Times] | None = None) -> bool:
    """Print a line a page; True where all keep to the targets."""
    print(f"\n{title}: server time, 95 of 100 below, in ms (target {TARGET:.0f})")
    good = True
    for name, times in found.items():
        ratio = times.usual / before[name].usual if before else 1.0
        is_good = times.p95 < TARGET and ratio <= GROWTH
        good = good and is_good
        grown = f"   {ratio:4.2f} times" if before else ""
        print(f"  {name:32} {times.p95:7.1f}{grown}{'' if is_good else '   missed'}")
    return good


def main(arguments: Sequence[str] = ()) -> int:
    """Status 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=SMALL)
    parser.add_argument("--written", type=int, default=0, help="also with rollups of N and 10 N")
    parser.add_argument("--hour", type=int, default=SMALL_HOUR, help="calls of an hour; 0: none")
    parser.add_argument("--database", default="", help="the URL of one that is filled")
    options = parser.parse_args(list(arguments))
    if options.database:
        _set_up(options.database)
        return _run(options)
    with server(options.calls):
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    print(f"rolled up in {roll_up():.1f} s")
    analyze()
    first = measure()
    good = report(f"{options.calls:,} calls", first)
    if options.written:
        write_plausible(options.written)
        base = measure()
        good = report(f"rollups of {options.written:,} calls", base) and good
        write_plausible(10 * options.written)
        good = report(f"rollups of {10 * options.written:,} calls", measure(), base) and good
    if options.hour and not options.database:
        seconds, in_turn = time_hour(options.hour)
        limit = HOUR_TARGET * max(1.0, options.hour / 100_000)
        print(f"\none hour of {options.hour:,} calls: {seconds:.2f} s (target {limit:.1f})")
        print(f"its parts one after the other: {in_turn:.2f} s")
        good = good and seconds < limit
    return 0 if good else 1


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
