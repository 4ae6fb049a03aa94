"""What should have been called in a turn, by its labels or by its record, and what follows. Pure.

A label speaks of one call, or of the turn; a record's ``expected`` of all calls together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools_registry.validation.expectation import (
    CallMade,
    Expectation,
    ExpectedCall,
    Judgement,
    judge,
)
from tools_registry.validation.findings import Finding
from tools_registry.validation.syntax import read_arguments

OF_CALLS = frozenset(["wrong_tool", "wrong_arguments", "needless"])
NAMES_CALL = frozenset(["wrong_tool", "wrong_arguments", "missing"])
"""Kinds that may say which call should have been made."""


@dataclass(frozen=True, slots=True)
class Said:
    """One label as a value: ``position`` is of the call, None for the turn as a whole."""

    kind: str
    position: int | None = None
    expected: ExpectedCall | None = None


def judge_labels(
    calls: Sequence[CallMade], said: Sequence[Said], specs: Mapping[str, Any] | None = None
) -> Judgement:
    """The findings of the expectation layer that labels give, by call and for the turn."""
    found: dict[int, tuple[Finding, ...]] = {}
    turn: list[Finding] = []
    for one in said:
        if one.kind == "missing":
            wanted = (one.expected,) if one.expected else None
            turn += judge([], Expectation(wanted)).turn
        elif one.kind in OF_CALLS and one.position is not None and one.position < len(calls):
            found[one.position] = _judge_call(calls[one.position], one, specs)
    return Judgement(tuple(found.get(at, ()) for at in range(len(calls))), tuple(turn))


_UNNAMED = {
    "wrong_tool": "By a label: another tool should have been called; which one was not said",
    "wrong_arguments": "By a label: the arguments are wrong; the right ones were not said",
}


def _judge_call(call: CallMade, said: Said, specs: Mapping[str, Any] | None) -> tuple[Finding, ...]:
    if said.kind == "needless":
        return judge([call], Expectation(()), specs).calls[0]
    if said.expected is None:
        return (Finding(said.kind, _UNNAMED[said.kind]),)
    return judge([call], Expectation((said.expected,)), specs).calls[0]


def expectation_of(calls: Sequence[CallMade], said: Sequence[Said]) -> Expectation | None:
    """What should have been called in the turn by its labels, for a test case.

    Calls that no label speaks of are taken as right. None where there is no label, or one that
    does not say what would have been right.
    """
    by_call = {one.position: one for one in said if one.position is not None}
    missing = [one for one in said if one.kind == "missing"]
    if not said or any(one.expected is None for one in said if one.kind in NAMES_CALL):
        return None
    expected = []
    for position, call in enumerate(calls):
        one = by_call.get(position)
        if one is None or one.kind == "right":
            expected.append(_as_expected(call))
        elif one.expected is not None:
            expected.append(one.expected)
    expected += [one.expected for one in missing if one.expected is not None]
    return Expectation(tuple(expected))


def _as_expected(call: CallMade) -> ExpectedCall:
    arguments = call.arguments
    if isinstance(arguments, str):
        arguments = read_arguments(arguments)[0]
    return ExpectedCall(call.name, arguments if isinstance(arguments, Mapping) else None)


def judge_expected(
    expected: Any, calls: Sequence[CallMade], specs: Mapping[str, Any] | None = None
) -> Judgement | None:
    """What a record's ``expected`` says of the turn's calls; None where it speaks of a whole
    conversation. ValueError says what of it cannot be read."""
    if isinstance(expected, Mapping) and expected.get("scope") == "conversation":
        return None
    return judge(calls, Expectation.from_json(expected), specs)
