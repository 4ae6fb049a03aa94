"""Plans over nested calls that people wrote: the dependencies found are the data's own references.

The data writes ``$var1.field$`` for an output of the call labelled var1; its closing pseudo call
names what to return and is planned as a call like the others. Its tools declare their outputs,
so that the rules that look at names and outputs have every opportunity to find too much.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools_registry.execution.plan import CARRYING, Plan, Step, make_plan
from tools_registry.specs import ToolSpec

LEAST = 0.99

Edges = set[tuple[str, str]]


def main(data: Path) -> None:
    equal = found = right = wanted = ordered = dangling = 0
    with gzip.open(data / "conversations" / "nestful.jsonl.gz", "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    for record in records:
        calls = record["expected"]["calls"]
        own = own_references(calls)
        plan = make_plan(list(steps_of(record)))
        all_found = {(one.key, one.on) for one in plan.dependencies}
        carried = {(one.key, one.on) for one in plan.dependencies if one.kind in CARRYING}
        dangling += len(plan.problems)
        check_order(plan)
        equal += all_found == own
        found += len(all_found)
        right += len(all_found & own)
        wanted += len(own)
        ordered += len(all_found - carried)
        if all_found != own:
            print(f"   {record['id']}: too many {all_found - own}, missing {own - all_found}")
    print(
        f"   {equal} of {len(records)} conversations equal; {right} of {wanted} references found,"
        f" {found - right} dependencies too many ({ordered} for order alone);"
        f" {dangling} references of the data lead nowhere"
    )
    assert equal >= LEAST * len(records), equal
    assert right >= LEAST * wanted and right >= LEAST * found, (right, wanted, found)


def own_references(calls: list[dict[str, Any]]) -> Edges:
    """Who refers to whom, read without our code: labels between dollar signs, of calls before.
    Twice the data gives two calls one label; then the one just before is meant."""
    keys: dict[str, str] = {}
    found: Edges = set()
    for index, call in enumerate(calls):
        key = key_of(index, call)
        for text in texts(call["arguments"]):
            labels = [part.split(".")[0].split("[")[0] for part in text.split("$")[1::2]]
            found |= {(key, keys[label]) for label in labels if label in keys}
        keys[call["label"]] = key
    return found


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from texts(item)


def key_of(index: int, call: dict[str, Any]) -> str:
    return f"{index}:{call['name']}"


def steps_of(record: dict[str, Any]) -> Iterator[Step]:
    specs = {}
    for tool in record["tools"]:
        function = tool["function"]
        outputs = function.get("x-output_parameters") or {}
        output_schema = {"type": "object", "properties": outputs} if outputs else None
        specs[function["name"]] = ToolSpec(
            function["name"],
            function.get("description") or "",
            function.get("parameters"),
            output_schema=output_schema,
        )
    for index, call in enumerate(record["expected"]["calls"]):
        key = key_of(index, call)
        spec = specs.get(call["name"])
        yield Step(key, call["name"], call["arguments"], spec, label=call["label"] or "")


def check_order(plan: Plan) -> None:
    """Each call is in a later stage than all that it waits for, and none is lost."""
    stage = {key: number for number, keys in enumerate(plan.stages) for key in keys}
    assert stage.keys() == plan.by_key.keys()
    assert all(stage[one.key] > stage[one.on] for one in plan.dependencies)
