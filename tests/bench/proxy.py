"""What the recording proxy adds to a direct call, and how many streams a second it sustains.

``python -m tests.bench.proxy [--seconds 20]`` starts PostgreSQL, Valkey, one Daphne and a
scripted upstream of its own. Delays are seen by the real OpenAI SDK, both ways in turns; the
sustained rate by a closed loop of plain connections. Every turn must be stored afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import openai
import psutil

from tests.bench.socket import servers

DELAYED = "bench-t100-g15-n25"
FAST = "bench-t0-g0-n25"
MESSAGES = [
    {"role": "system", "content": "You are a customer service agent. " * 20},
    {"role": "user", "content": "Find my order."},
]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": f"tool_{number}",
            "description": "Look a record up by its key.",
            "parameters": {"type": "object", "properties": {"key": {"type": "string"}}},
        },
    }
    for number in range(5)
]
# How often each way is taken at so many streams at once.
ROUNDS = {1: 24, 4: 3, 8: 6, 32: 4}
TARGETS_MS = {1: 10.0, 32: 40.0}
TARGET_RATE = 100.0


@dataclass
class Seen:
    """Milliseconds to the first token, and of each fragment's way."""

    first: list[float] = field(default_factory=list)
    transit: list[float] = field(default_factory=list)


def make_rows(upstream: str) -> tuple[int, str]:
    """(the project's id, its key)."""
    import django

    django.setup()
    from tests.factories import make_connection, make_key, make_project

    project = make_project()
    make_connection(project, name="bench", base_url=upstream)
    return project.pk, make_key(project, ["ingest"])[1]


async def one_stream(client: openai.AsyncOpenAI, seen: Seen, model: str = DELAYED) -> None:
    begun = time.monotonic()
    first = 0.0
    stream = await client.chat.completions.create(  # type: ignore[call-overload]
        model=model, messages=MESSAGES, tools=TOOLS, stream=True
    )
    async for chunk in stream:
        text = chunk.choices[0].delta.content
        if text:
            now = time.monotonic_ns()
            first = first or time.monotonic() - begun
            seen.transit.append((now - int(text)) / 1e6)
    seen.first.append(first * 1000)


async def delays(arms: dict[str, tuple[str, str]], streams: int) -> dict[str, Seen]:
    """Rounds of ``streams`` at once, the arms taking turns; one unmeasured stream opens each."""
    found = {name: Seen() for name in arms}
    for _ in range(ROUNDS[streams]):
        for name, (url, key) in arms.items():
            async with openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as client:
                await one_stream(client, Seen(), FAST)
                await asyncio.gather(*(one_stream(client, found[name]) for _ in range(streams)))
    return found


async def sustain(url: str, key: str, connections: int, seconds: float) -> tuple[int, float]:
    """(streams that ended well, seconds) of a closed loop."""
    parts = urlsplit(url)
    body = json.dumps({"model": FAST, "messages": MESSAGES, "tools": TOOLS, "stream": True})
    request = (
        f"POST {parts.path}/chat/completions HTTP/1.1\r\nhost: {parts.netloc}\r\n"
        f"authorization: Bearer {key}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n{body}"
    ).encode()
    until, done = time.monotonic() + seconds, 0

    async def loop() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while time.monotonic() < until:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n0\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200") and b"[DONE]" in answer
            done += 1
        writer.close()

    begun = time.monotonic()
    await asyncio.gather(*(loop() for _ in range(connections)))
    return done, time.monotonic() - begun


def count_turns(project: int) -> int:
    from conversations.models import Turn

    return Turn.objects.filter(project_id=project).count()


def wait_for_turns(project: int, expected: int, within: float = 120.0) -> tuple[int, float]:
    """(turns that are stored, seconds until they were)."""
    begun = time.monotonic()
    while (found := count_turns(project)) < expected and time.monotonic() - begun < within:
        time.sleep(0.2)
    return found, time.monotonic() - begun


def at(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def measure(
    options: argparse.Namespace, web: str, upstream: str, pid: int
) -> tuple[list[str], bool]:
    """(a table's lines, whether the targets were met)."""
    project, key = make_rows(upstream)
    arms = {"direct": (upstream, "x"), "proxy": (f"{web}/proxy/bench/v1", key)}
    asyncio.run(delays(arms, 4))
    passed = ROUNDS[4] * (4 + 1)
    lines, met = ["streams   first token ms: direct   proxy   added   added p95   fragment"], True
    for streams in (1, 8, 32):
        found = asyncio.run(delays(arms, streams))
        passed += len(found["proxy"].first) + ROUNDS[streams]
        direct, proxy = found["direct"], found["proxy"]
        middle = [statistics.median(seen.first) for seen in (direct, proxy)]
        added = middle[1] - middle[0]
        high = at(proxy.first, 0.95) - at(direct.first, 0.95)
        way = statistics.median(proxy.transit) - statistics.median(direct.transit)
        met = met and added <= TARGETS_MS.get(streams, added)
        lines.append(
            f"{streams:>7} {middle[0]:>24.1f} {middle[1]:>7.1f} {added:>+7.1f} {high:>+11.1f}"
            f" {way:>+10.2f}"
        )
    before = cpu_seconds(pid)
    done, seconds = asyncio.run(sustain(arms["proxy"][0], key, 32, options.seconds))
    passed += done
    stored, waited = wait_for_turns(project, passed)
    rate = done / seconds
    # The CPU's own measure stays true where other programs take a part of the machine.
    lines += [
        f"sustained: {rate:.0f} streams/s over {seconds:.0f} s with 32 connections",
        f"web process: {(cpu_seconds(pid) - before) / done * 1000:.1f} ms of CPU a stream",
        f"recorded: {stored} of {passed} turns, the last {waited:.1f} s after the load",
    ]
    return lines, met and rate >= TARGET_RATE and stored == passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of the sustained load")
    options, _ = parser.parse_known_args()
    with servers() as (web, upstream, pid):
        lines, met = measure(options, web, upstream, pid)
    print("\n".join(lines))
    print("The targets were met." if met else "A target was missed.")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
