"""Real definitions imported from every format, and exported to every dialect and back.

Run as ``python -m tests.verify.imports``. An entry that is not imported must be a provider's own
tool, or stand in ``EXPLAINED``.
"""

from __future__ import annotations

import gzip
import json
import sys
import types
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
from pydantic import BaseModel

from tests.verify.tools import data_folder, records
from tools_registry.exporters import EXPORTERS, export
from tools_registry.importers import read
from tools_registry.importers.items import Imported, Reading
from tools_registry.samples import CannotSample, sample
from tools_registry.specs import ToolSpec

# Operations by file; what the index calls operations, counted there by its maker.
OPERATIONS = {"slack_web_openapi_v2": 174, "twilio_taskrouter_v1": 61, "petstore-expanded": 4}
OWN = "is the provider's own tool"
EXPLAINED = {
    "There is no definition in it": "a registry's entry whose list of tools is empty",
}
# Protocol examples that are messages about tools: a call, a result, a capability, an error.
DEFINITIONS_IN_EXAMPLES = {"Tool", "ListToolsResult", "ListToolsResultResponse"}
FORMS = {"gemini_json_schema": "gemini", "ollama": "openai_chat"}
SEEDS = 3
EXCHANGED: list[Any] = [None, 1.5, -7, "x", [], {}, True]


def read_all(failures: list[str]) -> Iterator[ToolSpec]:
    """Every definition of ``schemas/``, with the counts printed."""
    for name in ("mcp_tools", "tools_from_recorded_requests"):
        counts: Counter[str] = Counter()
        for record in records(f"schemas/{name}"):
            source = next(record[key] for key in ("tools", "tool", "raw") if key in record)
            found = read(json.dumps(source))
            yield from _take(record["id"], found, counts, failures)
        _print(name, counts)
    yield from _read_examples(failures)
    for path in sorted((data_folder() / "schemas/openapi").glob("*.gz")):
        counts = Counter()
        found = read(gzip.decompress(path.read_bytes()).decode())
        yield from _take(path.name, found, counts, failures)
        expected = next((n for part, n in OPERATIONS.items() if part in path.name), None)
        if expected not in (None, counts["imported"]):
            failures.append(f"{path.name}: {counts['imported']} of {expected} operations")
        _print(path.name, counts)


def _read_examples(failures: list[str]) -> Iterator[ToolSpec]:
    counts: Counter[str] = Counter()
    for record in records("schemas/mcp_protocol_examples"):
        if record["type"] in DEFINITIONS_IN_EXAMPLES:
            yield from _take(record["id"], read(json.dumps(record["example"])), counts, failures)
        else:
            counts["no definition"] += 1
    _print("mcp_protocol_examples", counts)


def _print(name: str, counts: Counter[str]) -> None:
    print(f"  {name}: " + ", ".join(f"{count} {what}" for what, count in counts.items()))


def _take(
    name: str, found: Reading, counts: Counter[str], failures: list[str]
) -> Iterator[ToolSpec]:
    if found.problem:
        counts["explained" if found.problem in EXPLAINED else "unexplained"] += 1
        if found.problem not in EXPLAINED:
            failures.append(f"{name}: {found.problem}")
    for item in found.items:
        if item.spec:
            counts["imported"] += 1
            counts["notes"] += len(item.notes)
            yield item.spec
        else:
            counts[_explain(name, item, failures)] += 1


def _explain(name: str, item: Imported, failures: list[str]) -> str:
    if OWN in item.problem:
        return "provider's own"
    failures.append(f"{name} {item.title}: {item.problem} at {item.problem_at}")
    return "unexplained"


def check_round_trips(specs: list[ToolSpec]) -> list[str]:
    """Back from a dialect it is the same, or what differs was told and comes back a second time."""
    failures = []
    for dialect, exporter in EXPORTERS.items():
        if exporter.suffix != "json":
            continue
        counts: Counter[str] = Counter()
        for spec in specs:
            outcome = _go_round(spec, dialect)
            counts[outcome] += 1
            if outcome not in ("same", "told"):
                failures.append(f"{dialect} {spec.name}: {outcome}")
        _print(dialect, counts)
    return failures


def _go_round(spec: ToolSpec, dialect: str) -> str:
    there = export([spec], dialect)
    found = read(there.text, format=FORMS.get(dialect, dialect))
    back = found.items[0].spec if found.items else None
    if back is None:
        return found.problem or found.items[0].problem
    if back.hash == spec.hash:
        return "same"
    again = export([back], dialect).value
    return "told" if there.notes and again == there.value else "lost without a word"


def check_pydantic(specs: list[ToolSpec]) -> list[str]:
    """The code runs, and its schema takes and refuses the same arguments."""
    counts: Counter[str] = Counter()
    failures = []
    for spec in specs:
        exported = export([spec], "pydantic")
        codes = {note.code for _, notes in exported.notes for note in notes}
        counts["schema only in part" if "schema_only" in codes else "typed"] += 1
        schema = run_code(exported.text).model_json_schema()
        ours: Any = spec.parameters or {"type": "object"}
        one = jsonschema_rs.validator_for(ours)
        other = jsonschema_rs.validator_for(schema)
        for value in make_values(ours, schema):
            counts["arguments"] += 1
            if one.is_valid(value) != other.is_valid(value):
                failures.append(f"{spec.name} differs for {json.dumps(value)[:200]}")
                break
    _print("pydantic", counts)
    return failures


def run_code(text: str) -> type[BaseModel]:
    """The last model of generated code, which is the tool's."""
    module = types.ModuleType("generated_models")
    sys.modules[module.__name__] = module
    exec(compile(text, "generated_models.py", "exec"), module.__dict__)
    models = [one for one in vars(module).values() if _is_model(one)]
    return models[-1]  # type: ignore[no-any-return]


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel) and value is not BaseModel


def make_values(*schemas: Any) -> Iterator[dict[str, Any]]:
    """Arguments that fit, and the same with one value exchanged, left out or added."""
    for seed in range(SEEDS):
        for schema in schemas:
            try:
                value = sample(schema, seed=seed)
            except CannotSample:
                continue
            if not isinstance(value, dict):
                continue
            yield value
            yield {**value, "not_declared": 1}
            for key in value:
                yield {name: part for name, part in value.items() if name != key}
                yield from ({**value, key: other} for other in EXCHANGED)


def main(data: Path | None = None) -> int:
    failures: list[str] = []
    specs = list(read_all(failures))
    print(f"  {len(specs)} definitions")
    failures += check_round_trips(specs)
    failures += check_pydantic(specs)
    for failure in failures[:40]:
        print(f"  {failure}")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
