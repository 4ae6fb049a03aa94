"""Delay through the playground's socket beside the plain OpenAI SDK, and under load.

``python -m tests.bench.socket [--seconds 30] [--runs 100] [--rate 20]`` starts PostgreSQL,
Valkey, Daphne and a scripted upstream of its own, prints what it measured and then a line for
each target, met or missed. Memory is flat when its last quarter is at most a tenth above its
second; that is told of two minutes and more. Delays are from the
upstream's write to the client's read of the same fragment, on one clock. "First token" is
from the request to the first fragment that carries text.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.embedded.child import Child, ChildSpec, free_port, stop_all
from console.embedded.postgres import postgres
from console.embedded.valkey import valkey

ROOT = Path(__file__).resolve().parents[2]
PER_SOCKET = 10
SINGLE = "bench-t100-g25-n60"
LAST = ('{"type":"run.finished"', '{"type":"run.failed"')


@contextmanager
def servers() -> Iterator[tuple[str, str, int]]:
    """(web URL, upstream URL, the web server's process id)."""
    folder = Path(tempfile.mkdtemp(prefix="misfire-bench-"))
    folder.chmod(0o711)
    os.environ["VAR_DIR"] = str(folder)
    os.environ["SECRET_KEY"] = "only for measuring, and long enough to be taken for a real one"
    port, web_port = free_port(), free_port()
    upstream, web = f"http://127.0.0.1:{port}/v1", f"http://127.0.0.1:{web_port}"
    children: list[Child] = []

    def start(spec: ChildSpec) -> Child:
        child = Child(spec, folder)
        child.start()
        children.append(child)
        child.wait_ready()
        return child

    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(lambda: stop_all(children[::-1]))
        spec, os.environ["DATABASE_URL"] = postgres(folder, {"max_connections": "200"})
        start(spec)
        spec, os.environ["REDIS_URL"] = valkey(folder)
        start(spec)
        os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings"
        os.environ["OUTBOUND_ALLOW"] = "127.0.0.1"
        os.environ["SITE_URL"] = web
        manage = [sys.executable, str(ROOT / "manage.py"), "migrate", "-v", "0"]
        subprocess.run(manage, check=True, cwd=ROOT)
        command = [sys.executable, "-m", "tests.bench.upstream", "--port", str(port)]
        start(ChildSpec("upstream", "Upstream", command, lambda: _answers(upstream), cwd=ROOT))
        server = [sys.executable, "-m", "console.web", "-v", "0", "-b", "127.0.0.1"]
        command = [*server, "-p", str(web_port), "console.asgi:application"]
        child = start(ChildSpec("web", "Web server", command, lambda: _answers(web), cwd=ROOT))
        assert child.process is not None
        yield web, upstream, child.process.pid


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def make_rows(upstream: str) -> tuple[str, str, int]:
    """(cookie, project's slug, connection's id)."""
    import django

    django.setup()
    from tests.factories import client_of, make_connection, make_people

    people = make_people()
    connection = make_connection(people.project, protocol="openai", base_url=upstream)
    client = client_of(people.rita)
    return client.cookies["misfire_session"].value, people.project.slug, connection.pk


class Run:
    """What one run's events said of its delays, in milliseconds."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.first: float | None = None
        self.delays: list[float] = []
        self.seqs: list[int] = []
        self.fault = ""

    def take(self, text: str) -> None:
        now = time.monotonic_ns()
        if self.first is None:
            self.first = (now / 1e9 - self.begun) * 1000
        self.delays += [(now - int(stamp)) / 1e6 for stamp in text.split()]


async def plain(upstream: str, model: str) -> Run:
    """The same through the OpenAI SDK alone."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(api_key="x", base_url=upstream, max_retries=0) as client:
        messages: Any = [{"role": "user", "content": "Go"}]
        warm = await client.chat.completions.create(
            model="bench-t0-g0-n1", messages=messages, stream=True
        )
        async for _ in warm:
            pass
        run = Run()
        async for chunk in await client.chat.completions.create(
            model=model, messages=messages, stream=True
        ):
            if chunk.choices and (text := chunk.choices[0].delta.content):
                run.take(text)
        return run


class Player:
    """One socket that plays runs."""

    def __init__(self, web: str, cookie: str, slug: str, connection: int) -> None:
        self.url = web.replace("http", "ws") + f"/ws/playground/?project={slug}"
        self.headers = {"Cookie": f"misfire_session={cookie}"}
        self.origin, self.connection = web, connection

    async def play(self, model: str, runs: list[Run] | None = None) -> list[Run]:
        import websockets

        runs = [Run()] if runs is None else runs
        by_id: dict[str, Run] = {}
        async with websockets.connect(
            self.url,
            additional_headers=self.headers,
            origin=websockets.Origin(self.origin),
            max_size=None,
            open_timeout=60,
            ping_interval=None,
        ) as socket:
            for number, run in enumerate(runs):
                run.begun = time.monotonic()
                await socket.send(self._start(model, number))
            left = len(runs)
            while left:
                frame = str(await socket.recv())
                event = json.loads(frame)
                if event["type"] == "error":
                    raise SystemExit(f"refused: {event}")
                if event["type"] == "run.started":
                    by_id[event["run"]] = runs[int(event["ref"])]
                run = by_id[event["run"]]
                run.seqs.append(event["seq"])
                if event["type"] == "text.delta":
                    run.take(event["text"])
                if frame.startswith(LAST):
                    left -= 1
                    run.fault = event.get("code", "")
        return runs

    def _start(self, model: str, number: int) -> str:
        request = {
            "connection": self.connection,
            "model": model,
            "messages": [{"role": "user", "content": "Go"}],
        }
        return json.dumps({"type": "run.start", "ref": str(number), "request": request})


def memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Target:
    """What was to be reached: ``found`` is at most ``most``."""

    name: str
    found: float
    most: float
    unit: str = ""

    @property
    def met(self) -> bool:
        return self.found <= self.most

    def __str__(self) -> str:
        word = "met   " if self.met else "MISSED"
        return f"{word} {self.name}: {self.found:.1f}{self.unit} (target {self.most:g}{self.unit})"


@dataclass(frozen=True)
class Sample:
    """The web process at one moment, and the events that had come out of it by then."""

    memory_mb: float
    cpu_s: float
    events: int


async def watch(pid: int, runs: list[Run], every: float, found: list[Sample]) -> None:
    while True:
        events = sum(len(run.seqs) for run in runs)
        found.append(Sample(memory_mb(pid), cpu_seconds(pid), events))
        await asyncio.sleep(every)


def steady_cost(samples: list[Sample]) -> float:
    """Milliseconds of CPU an event between the first quarter and the last tenth of the time."""
    first, last = samples[len(samples) // 4], samples[len(samples) * 9 // 10]
    return (last.cpu_s - first.cpu_s) * 1000 / max(1, last.events - first.events)


def at(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def measure(
    options: argparse.Namespace, web: str, upstream: str, pid: int
) -> tuple[list[str], list[Target]]:
    rows = await asyncio.to_thread(make_rows, upstream)
    player = Player(web, *rows)
    await player.play("bench-t0-g0-n5")
    plain_runs = []
    ours = []
    for _ in range(7):
        plain_runs.append(await plain(upstream, SINGLE))
        ours += await player.play(SINGLE)
    lines = ["one run at a time              plain SDK    Misfire    added"]
    targets = []
    for name, pick, most in (("first token", _firsts, 15.0), ("per event", _delays, 5.0)):
        before, after = statistics.median(pick(plain_runs)), statistics.median(pick(ours))
        words = f"{name}, median ms"
        lines.append(f"  {words:<26} {before:>10.1f} {after:>10.1f} {after - before:>8.1f}")
        targets.append(Target(f"{name}, added median", after - before, most, " ms"))
    found, more = await measure_load(options, player, pid)
    return [*lines, *found], [*targets, *more]


def _firsts(runs: list[Run]) -> list[float]:
    return [run.first or 0.0 for run in runs]


def _delays(runs: list[Run]) -> list[float]:
    return [delay for run in runs for delay in run.delays]


async def measure_load(
    options: argparse.Namespace, player: Player, pid: int
) -> tuple[list[str], list[Target]]:
    count = options.seconds * options.rate
    model = f"bench-t200-g{1000 // options.rate}-n{count}"
    samples: list[Sample] = []
    busy, begun = cpu_seconds(pid), time.monotonic()
    sockets = [[Run() for _ in range(PER_SOCKET)] for _ in range(options.runs // PER_SOCKET)]
    runs = [run for socket in sockets for run in socket]
    watching = asyncio.create_task(watch(pid, runs, max(0.5, options.seconds / 40), samples))
    await asyncio.gather(*(player.play(model, socket) for socket in sockets))
    watching.cancel()
    busy, lasted = cpu_seconds(pid) - busy, time.monotonic() - begun
    mine = time.process_time()
    delays = _delays(runs)
    lost = sum(count - len(run.delays) for run in runs)
    gaps = sum(run.seqs != list(range(1, len(run.seqs) + 1)) for run in runs)
    faults = ", ".join(sorted(run.fault for run in runs if run.fault))
    memory = [sample.memory_mb for sample in samples]
    second, last = quarter(memory, 2), quarter(memory, 4)
    lines = [
        f"{len(runs)} runs at {options.rate} events/s for {options.seconds} s",
        f"  events {len(delays)}, lost {lost}, runs with a gap {gaps}, failed {faults or 'none'}",
        f"  delay ms: median {at(delays, 0.5):.1f}, p95 {at(delays, 0.95):.1f},"
        f" p99 {at(delays, 0.99):.1f}, worst {max(delays):.1f}",
        f"  web process CPU: {steady_cost(samples):.3f} ms an event once all run;"
        f" with their start {busy:.1f} s of {lasted:.1f} s; this client: {mine:.1f} s;"
        f" load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        f"  web process MB: in the second quarter {second:.0f}, in the last {last:.0f},"
        f" highest {max(memory):.0f}",
    ]
    targets = [
        Target("events lost, and runs with a gap or a fault", lost + gaps + len(faults), 0),
        Target("delay of 95% of the events", at(delays, 0.95), 250, " ms"),
    ]
    if options.seconds >= 120:
        targets.append(Target("growth of memory", (last / second - 1) * 100, 10, "%"))
    return lines, targets


def quarter(values: list[float], number: int) -> float:
    """The median of the n-th quarter of the values."""
    size = max(1, len(values) // 4)
    return statistics.median(values[(number - 1) * size : number * size] or values)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--rate", type=int, default=20, help="events a second of each run")
    options, _ = parser.parse_known_args()
    with servers() as (web, upstream, pid):
        lines, targets = asyncio.run(measure(options, web, upstream, pid))
        print("\n".join([*lines, *map(str, targets)]))
    return 0 if all(target.met for target in targets) else 1


if __name__ == "__main__":
    sys.exit(main())
