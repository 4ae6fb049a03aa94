"""A definition as somebody typed or pasted it: read, checked, each problem at its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from console.lib import json
from console.lib.fields import to_stored
from tools_registry.dialects import KEYS, UnreadableTool, read_tool, schema_pointers
from tools_registry.specs import ToolSpec
from tools_registry.validation import check_schema
from tools_registry.validation.positions import json_positions
from tools_registry.validation.syntax import read_value

LARGEST = 1_000_000
"""Characters of a definition."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong and where: a pointer into the text's JSON, line and column from 1.

    An ``error`` keeps the definition from being saved, a ``warning`` does not.
    """

    message: str
    pointer: str = ""
    line: int = 1
    column: int = 1
    severity: Literal["error", "warning"] = "error"

    def to_json(self) -> dict[str, Any]:
        return {
            "pointer": self.pointer,
            "line": self.line,
            "column": self.column,
            "severity": self.severity,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Draft:
    """``converted`` is our own form of the text, where that was in another dialect."""

    spec: ToolSpec | None
    problems: tuple[Problem, ...] = ()
    converted: str | None = None

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.severity == "error"]

    @property
    def is_valid(self) -> bool:
        return self.spec is not None and not self.errors

    def to_json(self) -> dict[str, Any]:
        return {
            "valid": self.is_valid,
            "problems": [problem.to_json() for problem in self.problems],
            "converted": self.converted,
        }


def read_draft(text: str) -> Draft:
    """Read a definition in any dialect and check its schemas. Never raises."""
    if len(text) > LARGEST:
        return Draft(None, (Problem(f"Shorten the definition to {LARGEST:,} characters"),))
    value, finding = read_value(text)
    if finding:
        detail = finding.detail
        place = int(detail.get("line", 1)), int(detail.get("column", 1))
        message = str(detail.get("reason") or finding.message)
        return Draft(None, (Problem(f"This is not JSON: {message}", "", *place),))
    places = json_positions(text)
    try:
        spec = read_tool(value)
    except UnreadableTool as error:
        return Draft(None, (_place(error.detail, error.pointer, places),))
    if spec is None:
        message = "This is a provider's own tool: it has no definition to keep"
        return Draft(None, (_place(message, "", places),))
    try:
        json.dump(value)
    except TypeError:
        return Draft(None, (Problem("A number is too large to be kept"),))
    if to_stored(spec.name) != spec.name:
        message = "Take NULs and broken characters out of the name"
        return Draft(None, (_place(message, "/name", places),))
    problems = tuple(_find_problems(value, spec, places))
    is_own = spec.to_json() == value
    return Draft(spec, problems, None if is_own else json.pretty(spec.to_json()))


def _find_problems(
    value: Mapping[str, Any], spec: ToolSpec, places: Mapping[str, tuple[int, int]]
) -> Iterator[Problem]:
    parameters_at, output_at = schema_pointers(value)
    for at, schema in ((parameters_at, spec.parameters), (output_at, spec.output_schema)):
        for problem in check_schema(schema) if schema is not None else ():
            yield _place(problem.message, at + problem.pointer, places)
    for key in value.keys() - KEYS if "name" in value else ():
        message = f"{key} is not kept: it is no part of what a model is told"
        yield _place(message, f"/{key}", places, severity="warning")


def _place(
    message: str,
    pointer: str,
    places: Mapping[str, tuple[int, int]],
    severity: Literal["error", "warning"] = "error",
) -> Problem:
    """The problem at its pointer's line, or at that of the nearest value around it."""
    at = pointer
    while at and at not in places:
        at = at.rpartition("/")[0]
    return Problem(message, pointer, *places.get(at, (1, 1)), severity=severity)
