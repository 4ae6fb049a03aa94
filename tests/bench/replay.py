"""A replay of next calls against a scripted provider: its time beside the ideal, and two workers
beside one.

``python -m tests.bench.replay`` starts PostgreSQL, Valkey, the provider and Celery workers of its
own. The ideal is the provider's own time: cases / concurrency × latency. Counted is from the
order to the last outcome stored, making the rows included. For the second part the provider is a
script that the workers play themselves, so that they are the limit, each a process of its own.

With PEERS_DIR (see ../shared/bench/README.md) promptfoo replays as much in the same run.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from console.embedded.child import Child, ChildSpec, free_port, http_status, stop_all
from tests.bench.processors import cpu_of
from tests.servers import Running, database

ROOT = Path(__file__).resolve().parents[2]
CASES, CONCURRENCY, LATENCY = 500, 50, 200
MODEL = f"bench-t{LATENCY}-g0-n1"
TARGET = 1.25
"""Times the ideal."""
GAIN = 1.7
"""Two workers against one."""
PEER = ROOT.parent / "shared" / "bench" / "replay_bench.py"
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": f"tool_{number}",
            "description": f"Look up record kind {number} for a customer.",
            "parameters": {
                "type": "object",
                "properties": {
                    "query": {"type": "string", "description": "What to look up."},
                    "limit": {"type": "integer", "minimum": 1, "maximum": 100},
                    "region": {"type": "string", "enum": ["eu", "us", "apac"]},
                },
                "required": ["query"],
                "additionalProperties": False,
            },
        },
    }
    for number in range(5)
]


@contextmanager
def upstream() -> Iterator[str]:
    """The provider in a process of its own; its address."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.upstream", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        while not http_status(url)[0]:
            time.sleep(0.05)
        yield f"{url}/v1"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def workers(running: Running, count: int) -> Iterator[list[int]]:
    """So many Celery workers of one process each; their process ids."""
    (running.folder / "log").mkdir(exist_ok=True)
    children = []
    for number in range(count):
        name = f"bench{number}"
        command = [sys.executable, "-m", "celery", "-A", "console", "worker", "-l", "WARNING"]
        command += ["-P", "solo", "-n", f"{name}@%h", "--without-gossip", "--without-mingle"]
        spec = ChildSpec(
            name=name,
            title=name,
            command=command,
            ready=lambda name=name: _is_up(name),  # type: ignore[misc]
            environment={"OUTBOUND_ALLOW": "127.0.0.1"},
            cwd=ROOT,
        )
        children.append(Child(spec, running.folder / "log"))
    try:
        for child in children:
            child.start()
        for child in children:
            child.wait_ready()
        yield [child.process.pid for child in children if child.process]
    finally:
        stop_all(children)


def _is_up(name: str) -> bool:
    from console.celery import app

    replies = app.control.ping(timeout=0.5)
    return any(one.startswith(f"{name}@") for reply in replies for one in reply)


def prepare(url: str) -> tuple[Any, Any]:
    """The connections to the provider, and to a script."""
    from tests.factories import make_connection, make_project

    project = make_project("Bench", "bench")
    settings = {"concurrency": CONCURRENCY}
    script = {"calls": [{"name": "tool_0", "arguments": {"query": "R"}}], "fragment": 100}
    scripted = {**settings, "scripts": {MODEL: script}}
    return (
        make_connection(project, base_url=url, settings=settings),
        make_connection(project, protocol="scripted", settings=scripted),
    )


