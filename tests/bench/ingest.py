"""Ingest as an application sees it: turns a second from accepted to queryable, by the JSON and the
OTLP door of a real web server on a database that is durable when it answers.

``python -m tests.bench.ingest [--seconds 20] [--connections 4]``. A turn of the load is about
6 KB: a system prompt, three tools, a history that grows, one call; over OTLP it has a tool's span
beside it, and every five a root. The recording proxy has its own program, ``tests.bench.proxy``.

With ``--peers DIR`` (the peers' environments) it also runs ``otlp_load.py`` of ``--bench``
(``../shared/bench``) over Misfire and each peer, one after the other: the same load, the same
count of what is queryable.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit

from tests.bench import peers
from tests.bench.processors import cpu_of, settle
from tests.bench.turns import BATCH, make_batch, make_spans
from tests.servers import ROOT, Running, database, webs

TARGET, SLOWEST, TIMES = 1000, 500.0, 3.0


@dataclass(frozen=True)
class Door:
    """A way in: where, as what, the bodies with their mark, and how many turns an answer says."""

    name: str
    path: str
    kind: str
    batches: list[bytes]
    freshen: Callable[[bytes, int, int], bytes]
    stored: Callable[[bytes], int]


def fresh_json(body: bytes, number: int, turn: int) -> bytes:
    return body.replace(b'"@-', f'"{number}.{turn}-'.encode())


def fresh_spans(body: bytes, number: int, turn: int) -> bytes:
    """Trace ids begin with a mark of 8 bytes."""
    return body.replace(b"@@trace@", (number + 1).to_bytes(4, "big") + turn.to_bytes(4, "big"))


def stored_json(answer: bytes) -> int:
    told = json.loads(answer)
    assert not told["errors"], told
    return int(told["stored"])


def stored_spans(answer: bytes) -> int:
    assert not answer, answer
    return BATCH


def doors() -> list[Door]:
    return [
        Door(
            "json", "/api/v1/turns", "application/json",
            [make_batch(seed) for seed in range(8)], fresh_json, stored_json,
        ),
        Door(
            "otlp", "/v1/traces", "application/x-protobuf",
            [make_spans(seed) for seed in range(8)], fresh_spans, stored_spans,
        ),
    ]  # fmt: skip


class Load(threading.Thread):
    """One connection that sends batch after batch until the end."""

    def __init__(self, number: int, url: str, key: str, door: Door) -> None:
        super().__init__()
        self.number, self.door, self.key = number, door, key
        self.address = urlsplit(url)
        self.stored, self.sent_bytes, self.until = 0, 0, 0.0
        self.answers: list[float] = []

    def run(self) -> None:
        host, port = self.address.hostname, self.address.port
        connection = http.client.HTTPConnection(host or "", port, timeout=60)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": self.door.kind}
        turn, batches = 0, self.door.batches
        while time.monotonic() < self.until:
            body = self.door.freshen(batches[turn % len(batches)], self.number, turn)
            began = time.monotonic()
            connection.request("POST", self.door.path, body, headers)
            answer = connection.getresponse()
            said = answer.read()
            assert answer.status == 200, said
            self.answers.append((time.monotonic() - began) * 1000)
            self.stored += self.door.stored(said)
            self.sent_bytes += len(body)
            turn += 1


def database_bytes() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def count_turns() -> int:
    from conversations.models import Turn

    return Turn.objects.count()


@dataclass
class Reached:
    """What a door reached."""

    rate: float
    slow_ms: float
    lines: list[str]


def measure(running: Running, door: Door, options: argparse.Namespace) -> Reached:
    """One door under a closed loop, until all that was accepted is counted in the database."""
    from console.accounts.models import ApiKey, Project

    project = Project.objects.create(slug=f"bench-{door.name}", name="Bench")
    key = ApiKey.issue(project=project, name="bench", scopes=["ingest"])[1]
    with webs(running, options.web, INGEST_KIB_PER_SECOND="0") as (url, pids):
        for pid in pids:
            settle(pid)
        warm = Load(999, url, key, door)
        warm.until = time.monotonic() + 2
        warm.run()
        loads = [Load(number, url, key, door) for number in range(options.connections)]
        servers = {"web": pids, "database": [running.pids["postgres"]]}
        before = {name: sum(map(cpu_of, some)) for name, some in servers.items()}
        size, held, began = database_bytes(), count_turns(), time.monotonic()
        for load in loads:
            load.until = began + options.seconds
            load.start()
        for load in loads:
            load.join()
        stored = sum(load.stored for load in loads)
        assert count_turns() == held + stored, "not all that was accepted is queryable"
        took = time.monotonic() - began
        cpu = {name: sum(map(cpu_of, some)) - before[name] for name, some in servers.items()}
        grown = database_bytes() - size
    answers = sorted(answer for load in loads for answer in load.answers)
    slow, whole = quantiles(answers, n=20)[-1], sum(load.sent_bytes for load in loads)
    lines = [
        f"{door.name}: {stored:,} turns in {took:.1f} s over {options.connections} connections,"
        f" {BATCH} at once: {stored / took:,.0f}/s; p50 {answers[len(answers) // 2]:.0f} ms,"
        f" p95 {slow:.0f} ms",
        "  processor a turn: "
        + ", ".join(f"{name} {1000 * used / stored:.2f} ms" for name, used in cpu.items()),
        f"  {grown / stored:,.0f} bytes a turn on disk with indexes;"
        f" {whole / stored:,.0f} as it is sent",
    ]
    return Reached(stored / took, slow, lines)


def judge(what: str, reached: float, target: float, *, most: bool = False) -> bool:
    """One line: was the target met? ``most`` says that less is better."""
    met = reached < target if most else reached >= target
    bound = "under" if most else "at least"
    print(f"{'MET   ' if met else 'MISSED'} {what}: {reached:,.0f} ({bound} {target:,.0f})")
    return met


def run(running: Running, options: argparse.Namespace) -> bool:
    reached = {door.name: measure(running, door, options) for door in doors()}
    beside = peers.compare(running, options) if options.peers else {}
    print("\n".join(line for one in reached.values() for line in one.lines))
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    met = True
    for name, one in reached.items():
        met &= judge(f"{name}, queryable turns/s", one.rate, TARGET)
        met &= judge(f"{name}, p95 of the answer in ms", one.slow_ms, SLOWEST, most=True)
    if beside:
        print(f"queryable spans/s of one load: {json.dumps(beside)}")
        ours = beside.pop("misfire")
        if not beside:
            wanted = ", ".join(peers.PEERS.values())
            print(f"MISSED nothing to compare with: none of {wanted} is in {options.peers}")
            return False
        best = TIMES * max(beside.values())
        met &= judge(f"queryable spans/s, {TIMES:.0f} times the better peer", ours, best)
    return met


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each door's load")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--web", type=int, default=1, help="web processes")
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments")
    parser.add_argument("--bench", type=Path, default=ROOT.parent / "shared" / "bench")
    parser.add_argument("--tau", type=Path, default=ROOT.parent / "shared" / "data" / "tau")
    parser.add_argument("--spans", type=int, default=10_000, help="of each run beside the peers")
    options, _ = parser.parse_known_args(arguments)
    with database(durable=True) as running:
        return 0 if run(running, options) else 1


if __name__ == "__main__":
    raise SystemExit(main())
