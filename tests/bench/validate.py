"""Our schema layer beside pure-Python ``jsonschema`` in the same run, and the gate's answer time.

``python -m tests.bench.validate``. The calls are the real ones of ../shared/data/tau where that is
there (VERIFY_DATA names another place), else made ones; in the second corpus every tenth call is
broken. Every row starts from parsed arguments and gives all errors, ours as findings; rows take
turns, and time is the processor's, so that other work on the machine does not count. The gate is
``POST /api/v1/validate`` with its access check and statements, measured within the process.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.servers import database
from tools_registry.dialects import read_offer
from tools_registry.specs import ToolSpec
from tools_registry.validation.schema import check_arguments

TARGET = 10.0
"""Times as fast as pure Python."""
BROKEN_TARGET = 5.0
"""Where findings must be put into words: pure Python says less."""
GATE_TARGET_MS = 5.0
SECONDS = 0.6
ROUNDS = 5
SEED = 20240203
CITY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
    },
    "required": ["city"],
    "additionalProperties": False,
}
Call = tuple[ToolSpec, dict[str, Any]]


def read_calls() -> list[Call]:
    root = Path(__file__).resolve().parents[2]
    data = Path(os.environ.get("VERIFY_DATA") or root.parent / "shared" / "data") / "tau"
    calls: list[Call] = []
    for path in sorted(data.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for record in map(json.loads, lines):
                offered = read_offer(record["tools"])
                for message in record["messages"]:
                    for call in message.get("tool_calls") or ():
                        spec = offered.get(call["function"]["name"])
                        if spec and spec.parameters:
                            calls.append((spec, json.loads(call["function"]["arguments"])))
    return calls or make_calls()


def make_calls() -> list[Call]:
    spec = ToolSpec("get_forecast", "", CITY)
    return [
        (spec, {"city": f"Town {n}", "unit": "celsius", "days": n % 14 + 1}) for n in range(3000)
    ]


def break_some(calls: Sequence[Call]) -> list[Call]:
    """The same calls, every tenth with a parameter that is not there or of another type."""
    chance, broken = random.Random(SEED), []
    for spec, arguments in calls:
        if chance.random() < 0.1:
            arguments = dict(arguments)
            if arguments and chance.random() < 0.5:
                arguments[chance.choice(list(arguments))] = ["wrong"]
            else:
                arguments["temprature"] = 1
        broken.append((spec, arguments))
    return broken


def measure_rates(rows: dict[str, list[tuple[Callable[[Any], Any], Any]]]) -> dict[str, float]:
    """Judgements a second of each row, the middle of several rounds."""
    rates: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(ROUNDS):
        for name, work in rows.items():
            count, began = 0, time.process_time()
            while time.process_time() - began < SECONDS:
                for judge, value in work:
                    judge(value)
                count += len(work)
            rates[name].append(count / (time.process_time() - began))
    return {name: statistics.median(found) for name, found in rates.items()}


def list_errors(validator: Any, value: Any) -> list[Any]:
    return list(validator.iter_errors(value))


def compare(calls: Sequence[Call], target: float) -> float:
    """How many times as fast as ``jsonschema`` our layer is; prints the rates."""
    import jsonschema  # type: ignore[import-untyped]
    import jsonschema_rs

    pure = {spec.hash: jsonschema.Draft202012Validator(spec.parameters) for spec, _ in calls}
    rust = {
        spec.hash: jsonschema_rs.Draft202012Validator(dict(spec.parameters or {}))
        for spec, _ in calls
    }
    rates = measure_rates(
        {
            "jsonschema, all errors": [
                (partial(list_errors, pure[spec.hash]), value) for spec, value in calls
            ],
            "jsonschema-rs, all errors": [
                (partial(list_errors, rust[spec.hash]), value) for spec, value in calls
            ],
            "our layer, findings": [
                (partial(check_arguments, spec), value) for spec, value in calls
            ],
        }
    )
    for name, rate in rates.items():
        print(f"   {name:28}{rate:12,.0f} /s")
    times = rates["our layer, findings"] / rates["jsonschema, all errors"]
    print(f"   {'':28}{times:11.1f} times jsonschema (at least {target:.0f})")
    return times


def measure_gate(count: int = 400) -> float:
    """The median milliseconds of one answer of ``POST /api/v1/validate``."""
    with database():
        from django.test import Client

        from console.accounts.models import ApiKey
        from tests.factories import make_project
        from tools_registry.registry import register

        project = make_project()
        register(project, ToolSpec("get_forecast", "A forecast for a city.", CITY))
        _, secret = ApiKey.issue(project=project, name="bench", scopes=["read"])
        client = Client(headers={"Authorization": f"Bearer {secret}", "Host": "127.0.0.1"})
        body = {"tool": "get_forecast", "arguments": '{"city": "Lisbon", "days": 3}'}
        taken, ours = [], time.process_time()
        for number in range(count):
            began = time.perf_counter()
            answer = client.post("/api/v1/validate", body, "application/json")
            taken.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, (number, answer.content)
        ours = (time.process_time() - ours) * 1000 / count
        cuts = statistics.quantiles(taken, n=100)
        print(
            f"   gate: p50 {cuts[49]:.2f} ms, p95 {cuts[94]:.2f} ms, p99 {cuts[98]:.2f} ms;"
            f" {ours:.2f} ms of processor"
        )
        return cuts[49]


def main() -> int:
    calls = read_calls()
    print(f"   {len(calls):,} calls as they were made")
    times = compare(calls, TARGET)
    print("   the same, every tenth broken")
    broken = compare(break_some(calls), BROKEN_TARGET)
    gate = measure_gate()
    return int(times < TARGET or broken < BROKEN_TARGET or gate > GATE_TARGET_MS)


if __name__ == "__main__":
    sys.exit(main())