def measure(connection: Any, cases: int, pids: Sequence[int]) -> tuple[float, float]:
    """Replay once; the seconds it took, and those of the workers' processors."""
    from conversations.replay.cases import Case
    from conversations.replay.orders import Order
    from conversations.replay.records import Replay
    from conversations.replay.starting import start
    from tools_registry.validation.expectation import Expectation

    def expect(text: str) -> Expectation:
        return Expectation.from_json({"calls": [{"name": "tool_0", "arguments": {"query": text}}]})

    texts = [f"Look up record R{number:05d} for the customer." for number in range(cases)]
    made = [
        Case(text[15:21], text, [{"role": "user", "content": text}], TOOLS, {}, expect(text))
        for text in texts
    ]
    order = Order(made, trials=1, connection=connection, model=MODEL)
    before = sum(map(cpu_of, pids))
    began = time.monotonic()
    row = start(connection.project, order)
    while Replay.objects.filter(pk=row.pk, status="running").exists():
        time.sleep(0.02)
    seconds = time.monotonic() - began
    row.refresh_from_db()
    assert row.status == "finished", (row.status, row.error)
    right = cases if connection.protocol == "openai" else 0
    assert row.outcomes.filter(status="done", passed=bool(right)).count() == cases
    return seconds, sum(map(cpu_of, pids)) - before


def near_ideal(running: Running, connection: Any, repeat: int) -> float:
    """Times the ideal, at the median; the first run, which warms up, left out."""
    ideal = math.ceil(CASES / CONCURRENCY) * LATENCY / 1000
    with workers(running, 1) as pids:
        runs = [measure(connection, CASES, pids) for _ in range(repeat + 1)][1:]
    middle = statistics.median(seconds for seconds, _ in runs)
    cpu = statistics.median(used for _, used in runs) / CASES * 1000
    told = ", ".join(f"{seconds:.2f}" for seconds, _ in runs)
    print(
        f"   {CASES} cases, {LATENCY} ms, {CONCURRENCY} at once: {told} s; median"
        f" {middle / ideal:.2f} × the ideal {ideal:.1f} s; {cpu:.2f} ms of processor a case"
    )
    return middle / ideal


def gain(running: Running, connection: Any, repeat: int, cases: int) -> float:
    """How many times as fast two workers are where the provider is not the limit."""
    middles = []
    for count in (1, 2):
        with workers(running, count) as pids:
            runs = [measure(connection, cases, pids) for _ in range(repeat + 1)][1:]
        middles.append(statistics.median(seconds for seconds, _ in runs))
        used = statistics.median(cpu for _, cpu in runs) / cases * 1000
        told = (
            f"{middles[-1]:.2f} s, {cases / middles[-1]:.0f} /s; {used:.2f} ms of processor a case"
        )
        print(f"   {count} worker{'s'[: count - 1]}: {cases} cases in {told}")
    return middles[0] / middles[1]


def beside_promptfoo() -> None:
    """The same work by promptfoo, where it is installed."""
    peers = os.environ.get("PEERS_DIR")
    if not (peers and PEER.exists()):
        print("   promptfoo was not measured beside: PEERS_DIR names no folder of peers")
        return
    own = Path(peers) / "bench" / "bin" / "python"  # with what the harness needs
    given = ["--cases", str(CASES), "--concurrency", str(CONCURRENCY), "--latency-ms", str(LATENCY)]
    python = str(own) if own.exists() else sys.executable
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    with TemporaryDirectory() as work:
        command = [python, str(PEER), *given, "--work", work]
        subprocess.run(command, check=True, cwd=PEER.parent, env=environment)


def main(arguments: Sequence[str] | None = ()) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--cases", type=int, default=1500, help="of the comparison of workers")
    parser.add_argument("--only", choices=("ideal", "gain"))
    options = parser.parse_args(arguments)
    os.environ["OUTBOUND_ALLOW"] = "127.0.0.1"
    ratio, times = 0.0, math.inf
    with ExitStack() as stack:
        running = stack.enter_context(database(durable=True))
        connection, scripted = prepare(stack.enter_context(upstream()))
        if options.only != "gain":
            ratio = near_ideal(running, connection, options.repeat)
        if options.only != "ideal":
            times = gain(running, scripted, options.repeat, options.cases)
            print(f"   two workers are {times:.2f} times as fast as one (at least {GAIN})")
    if options.only != "gain":
        beside_promptfoo()
    return int(ratio > TARGET or times < GAIN)


if __name__ == "__main__":
    sys.exit(main(None))
