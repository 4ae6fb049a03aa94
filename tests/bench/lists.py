"""Lists over a million calls: every filter and any two of them, cold and warm.

``python -m tests.bench.lists [--calls 1000000] [--plans]`` starts a PostgreSQL of its own, fills it
(``tests.bench.generate``) and asks for the first page of calls, turns and conversations for each
filter alone and for pairs of them, and for the facets that stand beside it. Server time is that of
the whole answer: session, access, every statement, the template. *Cold* is the first reading after
PostgreSQL was started anew, with nothing in its own memory (the machine's page cache stays);
*warm* the one after it. ``--database URL`` takes one that is filled.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from console.embedded.child import Child, stop_all
from console.embedded.postgres import postgres
from tests.bench import generate

TARGET = 200.0
"""Milliseconds, 95 in 100."""
SMALL = 50_000
"""Calls when every benchmark is run, so that it takes two minutes."""
COLD = 12
"""Readings after one start, each of another filter."""
FIELDS = {
    "tool": ["tool:{common}", "tool:{rare}", "tool:{gone}", "tool:get_*"],
    "version": ["version:{common}@v1", "version:{common}@v2"],
    "model": ["model:gpt-4o-mini", "model:anthropic.claude-v2"],
    "provider": ["provider:openai", "provider:bedrock"],
    "verdict": ["verdict:rejected", "-verdict:rejected"],
    "finding": ["finding:missing_required", "finding:tool_not_offered"],
    "pointer": ["finding:missing_required pointer:/city"],
    "layer": ["layer:schema", "layer:conduct"],
    "misfire": ["misfire:any", "misfire:wrong_type"],
    "status": ["status:error", "status:unanswered", "status:failed"],
    "latency": ["latency:>1s", "latency:>8s", "latency:<5ms"],
    "first_token": ["first_token:>500ms", "first_token:<5ms"],
    "nth": ["nth:>5", "tool:{common} nth:>5"],
    "cost": ["cost:>0.001", "cost:>0.02"],
    "tag": ["tag:app:web", "tag:experiment:e57"],
    "user": ["user:u_0", "user:u_9999"],
    "environment": ["environment:production", "environment:development"],
    "label": ["label:any"],
    "source": ["source:otlp", "source:playground"],
    "has": ["has:error", "-has:result", "has:stream"],
    "text": ["{word}", "{scarce}", '"{word} {scarce}"'],
    "id": ["id:call_0000000000000000"],
    "time": ["time:24h", "time:14d"],
}


@contextmanager
def server(calls: int) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="misfire-bench-"))
    folder.chmod(0o711)
    made = Server(folder)
    try:
        made.start()
        made.fill(calls)
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Server:
    """A PostgreSQL of our own, filled, that can be started anew."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.children = folder, list[Child]()
        self.spec, self.url = postgres(folder, {"max_connections": "50"})

    def start(self) -> None:
        child = Child(self.spec, self.folder)
        child.start()
        child.wait_ready()
        self.children = [child]

    def stop(self) -> None:
        stop_all(self.children)

    def restart(self) -> None:
        disconnect()
        self.stop()
        self.start()

    def fill(self, calls: int) -> None:
        from django.core.management import call_command

        _set_up(self.url)
        call_command("migrate", verbosity=0)
        generate.fill(calls)


def disconnect() -> None:
    """Leave nothing open that knows the server from before."""
    from django.db import connection

    known: Any = connection
    known.close()
    known.close_pool()


def _restarting(command: str) -> Any:
    def restart() -> None:
        disconnect()
        subprocess.run(command, shell=True, check=True)

    return restart


def _set_up(url: str) -> None:
    os.environ["DATABASE_URL"] = url
    os.environ["SECRET_KEY"] = "only for measuring, and long enough to be taken for a real one"
    os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings"
    import django

    django.setup()


def values() -> dict[str, str]:
    """The values that filters take: from the seeded traffic itself."""
    from datetime import UTC, datetime

    traffic = generate.Traffic(1, {}, datetime.now(UTC))
    tools, words = traffic.tools.items, traffic.words.items
    return {
        "common": tools[0],
        "rare": tools[121],
        "gone": tools[13],
        "word": words[20],
        "scarce": words[9000],
    }


def filters(fields: dict[str, list[str]]) -> tuple[list[str], list[str]]:
    """Every filter, and every pair of filters of two fields."""
    known = values()
    texts = {name: [text.format(**known) for text in own] for name, own in fields.items()}
    singles = [text for own in texts.values() for text in own]
    pairs = [
        f"{first} {second}"
        for one, other in itertools.combinations(texts.values(), 2)
        for first, second in itertools.product(one, other)
    ]
    return singles, pairs


