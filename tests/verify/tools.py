"""Real definitions and calls: read in every dialect, validated as their owners say.

Run as ``python -m tests.verify.tools``. The exceptions are listed with their reasons.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tools_registry.dialects import (
    read_offer,
    read_tool,
    read_tools,
    to_anthropic,
    to_legacy_function,
    to_ollama,
    to_openai_chat,
    to_openai_responses,
)
from tools_registry.samples import CannotSample, sample
from tools_registry.specs import ToolSpec
from tools_registry.validation import check_schema, validate
from tools_registry.validation.near import near

Record = dict[str, Any]

# The notes of the data speak of 7,445 calls; these are those of the conversations in it.
AGENT_CALLS = 3715
# Gemini's ``nullable`` reads as the type null beside the declared one; the OpenAI form kept it.
NULLABLE = {"any_of_params"}


def data_folder() -> Path:
    named = os.environ.get("MISFIRE_DATA") or os.environ.get("VERIFY_DATA")
    return Path(named or Path(__file__).resolve().parents[2].parent / "shared" / "data")


def records(name: str) -> Iterator[Record]:
    with gzip.open(data_folder() / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def check_agent_calls() -> list[str]:
    """Every call of the tau agents validates clean, with nothing flagged either."""
    failures, count = [], 0
    for name in ("airline", "retail", "telecom"):
        for record in records(f"tau/{name}"):
            offered = read_offer(record["tools"])
            for message in record["messages"]:
                for call in message.get("tool_calls") or ():
                    count += 1
                    function = call["function"]
                    verdict = validate(function["name"], function["arguments"], offered=offered)
                    if verdict.findings:
                        failures.append(f"{record['id']}: {verdict.findings[0]}")
    if count != AGENT_CALLS:
        failures.append(f"{count} calls were read, not {AGENT_CALLS}")
    return failures


def check_dialects() -> list[str]:
    """Each definition as sent reads as its OpenAI form does, and comes through our writers."""
    failures = []
    for record in records("schemas/tools_from_recorded_requests"):
        spec = read_tool(record["raw"])
        if record["openai"] is None:
            failures += [f"{record['id']} is no function"] if spec else []
            continue
        expected = read_tool(record["openai"])
        if spec and spec.name in NULLABLE and spec != expected:
            assert spec.parameters
            status = spec.parameters["properties"]["status"]
            failures += [] if status["type"] == ["string", "null"] else [f"{record['id']}: null"]
            continue
        if spec is None or expected is None or not is_same(spec, expected):
            failures.append(f"{record['id']} reads otherwise than its OpenAI form")
            continue
        for write in (to_openai_chat, to_openai_responses):
            if read_tool(write(spec)) != ToolSpec(
                spec.name, spec.description, spec.parameters, spec.strict
            ):
                failures.append(f"{record['id']} does not come back from {write.__name__}")
        for write in (to_anthropic, to_ollama, to_legacy_function):
            if spec.parameters and not is_same(read_tool(write(spec)) or spec, spec):
                failures.append(f"{record['id']} does not come back from {write.__name__}")
        if record["facts"]["valid_2020_12"] and check_schema(spec.parameters or {}):
            failures.append(f"{record['id']} is held to be invalid")
    return failures


def is_same(one: ToolSpec, other: ToolSpec) -> bool:
    fields = ("name", "description", "parameters")
    return all(getattr(one, field) == getattr(other, field) for field in fields)


def check_mcp_tools() -> list[str]:
    failures = []
    for record in records("schemas/mcp_tools"):
        for spec in read_tools(record["tools"] if "tools" in record else [record["tool"]]):
            if spec is None or check_schema(spec.parameters or {}):
                failures.append(f"{record['id']}: {spec and spec.name}")
    return failures


def check_samples() -> list[str]:
    """A value can be made for the parameters of every recorded definition."""
    failures = []
    for record in records("schemas/tools_from_recorded_requests"):
        spec = read_tool(record["raw"])
        if spec is None or spec.parameters is None:
            continue
        try:
            if sample(spec.parameters, seed=1) != sample(spec.parameters, seed=1):
                failures.append(f"{record['id']} differs for one seed")
        except CannotSample as error:
            failures.append(f"{record['id']}: {error}")
    return failures


def check_misspellings() -> list[str]:
    """A misspelled parameter is told what was meant; of 100, at least 90 and never another."""
    told: Counter[str] = Counter()
    for record in records("misspellings/param_name_typos"):
        found = near(record["misspelt"], record["all_params"])
        is_right = found == record["declared"]
        told["right" if is_right else "nothing" if found is None else "other"] += 1
    whole = sum(told.values())
    if told["right"] < 0.9 * whole or told["other"] > 0.01 * whole:
        return [f"of {whole} misspellings: {dict(told)}"]
    return []


CHECKS: list[Callable[[], list[str]]] = [
    check_agent_calls,
    check_dialects,
    check_mcp_tools,
    check_samples,
    check_misspellings,
]


def main() -> int:
    worst = 0
    for check in CHECKS:
        failures = check()
        print(f"{check.__name__}: {'fine' if not failures else f'{len(failures)} failures'}")
        for failure in failures[:40]:
            print(f"  {failure}")
        worst = worst or int(bool(failures))
    return worst


if __name__ == "__main__":
    sys.exit(main())
