"""Two definitions side by side: what changed, the text of both, lint at its lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.lib import json
from tools_registry import diff
from tools_registry.definitions import nearest
from tools_registry.diff.lines import Line, Row, split_rows
from tools_registry.lint import Problem
from tools_registry.models import ToolDraft, ToolVersion
from tools_registry.specs import ToolSpec
from tools_registry.validation import pointers
from tools_registry.validation.positions import json_positions


@dataclass(frozen=True)
class Side:
    """A version or a draft. ``key`` names it in addresses: a number, or d and a draft's id."""

    key: str
    label: str
    at: datetime
    spec: ToolSpec
    problems: Sequence[Problem] = ()

    @property
    def text(self) -> str:
        return json.pretty(self.spec.to_json())


@dataclass(frozen=True)
class Cell:
    """One line of one side: a line of its text, what lint says of the line before, or a gap.

    ``wrong`` is the misspelled name in the line, "" for none.
    """

    line: Line | None = None
    problem: Problem | None = None
    wrong: str = ""


def side_of(row: ToolVersion | ToolDraft, problems: Sequence[Problem] = ()) -> Side:
    """The draft must be one that can be read."""
    if isinstance(row, ToolVersion):
        return Side(str(row.number), f"v{row.number}", row.created_at, row.spec, problems)
    spec = row.read().spec
    assert spec is not None
    return Side(f"d{row.pk}", f"draft {row.pk}", row.updated_at, spec, problems)


def describe_changes(old: Side, new: Side) -> dict[str, Any]:
    """What ``_changes.html`` shows."""
    changes = diff.compare(old.spec, new.spec)
    kinds = Counter(change.kind for change in changes)
    left, right = _lay_out(split_rows(old.text, new.text), _problems_by_line(new))
    return {
        "old": old,
        "new": new,
        "changes": changes,
        "worst": changes[0].kind if changes else "",
        "counts": [(kind, kinds[kind]) for kind in diff.KINDS if kinds[kind]],
        "left": left,
        "right": right,
    }


def _problems_by_line(side: Side) -> Mapping[int, list[Problem]]:
    places = json_positions(side.text)
    found: dict[int, list[Problem]] = {}
    for problem in side.problems:
        if problem.severity != "note":
            found.setdefault(nearest(problem.pointer, places)[0], []).append(problem)
    return found


def _lay_out(
    rows: Sequence[Row], problems: Mapping[int, list[Problem]]
) -> tuple[list[Cell], list[Cell]]:
    """The cells of both sides, as many on each, with the problems below their lines."""
    left: list[Cell] = []
    right: list[Cell] = []
    for row in rows:
        told = problems.get(row.right.number, []) if row.right else []
        slips = [p.pointer for p in told if p.code in ("param_misspelled", "tool_misspelled")]
        wrong = pointers.tokens(slips[0])[-1] if slips else ""
        left.append(Cell(row.left))
        right.append(Cell(row.right, wrong=wrong))
        for problem in told:
            left.append(Cell())
            right.append(Cell(problem=problem))
    return left, right
