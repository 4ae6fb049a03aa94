"""A backtest of stored calls, the whole path: read, judge by all layers, tally, write.

``python -m tests.bench.backtest [--calls 100000]`` starts a PostgreSQL of its own,
fills it (``tests.bench.generate``) and runs backtests over the calls of one tool, as a worker
does: one draft that changes little, one that rejects every call, one with a policy, and one over a
filter. Memory is the process' own: its growth from the first quarter of a backtest to the end.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import psutil  # type: ignore[import-untyped,unused-ignore]

from tests.bench import generate
from tests.servers import database

TARGET = 10.0
"""Seconds for 100,000 calls."""
GROWTH_MB = 40.0
SMALL = 30_000
"""Calls when every benchmark is run."""
TOOL = "get_weather"
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "minLength": 3},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100},
    },
    "required": ["query"],
    "additionalProperties": False,
}
POLICY: dict[str, Any] = {
    "rules": [{"name": "few", "expression": "args.limit < 98", "message": "Ask for fewer."}],
    "content": {"sql_injection": "rejected"},
}


def cases() -> Iterator[tuple[str, dict[str, Any], str, Any]]:
    """Name, parameters, filter and policy of each backtest."""
    narrow = {**PARAMETERS, "required": ["query", "city"]}
    yield "changes little", PARAMETERS, "", "none"
    yield "rejects all", narrow, "", "none"
    yield "with a policy", PARAMETERS, "", POLICY
    yield "over a filter", PARAMETERS, "-verdict:rejected source:otlp,proxy", "none"


class OneTool(generate.Traffic):
    """The same traffic, of one tool but for every tenth call."""

    def _tool(self, at: datetime) -> str:
        return TOOL if self.chance.random() < 0.9 else super()._tool(at)


def fill(calls: int) -> Any:
    """The project of the benchmark, with so many calls of ``TOOL``."""
    from console.accounts.models import Project

    began = time.monotonic()
    generate.fill(int(calls / 0.9), quiet=True, traffic=OneTool)
    print(f"   {calls:,} calls written in {time.monotonic() - began:.0f} s")
    return Project.objects.get(slug=generate.SLUG)


def measure(project: Any, limit: int) -> list[float]:
    """Run each case; the seconds of 100,000 calls. Memory must stay."""
    from console.lib import garbage, json
    from conversations.backtest import engine
    from conversations.backtest.records import Backtest
    from conversations.backtest.subjects import choose

    garbage.settle()
    found = []
    for name, parameters, query, policy in cases():
        draft = json.dump({"name": TOOL, "description": "x", "parameters": parameters})
        choice = choose(project, TOOL, draft=draft, policy=policy)
        row = engine.start(project, choice, query, limit)
        began, ours = time.monotonic(), time.process_time()
        grown = watch(row.pk, engine)
        seconds, ours = time.monotonic() - began, time.process_time() - ours
        row = Backtest.objects.get(pk=row.pk)
        assert row.status == "finished", row.error
        kinds = row.told["kinds"]
        rate = row.done / seconds
        print(
            f"   {name:16}{row.done:>10,} of {row.available or 0:>10,} calls in {seconds:6.2f} s"
            f" ({ours:.1f} s of it ours): {rate:9,.0f} /s, {grown:+.0f} MB; {kinds}"
        )
        found.append(100_000 / rate)
        assert grown < GROWTH_MB, f"{grown:.0f} MB more at the end than after a quarter"
        row.delete()
    return found


def watch(pk: Any, engine: Any) -> float:
    """Run to the end; how many MB the process grew after the first quarter."""
    from conversations.backtest.records import Backtest

    process: Any = psutil.Process()
    early = 0.0
    while not engine.advance(pk).is_over:
        if not early:
            row = Backtest.objects.get(pk=pk)
            early = process.memory_info().rss if row.done >= row.total / 4 > 0 else 0.0
    return float(process.memory_info().rss - early) / 1e6 if early else 0.0


def main(arguments: Sequence[str] | None = ()) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=SMALL, help="calls of the tool")
    options = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        stack.enter_context(database(durable=True))
        slowest = max(measure(fill(options.calls), options.calls))
    print(f"   100,000 calls in {slowest:.1f} s at the slowest (at most {TARGET:.0f})")
    return int(slowest > TARGET)


if __name__ == "__main__":
    sys.exit(main(None))