class Desk:
    """A member in front of the lists, without the network between."""

    def __init__(self) -> None:
        from console.accounts.models import Member, Project
        from tests.factories import client_of, make_member

        project = Project.objects.get(slug=generate.SLUG)
        member = Member.objects.filter(project=project).first() or make_member(project)
        self.client = client_of(member)

    def read(self, part: str, text: str) -> tuple[float, bool]:
        """Milliseconds, and whether the page was cut short. ``part`` is a list, or its facets."""
        kind, _, of = part.partition(" ")
        page = f"/p/{generate.SLUG}/{f'lists/{of}' if of else kind}/"
        query = {"q": text} | ({"kind": kind} if of else {})
        started = time.perf_counter()
        answer = self.client.get(page, query, headers={"host": "localhost"})
        spent = (time.perf_counter() - started) * 1000
        if answer.status_code != 200:
            raise RuntimeError(f"{page} answered {answer.status_code} to {text}")
        return spent, b"The time for one page was up" in answer.content


def percentile(numbers: Sequence[float], share: float) -> float:
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


PARTS = ("calls", "turns", "conversations", "calls facets")


def measure(restart: Any, sample: int) -> bool:
    """Print one line for each list and kind of filter; was the target met by all?"""
    desk = Desk()
    singles, pairs = filters(FIELDS)
    chance, met = random.Random(7), True
    print(f"{'':31}{'n':>5}{'median':>9}{'p95':>9}{'worst':>9}  cut short")
    for part in PARTS:
        for name, texts in (("one", singles), ("two", chance.sample(pairs, sample))):
            warm: list[tuple[float, bool, str]] = []
            cold: list[tuple[float, bool, str]] = []
            for text in texts:
                desk.read(part, text)
                warm.append((*desk.read(part, text), text))
            for at, text in enumerate(chance.sample(texts, min(len(texts), 3 * COLD))):
                if restart and at % COLD == 0:
                    restart()
                    desk.read(part, "")  # a connection, and what every page reads
                cold.append((*desk.read(part, text), text))
            for state, found in (("warm", warm), ("cold", cold if restart else [])):
                met = _print(f"{part}, {name}, {state}", found) and met
    return met


def _print(name: str, found: Sequence[tuple[float, bool, str]]) -> bool:
    if not found:
        return True
    times = [spent for spent, _, _ in found]
    worst = max(found)
    p95 = percentile(times, 0.95)
    cut = sum(partial for _, partial, _ in found)
    print(
        f"{name:31}{len(found):>5}{statistics.median(times):>6.0f} ms{p95:>6.0f} ms"
        f"{worst[0]:>6.0f} ms  {cut}   {worst[2]}",
        flush=True,
    )
    return p95 < TARGET


def print_plans() -> None:
    """The plan of each kind of statement, for the docs."""
    from django.db import connection

    from console.accounts.models import Project
    from conversations.search import reading
    from conversations.search.query import parse

    project = Project.objects.get(slug=generate.SLUG)
    known = values()
    for kind, text in (
        ("calls", "verdict:rejected"),
        ("calls", f"tool:{known['rare']} finding:missing_required"),
        ("calls", f"tool:{known['rare']} {known['scarce']}"),
        ("turns", f'"{known["word"]} {known["scarce"]}"'),
    ):
        reader = reading._Reader(project, parse(text), kind, time.monotonic() + 60)  # type: ignore[arg-type]
        stretches = list(reader._stretches(UUID(int=0), reading._LAST))
        for first, last, ordered in (stretches[0], stretches[-1]):
            make = reader.finder.walk if ordered else reader.finder.look_up
            statement = make(first, last, 51 if ordered else 2001)
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement.sql}", statement.values)
                plan = "\n".join(row[0] for row in cursor.fetchall())
            print(f"\n-- {kind}: {text} ({'in order' if ordered else 'by index'})\n{plan}")


def main(arguments: Sequence[str] = ()) -> int:
    """Status 1 where a percentile misses the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=SMALL)
    parser.add_argument("--sample", type=int, default=150, help="how many of the pairs are read")
    parser.add_argument("--plans", action="store_true", help="print query plans and nothing else")
    parser.add_argument("--database", default="", help="the URL of one that is filled")
    parser.add_argument("--restart", default="", help="the command that starts it anew, for cold")
    options = parser.parse_args(list(arguments))
    if options.database:
        _set_up(options.database)
        if options.plans:
            print_plans()
            return 0
        restart = _restarting(options.restart) if options.restart else None
        return 0 if measure(restart, options.sample) else 1
    with server(options.calls) as running:
        if options.plans:
            print_plans()
            return 0
        return 0 if measure(running.restart, options.sample) else 1


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
