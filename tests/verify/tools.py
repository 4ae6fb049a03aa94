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

import jsonschema_rs

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
from tools_registry.validation.compiled import compile_schema
from tools_registry.validation.explain import Scope, explain
from tools_registry.validation.near import near
from tools_registry.validation.schema import check_arguments

Record = dict[str, Any]

# The notes of the data speak of 7,445 calls; these are those of the conversations in it.
AGENT_CALLS = 3715
REMOTES = "http://localhost:1234/"
DRAFTS = {
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}
# The suite holds formats to be notes unless a vocabulary asks for more. Here they are checked:
# a model's "2024-13-45" for a date is a mistake that somebody must see.
FORMATS_ARE_CHECKED = {"format"}


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


def check_suite() -> list[str]:
    """Our schema layer rejects what the JSON Schema test suite does, drafts 7 and 2020-12."""
    remotes = json.loads((data_folder() / "json_schema/remotes.json").read_text())
    registries = {draft: registry_of(remotes, draft) for draft in DRAFTS}
    failures = []
    for record in records("json_schema/test_suite"):
        if record["draft"] not in DRAFTS or record["optional"]:
            continue
        schema = with_draft(record["schema"], DRAFTS[record["draft"]])
        try:
            is_valid = judge(schema, record["data"], registries[record["draft"]])
        except jsonschema_rs.ValidationError as error:
            failures.append(f"{record['id']}: {error.message}: {record['schema']}")
            continue
        if is_valid == record["valid"]:
            continue
        if record["file"] not in FORMATS_ARE_CHECKED or not record["valid"]:
            failures.append(f"{record['id']}: {record['group']} / {record['test']}")
    return failures


def registry_of(remotes: Record, draft: str) -> jsonschema_rs.Registry:
    """The suite's remote documents for one draft; those in a folder of another draft left out."""
    known = [
        (REMOTES + name, body)
        for name, body in remotes.items()
        if not name.startswith(("draft", "v1")) or name.startswith(f"{draft}/")
    ]
    number = jsonschema_rs.Draft7 if draft == "draft7" else jsonschema_rs.Draft202012
    return jsonschema_rs.Registry(known, draft=number)


def with_draft(schema: Any, draft: str) -> Any:
    if isinstance(schema, bool):
        return {"$schema": draft, "allOf": [schema]}
    return {"$schema": draft, **schema}


def judge(schema: Record, value: Any, registry: jsonschema_rs.Registry) -> bool:
    """By the layer itself, or by its parts where remote documents must be at hand."""
    result = check_arguments(ToolSpec("suite", "", schema), value)
    if not any("itself invalid" in finding.message for finding in result.findings):
        return not any(finding.severity == "rejected" for finding in result.findings)
    errors = compile_schema(schema, registry).iter_errors(value)
    return not [found for error in errors for found in explain(error, Scope(schema, value))]


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
    check_suite,
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
