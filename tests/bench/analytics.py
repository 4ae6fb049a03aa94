"""Pages of analytics over rollups: ``python -m tests.bench.analytics [--calls N] [--written N]``.

It starts a PostgreSQL of its own, fills it (``tests.bench.generate``), rolls everything up by the
real statements, and asks for every page with several times and filters. Server time is that of the
whole answer. With ``--written`` the rollups are then replaced by those that so many calls would
have, and ten times as many, written by SQL: rows of rollups depend on dimensions more than on calls
(but for those by every dimension, which only rare filters read). The pages must not take 1.3 times
as long.
``--hour`` times the statement for one hour of so many calls.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.bench import generate
from tests.bench.lists import _set_up, server

TARGET, GROWTH, HOUR_TARGET = 150.0, 1.3, 2.0
"""Milliseconds, 95 in 100; times as long at ten times the calls; seconds for an hour."""
SMALL, SMALL_HOUR = 30_000, 10_000
ROUNDS, HOUR_ROUNDS = 5, 5
RANGES = ("24h", "7d", "30d")
FILTERS = ("", "environment:production", "model:gpt-4o-mini", "tool:{tool}")
PAGES = (
    "analytics/misfires/?", "analytics/misfires/?by=tool&", "analytics/misfires/?compare=1&",
    "analytics/rejections/?", "analytics/tools/?", "analytics/cost/?", "analytics/latency/?",
    "analytics/conduct/?",
)  # fmt: skip


def addresses(tool: str) -> Iterator[tuple[str, str]]:
    """Each page's name and address below the project, with times and filters."""
    for span in ("6h", "24h", "30d"):
        yield "overview", f"?range={span}"
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


def measure() -> dict[str, float]:
    """The 95th percentile of each page's server time, in milliseconds."""
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
    found: dict[str, list[float]] = {}
    for name, address in addresses(top["tool"] if top else ""):
        for n in range(ROUNDS + 1):
            started = time.perf_counter()
            response = client.get(f"/p/{project.slug}/{address}")
            if n:  # the first reading fills caches
                found.setdefault(name, []).append(1000 * (time.perf_counter() - started))
            assert response.status_code == 200, f"{address}: {response.status_code}"
    return {name: statistics.quantiles(times, n=20)[-1] for name, times in found.items()}


def time_hour(calls: int) -> tuple[float, float]:
    """Seconds for one hour with so many calls, in its grain and in 5 minutes: the medians of
    ``HOUR_ROUNDS`` for the statement of counts and durations, and for all of the hour, with the
    dearest and conduct. The first round is left out: its memory is new to the machine."""
    from django.db import transaction
    from django.utils import timezone

    from analytics import rollups
    from analytics.costs import rollup as tops
    from analytics.spans import HOUR, floor
    from console.accounts.models import Project

    end = floor(timezone.now(), HOUR)

    class OneHour(generate.Traffic):
        def __init__(self, project: int, versions: dict[str, list[int]], _: datetime) -> None:
            super().__init__(project, versions, end)
            self.start = end - timedelta(minutes=59)

    generate.fill(calls, traffic=OneHour)
    project, hour = Project.objects.get(slug=generate.SLUG), end - timedelta(hours=1)
    counted, whole = [], []
    for _ in range(HOUR_ROUNDS + 1):
        analyze()
        with transaction.atomic():
            started = time.monotonic()
            rollups.compute_hour(project.pk, hour, end)
            counted.append(time.monotonic() - started)
            tops.write_hours(project.pk, [hour])
            whole.append(time.monotonic() - started)
    print(f"first round {counted[0]:.2f} s, in all {whole[0]:.2f} s")
    return statistics.median(counted[1:]), statistics.median(whole[1:])


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

    from analytics.rollup_sql import BY_CALLS, BY_CODE, CALLS, CODE_COUNTS
    from analytics.spans import DAY, FIVE, HOUR, QUARTER, floor
    from console.accounts.models import Project

    project, now = Project.objects.get(slug=generate.SLUG), timezone.now()
    spans = ((DAY, 61), (QUARTER, 57), (HOUR, 49), (FIVE, 145))
    with transaction.atomic(), connection.cursor() as cursor:
        for table in {*BY_CALLS, *BY_CODE} - {CALLS, CODE_COUNTS}:
            cursor.execute(f"DELETE FROM {table.name} WHERE project_id = %s", [project.pk])
            known = [name for name in table.dimensions if name not in ("provider", "version_id")]
            weighed = [_weigh(name) for name in known]
            fixed = {"provider": "'openai'", "version_id": "0"}
            sums = {"calls": _MANY, "rejected": "0", "flagged": "0"}
            statement = _FILL.format(
                table=table.name,
                columns=table.columns,
                dimensions=", ".join(
                    f"{fixed[name]} AS {name}" if name in fixed else name
                    for name in table.dimensions
                ),
                sums=", ".join(sums.get(name, "0") for name in table.sums),
                share=" * ".join(share for _, share in weighed),
                sources=", ".join(source for source, _ in weighed),
            )
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
                cursor.execute(statement, values)
    analyze()


def report(title: str, found: dict[str, float], before: dict[str, float] | None = None) -> bool:
    """Print a line a page; True where all keep to the targets."""
    print(f"\n{title}: server time, 95 of 100 below, in ms (target {TARGET:.0f})")
    good = True
    for name, value in found.items():
        ratio = value / before[name] if before else 1.0
        is_good = value < TARGET and ratio <= GROWTH
        good = good and is_good
        times = f"   {ratio:4.2f} times" if before else ""
        print(f"  {name:28} {value:7.1f}{times}{'' if is_good else '   missed'}")
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
        seconds, whole = time_hour(options.hour)
        limit = HOUR_TARGET * max(1.0, options.hour / 100_000)
        print(f"\none hour of {options.hour:,} calls: {seconds:.2f} s (target {limit:.1f})")
        print(f"with who costs most and conduct: {whole:.2f} s")
        good = good and seconds < limit
    return 0 if good else 1


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
