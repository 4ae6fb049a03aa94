"""One cell of the matrix: two answers of a case side by side, with what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from console.lib import json
from conversations.replay.cases import Case, MadeCall, Recorded
from conversations.replay.compare import Change, Made, Pair, pair_calls
from conversations.replay.records import ReplayCase, ReplayOutcome, ReplayVariant
from conversations.replay.snapshots import ReplaySnapshot, recall_outcome
from tools_registry.diff.lines import Row as LineRow
from tools_registry.diff.lines import split_rows
from tools_registry.validation.comparison import ABSENT
from tools_registry.validation.findings import Finding

RECORDING = -1
"""The side that is the recording itself."""


@dataclass(frozen=True)
class Side:
    """One answer. ``outcome`` is None for the recording, and where nothing came yet."""

    name: str
    calls: Sequence[MadeCall] = ()
    text: str = ""
    verdict: str = ""
    findings: Sequence[Finding] = ()
    offered: Sequence[str] = ()
    outcome: ReplayOutcome | None = None
    model: str = ""

    @property
    def made(self) -> list[Made]:
        return [Made(call.name, call.arguments) for call in self.calls]

    @property
    def all_findings(self) -> list[tuple[str, Finding]]:
        """Findings of the turn, then of each call with its name."""
        of_calls = [
            (call.name, Finding.from_json(found)) for call in self.calls for found in call.findings
        ]
        return [*(("", found) for found in self.findings), *of_calls]


@dataclass(frozen=True)
class CallRow:
    """Two calls beside each other as lines of JSON, and the pointers where they differ."""

    pair: Pair
    lines: Sequence[LineRow]
    changes: Sequence[tuple[Change, str, str]]


@dataclass(frozen=True)
class Comparison:
    """Two sides and what differs between them."""

    left: Side
    right: Side
    calls: Sequence[CallRow]
    text: Sequence[LineRow]
    gained: Sequence[str]
    lost: Sequence[str]

    @property
    def is_same(self) -> bool:
        return all(row.pair.kind == "same" for row in self.calls)


def read_side(
    row: ReplayCase,
    case: Case,
    variant: ReplayVariant | None,
    trial: int,
    snapshot: ReplaySnapshot | None = None,
) -> Side:
    """What was answered: by the recording where ``variant`` is None, else in this trial, as a
    snapshot holds it where one is given."""
    names = [str(_function(tool).get("name", "")) for tool in case.tools]
    if variant is None:
        return _side_of_recording(case.recorded, names)
    found = row.outcomes.filter(variant=variant, trial=trial).select_related("settled_by").first()
    if found is None:
        return Side(variant.name)
    if snapshot is not None:
        recall_outcome(snapshot, found)
    return Side(
        name=variant.name,
        calls=[MadeCall.from_json(call) for call in found.made_calls],
        text=found.text,
        verdict=found.verdict if found.status == "done" else "",
        findings=found.found,
        offered=list(found.offered),
        outcome=found,
        model=found.model,
    )


def _side_of_recording(recorded: Recorded | None, names: Sequence[str]) -> Side:
    if recorded is None:
        return Side("Recording", offered=names)
    findings = [Finding.from_json(found) for found in recorded.findings]
    return Side(
        "Recording",
        recorded.calls,
        recorded.text,
        recorded.verdict,
        findings,
        names,
        model=recorded.model,
    )


def _function(tool: Any) -> Any:
    inner = tool.get("function") if isinstance(tool, dict) else None
    return inner if isinstance(inner, dict) else tool


def compare_sides(left: Side, right: Side) -> Comparison:
    """Both answers, call by call and line by line."""
    pairs = pair_calls(left.made, right.made)
    return Comparison(
        left,
        right,
        [_compare_calls(pair, left.calls, right.calls) for pair in pairs],
        split_rows(left.text, right.text) if left.text or right.text else [],
        [name for name in right.offered if name not in left.offered],
        [name for name in left.offered if name not in right.offered],
    )


def _compare_calls(pair: Pair, left: Sequence[MadeCall], right: Sequence[MadeCall]) -> CallRow:
    before = _write(left[pair.before]) if pair.before is not None else ""
    after = _write(right[pair.after]) if pair.after is not None else ""
    changes = [(one, _value(one.before), _value(one.after)) for one in pair.changes]
    return CallRow(pair, split_rows(before, after), changes)


def _write(call: MadeCall) -> str:
    """The call as lines: its name, then its arguments; those that are no JSON as they came."""
    try:
        return f"{call.name}\n{json.pretty(json.load(call.arguments))}"
    except (ValueError, RecursionError):
        return f"{call.name}\n{call.arguments}"


def _value(value: Any) -> str:
    return "" if value is ABSENT else json.dump(value)
