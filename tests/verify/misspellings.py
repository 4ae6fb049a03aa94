"""The lint's misspelled names: found where they are, silent about names that people declared.

Run as ``python -m tests.verify.misspellings``. ``tests.verify.tools`` measures another thing on
the same pairs: what a call's misspelled parameter was meant to be, among those declared.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from tests.verify.tools import records
from tools_registry import spelling
from tools_registry.dialects import UnreadableTool, read_tool
from tools_registry.lint import Problem, name_words
from tools_registry.lint.parts import parameters
from tools_registry.lint.words import check_spelling
from tools_registry.specs import ToolSpec

RECALL, FALSE_ALARMS = 0.95, 0.01
_CODES = ("tool_misspelled", "param_misspelled")


def misspelled(spec: ToolSpec, previous: ToolSpec | None = None) -> list[Problem]:
    found = check_spelling(spec, previous, spelling.dictionary())
    return [problem for problem in found if problem.code in _CODES]


def tool_of(name: str, *names: str) -> ToolSpec:
    properties = {one: {"type": "string", "description": "Some words"} for one in names}
    return ToolSpec(name, "What it is for", {"type": "object", "properties": properties})


def warm(specs: list[ToolSpec]) -> None:
    """One question for all words, instead of one process a tool."""
    spelling.corrections({word for spec in specs for word in name_words(spec)})


def check_pairs() -> str:
    """Each misspelled parameter among its real neighbours is found at its own place."""
    pairs = list(records("misspellings/param_name_typos"))
    specs = [
        tool_of("get", *(p for p in pair["all_params"] if p != pair["declared"]), pair["misspelt"])
        for pair in pairs
    ]
    warm(specs)
    found = right = 0
    for pair, spec in zip(pairs, specs, strict=True):
        at = f"/parameters/properties/{pair['misspelt']}"
        told = [problem for problem in misspelled(spec) if problem.pointer == at]
        found += bool(told)
        right += any(
            pair["declared"] in problem.message or _names(problem, pair) for problem in told
        )
    share = found / len(pairs)
    line = f"found {found} of {len(pairs)} ({share:.1%}), the right word for {right}"
    return line if share >= RECALL else f"TOO FEW: {line}"


def _names(problem: Problem, pair: dict[str, Any]) -> bool:
    return str(pair["token"][0]).casefold() in problem.message.casefold()


def declared() -> Iterator[ToolSpec]:
    """Every real definition, with one for each name that the lint cannot read."""
    for record in records("schemas/tools_from_recorded_requests"):
        yield from _read(record["raw"])
    for record in records("schemas/mcp_tools"):
        for tool in record["tools"] if "tools" in record else [record["tool"]]:
            yield from _read(tool)
    for part in ("live", "non_live", "multi_turn"):
        for record in records(f"bfcl/{part}"):
            for tool in record["tools"]:
                yield from _read(tool)


def _read(tool: Any) -> Iterator[ToolSpec]:
    try:
        spec = read_tool(tool)
    except UnreadableTool:
        return
    if spec is not None:
        yield spec


def check_declared() -> str:
    specs = list(declared())
    warm(specs)
    names = {spec.name for spec in specs} | {p.name for spec in specs for p in parameters(spec)}
    alarms = {
        name: problem
        for spec in specs
        for problem in misspelled(spec)
        for name in [
            problem.pointer.rpartition("/")[2] if problem.pointer != "/name" else spec.name
        ]
    }
    share = len(alarms) / len(names)
    line = f"{len(alarms)} alarms at {len(names)} real names ({share:.2%}): {sorted(alarms)}"
    return line if share <= FALSE_ALARMS else f"TOO MANY: {line}"


def check_neighbours() -> str:
    """Two declared parameters near each other: neither is a slip."""
    pairs = list(records("misspellings/declared_neighbours"))
    specs = [tool_of("get", *pair["all_params"]) for pair in pairs]
    warm(specs)
    alarms = sum(bool(misspelled(spec, previous=spec)) for spec in specs)
    share = alarms / len(pairs)
    line = f"{alarms} alarms at {len(pairs)} pairs ({share:.2%})"
    return line if share <= FALSE_ALARMS else f"TOO MANY: {line}"


def check_scenarios() -> str:
    """``temprature`` is found by itself, ``calculatetaz`` by the earlier version's name."""
    by_word = misspelled(tool_of("get_weather", "city", "temprature"))
    by_name = misspelled(tool_of("calculatetaz"), tool_of("calculatetax"))
    fine = [p.code for p in (*by_word, *by_name)] == ["param_misspelled", "tool_misspelled"]
    return "temprature and calculatetaz are found" if fine else "NOT FOUND: one of the scenarios"


CHECKS = (check_pairs, check_declared, check_neighbours, check_scenarios)


def main() -> int:
    lines = {check.__name__: check() for check in CHECKS}
    for name, line in lines.items():
        print(f"{name}: {line}")
    return int(any(line.startswith(("TOO", "NOT")) for line in lines.values()))


if __name__ == "__main__":
    sys.exit(main())
