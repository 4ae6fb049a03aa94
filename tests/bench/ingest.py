"""Ingest as an application sees it: turns a second from accepted to queryable, through the JSON
door of a real web server on a database that is durable when it answers.

Run as ``python -m tests.bench.ingest [SECONDS] [CONNECTIONS]``. A turn of the load is about 7.5 KB:
a system prompt, three tools, a history that grows, one call.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

from tests.servers import Running, database, web

BATCH = 75
TARGET, SLOWEST = 1000, 500.0
WORDS = ["order", "status", "refund", "invoice", "parcel", "delay", "address", "item", "price"]
TICK = os.sysconf("SC_CLK_TCK")


def text(words: random.Random, count: int) -> str:
    return " ".join(words.choices(WORDS, k=count))


def tool(name: str) -> dict[str, Any]:
    properties = {word: {"type": "string", "description": f"The {word}."} for word in WORDS[:6]}
    parameters = {"type": "object", "properties": properties, "required": WORDS[:1]}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def make_batch(seed: int) -> tuple[bytes, int]:
    """Turns of conversations of five turns each; ``@`` stands for what makes their ids new."""
    words = random.Random(seed)
    tools = [tool(f"find_{WORDS[(seed + n) % len(WORDS)]}") for n in range(3)]
    records: list[Any] = []
    at = datetime.now(UTC) - timedelta(hours=1)
    for talk in range(BATCH // 5):
        messages: list[Any] = [{"role": "system", "content": text(words, 250)}]
        for turn in range(5):
            messages = [*messages, {"role": "user", "content": text(words, 40)}]
            name = tools[turn % 3]["function"]["name"]
            function = {"name": name, "arguments": json.dumps({"order": text(words, 6)})}
            call = {"id": f"call_{turn}", "type": "function", "function": function}
            answer = {"role": "assistant", "content": None, "tool_calls": [call]}
            records.append(
                {
                    "id": f"@-{seed}-{talk}-{turn}",
                    "conversation": f"@-{seed}-{talk}",
                    "at": (at + timedelta(seconds=turn)).isoformat(),
                    "provider": "openai",
                    "model": "gpt-4.1-mini",
                    "request": {"messages": messages, "tools": tools},
                    "response": {
                        "message": answer,
                        "finish_reason": "tool_calls",
                        "usage": {"prompt_tokens": 900, "completion_tokens": 40},
                    },
                    "latency_ms": 800,
                }
            )
            result = {"role": "tool", "tool_call_id": f"call_{turn}", "content": text(words, 60)}
            messages = [*messages, answer, result]
    words.shuffle(records)
    return json.dumps(records).encode(), len(records)


class Load(threading.Thread):
    """One connection that sends batch after batch until the end."""

    def __init__(self, number: int, url: str, key: str, batches: list[tuple[bytes, int]]) -> None:
        super().__init__()
        self.number, self.batches, self.key = number, batches, key
        self.address = urlsplit(url)
        self.stored, self.sent_bytes, self.until = 0, 0, 0.0
        self.answers: list[float] = []

    def run(self) -> None:
        host, port = self.address.hostname, self.address.port
        connection = http.client.HTTPConnection(host or "", port, timeout=60)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        turn = 0
        while time.monotonic() < self.until:
            template, _ = self.batches[turn % len(self.batches)]
            body = template.replace(b'"@-', f'"{self.number}.{turn}-'.encode())
            began = time.monotonic()
            connection.request("POST", "/api/v1/turns", body, headers)
            answer = connection.getresponse()
            told = json.loads(answer.read())
            assert answer.status == 200 and not told["errors"], told
            self.answers.append((time.monotonic() - began) * 1000)
            self.stored += told["stored"]
            self.sent_bytes += len(body)
            turn += 1


def cpu_of(pid: int) -> float:
    """Seconds of processor of a process and its children."""
    total = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(path.parent.name) == pid or int(fields[1]) == pid:
            total += (int(fields[11]) + int(fields[12])) / TICK
    return total


def database_bytes() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def run(running: Running, seconds: float, connections: int) -> int:
    from console.accounts.models import ApiKey, Project
    from conversations.models import IngestTally, Turn

    project = Project.objects.create(slug="bench", name="Bench")
    key = ApiKey.issue(project=project, name="bench", scopes=["ingest"])[1]
    batches = [make_batch(seed) for seed in range(8)]
    with web(running, INGEST_KIB_PER_SECOND="0") as (url, pid):
        loads = [Load(number, url, key, batches) for number in range(connections)]
        warm = Load(-1, url, key, batches)
        warm.until = time.monotonic() + 1
        warm.run()
        servers = {"web": pid, "database": running.pids["postgres"]}
        before = {name: cpu_of(one) for name, one in servers.items()}
        size, began = database_bytes(), time.monotonic()
        for load in loads:
            load.until = began + seconds
            load.start()
        for load in loads:
            load.join()
        stored = sum(load.stored for load in loads)
        assert Turn.objects.count() == stored + warm.stored  # queryable, all of them
        took = time.monotonic() - began
        cpu = {name: cpu_of(one) - before[name] for name, one in servers.items()}
        grown = database_bytes() - size
    answers = sorted(answer for load in loads for answer in load.answers)
    slow = quantiles(answers, n=20)[-1]
    whole = sum(load.sent_bytes for load in loads)
    sent = sum(IngestTally.objects.values_list("sent", flat=True))
    assert sent == stored + warm.stored
    print(
        f"{stored:,} turns in {took:.1f} s over {connections} connections: {stored / took:,.0f}/s"
    )
    print(f"answer to {BATCH} turns: p50 {answers[len(answers) // 2]:.0f} ms, p95 {slow:.0f} ms")
    for name, used in cpu.items():
        print(f"{name}: {1000 * used / stored:.2f} ms of processor a turn")
    print(
        f"{grown / stored:,.0f} bytes a turn on disk with indexes;"
        f" {whole / stored:,.0f} as it is sent ({whole / grown:.1f} times as much)"
    )
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0 if stored / took >= TARGET and slow < SLOWEST else 1


def main() -> int:
    given = [float(word) for word in sys.argv[1:] if word.replace(".", "").isdigit()]
    seconds = given[0] if given else 20.0
    with database(durable=True) as running:
        return run(running, seconds, int(given[1]) if len(given) > 1 else 4)


if __name__ == "__main__":
    sys.exit(main())
