"""The JSON Schema test suite, drafts 7 and 2020-12, optional tests too, through our own door.

A test whose data is an object is asked of ``validate`` as a call's arguments, as text; what no
arguments can be (a number, a list) is asked of the schema layer itself. A schema that refers to
another document is refused, as the product fetches none; it is then judged with the document at
hand. ``EXCEPTIONS`` are the tests that we answer otherwise, with the reason; one that is not met
any more is a failure, too. ``docs/json-schema.md`` tells them to people.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema_rs

from tools_registry.specs import ToolSpec
from tools_registry.validation import validate
from tools_registry.validation.compiled import compile_schema
from tools_registry.validation.explain import Scope, explain
from tools_registry.validation.findings import worst
from tools_registry.validation.schema import check_arguments

Record = dict[str, Any]

TESTS = 2250
REMOTES = "http://localhost:1234/"
DRAFTS = {
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}
EXCEPTIONS = {
    "is only an annotation by default": (
        "draft 2020-12 leaves formats unchecked unless a vocabulary asks for it; here they are"
        " checked, as a model's 2024-13-45 for a date is a mistake that somebody must see",
        11,
    ),
    "refs to historic drafts are processed as historic drafts": (
        "a definition is one document of one draft: others are never fetched",
        1,
    ),
}
"""By group and name of the test: why, and how many tests it is."""


def main(data: Path) -> None:
    remotes = json.loads((data / "json_schema" / "remotes.json").read_text(encoding="utf-8"))
    registries = {draft: registry_of(remotes, draft) for draft in DRAFTS}
    doors: Counter[str] = Counter()
    excepted: Counter[str] = Counter()
    failures = []
    with gzip.open(data / "json_schema" / "test_suite.jsonl.gz", "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            is_valid, door = judge(record, registries[record["draft"]])
            doors[door] += 1
            if is_valid == record["valid"]:
                continue
            if reason := find_reason(record):
                excepted[reason] += 1
            else:
                failures.append(f"{record['id']}: {record['group']} / {record['test']}")
    print(f"   {sum(doors.values())} tests: {dict(doors)}; excepted: {dict(excepted)}")
    assert not failures, failures
    assert sum(doors.values()) == TESTS, doors
    assert excepted == {reason: count for reason, (_, count) in EXCEPTIONS.items()}, excepted


def find_reason(record: Record) -> str | None:
    whole = f"{record['group']} {record['test']}"
    return next((reason for reason in EXCEPTIONS if reason in whole), None)


def judge(record: Record, registry: jsonschema_rs.Registry) -> tuple[bool, str]:
    """Whether the data is held to be valid, and by which door."""
    schema, value = with_draft(record["schema"], DRAFTS[record["draft"]]), record["data"]
    spec = ToolSpec("suite", "", schema)
    if isinstance(value, dict):
        findings = validate("suite", json.dumps(value), offered={"suite": spec}).findings
        door = "as a call"
    else:
        findings, door = check_arguments(spec, value).findings, "as a value"
    if any("itself invalid" in finding.message for finding in findings):
        return judge_with_documents(schema, value, registry), "with documents"
    return worst(findings) != "rejected", door


def judge_with_documents(schema: Record, value: Any, registry: jsonschema_rs.Registry) -> bool:
    try:
        errors = compile_schema(schema, registry).iter_errors(value)
    except jsonschema_rs.ValidationError:
        return False
    return not [found for error in errors for found in explain(error, Scope(schema, value))]


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
