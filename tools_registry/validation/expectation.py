"""The expectation layer: was it the right call at all? Pure.

Somebody, or a test case, said what should have been called. The calls that were made are paired
with the expected ones so that they differ least, and every difference is a finding. How values
are compared and calls paired is in ``docs/expectations.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from tools_registry import canonical
from tools_registry.specs import ToolSpec
from tools_registry.validation.comparison import (
    ABSENT,
    Difference,
    differ,
    differ_from_acceptable,
)
from tools_registry.validation.explain import cut
from tools_registry.validation.findings import Finding
from tools_registry.validation.pairing import align, assign
from tools_registry.validation.syntax import NOTHING, read_arguments

MOST_PAIRED = 200
"""Calls on either side beyond which they are paired in order, whatever the expectation says."""

_MOST_TOLD = 50
_LONGEST_DETAIL = 2000
_OTHER_TOOL = 2.0


@dataclass(frozen=True, slots=True)
class CallMade:
    """``arguments`` are the parsed object, or the raw text of one."""

    name: str
    arguments: Any


@dataclass(frozen=True, slots=True)
class ExpectedCall:
    """Exact ``arguments``, or ``acceptable`` values by parameter; with neither, any will do."""

    name: str
    arguments: Mapping[str, Any] | None = None
    acceptable: Mapping[str, Sequence[Any]] | None = None

    def differences(self, given: Any) -> Iterator[Difference]:
        if self.acceptable is not None:
            return differ_from_acceptable(self.acceptable, given)
        return iter(()) if self.arguments is None else differ(self.arguments, given)

    def __str__(self) -> str:
        shown = self.arguments if self.acceptable is None else self.acceptable
        return self.name if shown is None else f"{self.name} with {cut(shown)}"


@dataclass(frozen=True, slots=True)
class Expectation:
    """``calls`` are those that should be made, none where it is empty; None expects some call,
    whichever. ``order`` says whether they must come in the order given.
    """

    calls: tuple[ExpectedCall, ...] | None
    order: Literal["any", "strict"] = "any"

    @classmethod
    def from_json(cls, data: Any) -> Expectation:
        """Read ``{"calls": [{"name", "arguments"}]}``, with ``"calls": null`` for some call.

        ``"acceptable": [{name: {parameter: [values]}}]`` goes before ``calls``, as in BFCL; an
        entry of ``calls`` may have ``acceptable``, too. ``order`` is ``any`` unless ``strict``.
        ValueError says what is wrong, for a person to read.
        """
        if not isinstance(data, Mapping) or not {"calls", "acceptable"} & data.keys():
            raise ValueError('An expectation is an object with "calls": an array, or null')
        order: Literal["any", "strict"] = "strict" if data.get("order") == "strict" else "any"
        if data.get("acceptable") is not None:
            return cls(tuple(_read_acceptable(data["acceptable"])), order)
        calls = data.get("calls")
        if calls is None:
            return cls(None, order)
        if not isinstance(calls, list):
            raise ValueError('"calls" of an expectation is an array, or null for some call')
        return cls(tuple(map(_read_call, calls)), order)

    def to_json(self) -> dict[str, Any]:
        if self.calls is None:
            return {"calls": None}
        calls = [
            {"name": call.name}
            | ({} if call.arguments is None else {"arguments": dict(call.arguments)})
            | ({} if call.acceptable is None else {"acceptable": dict(call.acceptable)})
            for call in self.calls
        ]
        return {"calls": calls} | ({"order": "strict"} if self.order == "strict" else {})


def _read_call(entry: Any) -> ExpectedCall:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        raise ValueError('An expected call is an object with a "name"')
    arguments, acceptable = entry.get("arguments"), entry.get("acceptable")
    if isinstance(arguments, str):
        arguments, read = read_arguments(arguments)
        if read.findings:
            raise ValueError(f"Expected {entry['name']}: {read.findings[0].message}")
    if arguments is not None and not isinstance(arguments, Mapping):
        raise ValueError(f"The expected arguments of {entry['name']} are no object")
    return ExpectedCall(entry["name"], arguments, _read_sets(entry["name"], acceptable))


def _read_acceptable(entries: Any) -> Iterator[ExpectedCall]:
    for entry in entries if isinstance(entries, list) else [None]:
        if not isinstance(entry, Mapping) or len(entry) != 1:
            raise ValueError('"acceptable" is an array of {tool: {parameter: [values]}}')
        ((name, sets),) = entry.items()
        yield ExpectedCall(name, acceptable=_read_sets(name, sets))


def _read_sets(name: str, sets: Any) -> Mapping[str, Sequence[Any]] | None:
    if sets is None:
        return None
    if not isinstance(sets, Mapping) or not all(isinstance(v, list) for v in sets.values()):
        raise ValueError(f"The acceptable values of {name} are no object of arrays")
    return sets


@dataclass(frozen=True, slots=True)
class Judgement:
    """Findings of each call, in the order of the calls, and those of the turn as a whole."""

    calls: tuple[tuple[Finding, ...], ...]
    turn: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        return (*(finding for found in self.calls for finding in found), *self.turn)


def judge(
    calls: Sequence[CallMade],
    expected: Expectation,
    specs: Mapping[str, ToolSpec | None] | None = None,
) -> Judgement:
    """Hold the calls of a turn against what should have been called.

    ``specs`` are the turn's tools by name: they tell another tool from an invented one.
    """
    if expected.calls is None:
        turn = () if calls else (Finding("missed_call", "Some call was expected; none was made"),)
        return Judgement(((),) * len(calls), turn)
    if not calls:
        return Judgement((), tuple(map(_tell_missed, expected.calls)))
    if not expected.calls:
        return Judgement(tuple((_tell_needless(call, specs),) for call in calls))
    try:
        return _judge_pairs([_read(call) for call in calls], expected, specs)
    except RecursionError:
        deep = Finding("wrong_arguments", "The arguments are nested too deep to be compared", "")
        return Judgement(((deep,),) * len(calls))


def _read(call: CallMade) -> CallMade:
    if not isinstance(call.arguments, str):
        return call
    return CallMade(call.name, read_arguments(call.arguments)[0])


def _judge_pairs(
    calls: Sequence[CallMade], expected: Expectation, specs: Mapping[str, ToolSpec | None] | None
) -> Judgement:
    wanted = expected.calls or ()
    pairs = _pair(calls, wanted, expected.order)
    found: list[tuple[Finding, ...]] = []
    for index, call in enumerate(calls):
        if index not in pairs:
            found.append((_tell_surplus(call, len(calls), len(wanted)),))
        elif call.name != wanted[pairs[index]].name:
            found.append((_tell_wrong_tool(call, wanted[pairs[index]], wanted, specs),))
        else:
            found.append(tuple(_judge_arguments(call, wanted[pairs[index]])))
    missing = [wanted[i] for i in range(len(wanted)) if i not in pairs.values()]
    turn = (_tell_too_few(missing, len(calls), len(wanted)),) if missing else ()
    return Judgement(tuple(found), turn)


def _pair(calls: Sequence[CallMade], wanted: Sequence[ExpectedCall], order: str) -> dict[int, int]:
    """Calls to expected calls by index, so that they differ least."""
    if max(len(calls), len(wanted)) > MOST_PAIRED:
        return {index: index for index in range(min(len(calls), len(wanted)))}
    if order == "strict":
        return align([[_cost(call, want) for want in wanted] for call in calls])
    # In an order of their own, so that ties do not depend on the order of the calls.
    rows = sorted(range(len(calls)), key=lambda index: _sort_key(calls[index]))
    costs = [[_cost(calls[index], want) for want in wanted] for index in rows]
    return {rows[row]: column for row, column in assign(costs).items()}


def _sort_key(call: CallMade) -> tuple[str, bytes]:
    if call.arguments is NOTHING:
        return call.name, b""
    try:
        return call.name, canonical.dumps(call.arguments)
    except TypeError:  # a Decimal, which canonical JSON does not write
        return call.name, repr(call.arguments).encode("utf-8", "backslashreplace")


def _cost(call: CallMade, want: ExpectedCall) -> float:
    """0 for agreement, less than 1 for other arguments, 2 for another tool."""
    if call.name != want.name:
        return _OTHER_TOOL
    if not isinstance(call.arguments, Mapping):
        return 1.0
    differences = sum(1 for _ in islice(want.differences(call.arguments), _MOST_TOLD))
    return differences / (differences + 1)


def _judge_arguments(call: CallMade, want: ExpectedCall) -> Iterator[Finding]:
    if not isinstance(call.arguments, Mapping):
        if want.arguments is not None or want.acceptable is not None:
            message = f"The arguments are no JSON object; expected {want}"
            yield Finding("wrong_arguments", message, "")
        return
    for difference in islice(want.differences(call.arguments), _MOST_TOLD):
        yield _tell_difference(difference)


def _tell_difference(difference: Difference) -> Finding:
    expected, given = difference.expected, difference.given
    name = difference.pointer or "The whole"
    if expected is ABSENT:
        message = f"{name} was given as {cut(given)}; it was not expected"
    else:
        wanted = _one_of(expected) if difference.acceptable else cut(expected)
        lacks = f"{name} is absent; expected {wanted}"
        message = lacks if given is ABSENT else f"{name} is {cut(given)}; expected {wanted}"
    sides = {"acceptable" if difference.acceptable else "expected": expected, "given": given}
    detail = {key: value for key, value in sides.items() if _is_short(value)}
    return Finding("wrong_arguments", message, difference.pointer, detail=detail)


def _one_of(values: Sequence[Any]) -> str:
    shown = [cut(value) for value in values if value != ""] or ["nothing"]
    return shown[0] if len(shown) == 1 else f"one of {', '.join(shown[:8])}"


def _is_short(value: Any) -> bool:
    return value is not ABSENT and len(str(value)) <= _LONGEST_DETAIL


def _tell_wrong_tool(
    call: CallMade,
    want: ExpectedCall,
    wanted: Sequence[ExpectedCall],
    specs: Mapping[str, ToolSpec | None] | None,
) -> Finding:
    message = f"{call.name or 'A tool without a name'} was called; expected {want}"
    kind = _kind(call.name, specs)
    if kind == "invented":
        message += f". No tool of this turn is called {call.name or 'so'}"
    elif any(other.name == call.name for other in wanted):
        message += " at this place"
    detail = {"expected": want.name, "given": call.name, "kind": kind}
    return Finding("wrong_tool", message, suggestion=want.name, detail=detail)


def _kind(name: str, specs: Mapping[str, ToolSpec | None] | None) -> str:
    """``listed`` among the turn's tools, ``invented``, or ``unknown`` where none are known."""
    if specs is None:
        return "unknown"
    return "listed" if name in specs else "invented"


def _tell_needless(call: CallMade, specs: Mapping[str, ToolSpec | None] | None) -> Finding:
    message = f"{call.name or 'A tool'} was called; no call was expected"
    return Finding("needless_call", message, detail={"kind": _kind(call.name, specs)})


def _tell_missed(want: ExpectedCall) -> Finding:
    return Finding("missed_call", f"No call was made; expected {want}", suggestion=want.name)


def _tell_surplus(call: CallMade, made: int, expected: int) -> Finding:
    message = f"{made} calls were made, {expected} expected; {call.name} is one too many"
    return Finding("wrong_count", message, detail={"made": made, "expected": expected})


def _tell_too_few(missing: Sequence[ExpectedCall], made: int, expected: int) -> Finding:
    are = "call was" if made == 1 else "calls were"
    names = "; ".join(map(str, missing[:8])) + ("…" if len(missing) > 8 else "")
    message = f"{made} {are} made, {expected} expected; missing: {names}"
    detail = {"made": made, "expected": expected, "missing": [want.name for want in missing[:50]]}
    return Finding("wrong_count", message, detail=detail)
