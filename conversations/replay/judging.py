"""Was the answer right? By what is expected, else by findings and whether the misfire recurs. Pure.

``passed`` is None where neither can say: a person settles it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.lib import json
from conversations.backtest.comparison import COMPARED, Subject, compare
from conversations.call_context import context_of
from conversations.parts import Answer, Call
from conversations.replay.cases import Case, MadeCall, Message, Recorded
from conversations.replay.compare import Made, signature
from tools_registry.policies.context import CallContext
from tools_registry.specs import ToolSpec
from tools_registry.validation import CompiledPolicy, validate, validate_turn, worst
from tools_registry.validation.expectation import CallMade, Expectation, judge
from tools_registry.validation.findings import CODES, Finding, VerdictValue

_FUNCTIONS = frozenset(["function", "function_call", "tool_use", "functionCall"])


@dataclass(frozen=True)
class Bench:
    """What answers are judged by: the tools that were offered, all that the project knows, and
    policies by their tools' names."""

    specs: Mapping[str, ToolSpec | None] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    tool_choice: Any = None
    policies: Mapping[str, CompiledPolicy] = field(default_factory=dict)


@dataclass(frozen=True)
class Judged:
    """One answer, or all of a conversation. ``findings`` are of the turn as a whole."""

    calls: tuple[MadeCall, ...] = ()
    findings: tuple[Finding, ...] = ()
    verdict: VerdictValue = "accepted"
    codes: tuple[str, ...] = ()
    passed: bool | None = None
    judged_by: str = ""


def judge_calls(
    answer: Answer, bench: Bench, context: CallContext
) -> tuple[list[MadeCall], list[Finding]]:
    """The calls of an answer with their findings, and the findings of the turn."""
    made: list[MadeCall] = []
    for call in answer.calls:
        found = _validate(call, bench, context.after([one.name for one in made]))
        made.append(_make(call.name, call.arguments, call.id or "", found))
    turn = list(answer.findings)
    if answer.complete and answer.error is None:
        turn += validate_turn([call.name for call in made], tool_choice=bench.tool_choice)
    return made, turn


def _validate(call: Call, bench: Bench, context: CallContext) -> Sequence[Finding]:
    return validate(
        call.name,
        call.arguments,
        offered=bench.specs if call.type in _FUNCTIONS else None,
        known=bench.known,
        tool_choice=bench.tool_choice,
        assembly=call.findings,
        policy=bench.policies.get(call.name),
        context=context,
    ).findings


def _make(name: str, arguments: str, identity: str, found: Sequence[Finding]) -> MadeCall:
    told = tuple(finding.to_json() for finding in found)
    return MadeCall(name, arguments, identity, worst(found), told)


def context_for(case: Case, messages: Sequence[Message]) -> CallContext:
    """What the rules of a policy may know of calls that answer these messages."""
    return context_of(messages, user=case.origin.user, environment=case.origin.environment)


def judge_recorded(case: Case, bench: Bench) -> tuple[list[MadeCall], list[Finding]]:
    """The recorded calls judged again by other tools and policies: no model is asked.

    A tool that is offered is judged as a backtest judges it; another is no longer there.
    """
    recorded = case.recorded or Recorded()
    context, made = context_for(case, case.messages), list[MadeCall]()
    for call in recorded.calls:
        here = context.after([one.name for one in made])
        spec, policy = bench.specs.get(call.name), bench.policies.get(call.name)
        if spec is not None:
            stored = json.dump([dict(finding) for finding in call.findings])
            found = compare(call.arguments, stored, Subject(spec, policy), here).after
        else:
            found = validate(
                call.name, call.arguments, offered=bench.specs, known=bench.known, context=here
            ).findings
        made.append(_make(call.name, call.arguments, call.id, found))
    return made, [Finding.from_json(found) for found in recorded.findings if _is_compared(found)]


def _is_compared(finding: Mapping[str, Any]) -> bool:
    code = CODES.get(str(finding.get("code")))
    return code is not None and code.layer in COMPARED


def decide(
    case: Case,
    made: Sequence[MadeCall],
    turn: Sequence[Finding],
    specs: Mapping[str, ToolSpec | None] | None = None,
    *,
    expected_of: Sequence[MadeCall] | None = None,
    is_asked: bool = True,
) -> Judged:
    """Whether the answer is right, with the findings of the expectation layer where there is one.

    ``expected_of`` are the calls that the expectation speaks of, where they are not all. Without
    ``is_asked`` they are the recorded calls themselves, so that the same call says nothing.
    """
    if case.expectation is not None:
        named = made if expected_of is None else expected_of
        made, turn = _hold_against(case.expectation, made, named, turn, specs)
    verdict, codes = _sum_up(made, turn)
    if case.expectation is not None:
        wrong = any(CODES[code].layer == "expectation" for code in codes)
        return Judged(tuple(made), tuple(turn), verdict, codes, not wrong, "expectation")
    recorded = case.recorded if is_asked else None
    passed, judged_by = _decide_by_findings(recorded, made, verdict, codes)
    if not is_asked and verdict == "accepted":
        passed, judged_by = True, "findings"
    return Judged(tuple(made), tuple(turn), verdict, codes, passed, judged_by)


def _hold_against(
    expectation: Expectation,
    made: Sequence[MadeCall],
    named: Sequence[MadeCall],
    turn: Sequence[Finding],
    specs: Mapping[str, ToolSpec | None] | None,
) -> tuple[list[MadeCall], list[Finding]]:
    judgement = judge([CallMade(one.name, one.arguments) for one in named], expectation, specs)
    more = dict(zip(map(id, named), judgement.calls, strict=True))
    calls = [_with(call, more.get(id(call), ())) for call in made]
    return calls, [*turn, *judgement.turn]


def _with(call: MadeCall, more: Sequence[Finding]) -> MadeCall:
    if not more:
        return call
    found = [*(Finding.from_json(one) for one in call.findings), *more]
    return _make(call.name, call.arguments, call.id, found)


def _sum_up(
    made: Sequence[MadeCall], turn: Sequence[Finding]
) -> tuple[VerdictValue, tuple[str, ...]]:
    verdicts = {worst(turn), *(call.verdict for call in made)}
    verdict: VerdictValue = "accepted"
    if "rejected" in verdicts:
        verdict = "rejected"
    elif "flagged" in verdicts:
        verdict = "flagged"
    named = [finding.code for finding in turn]
    named += [str(found["code"]) for call in made for found in call.findings]
    return verdict, tuple(dict.fromkeys(named))


def _decide_by_findings(
    recorded: Recorded | None,
    made: Sequence[MadeCall],
    verdict: VerdictValue,
    codes: Sequence[str],
) -> tuple[bool | None, str]:
    if verdict == "rejected":
        return False, "findings"
    if recorded is not None and recurs(recorded, made, codes):
        return False, "recurrence"
    if verdict == "flagged" or recorded is None:
        return None, ""
    if recorded.is_misfire:
        # Nothing called where something was called wrongly may be right, or may not.
        return (True, "recurrence") if made or not recorded.calls else (None, "")
    same = signature(_plain(made)) == signature(_plain(recorded.calls))
    return (True, "findings") if same else (None, "")


def recurs(recorded: Recorded, made: Sequence[MadeCall], codes: Sequence[str]) -> bool:
    """Whether what went wrong then went wrong again: the same finding, or the same call.

    The same call is no misfire where all that was wrong with it is judged again: a definition that
    is mended accepts it now.
    """
    wrong = [call for call in recorded.calls if call.verdict != "accepted"]
    wrong_anyway = [call for call in wrong if not all(map(_is_compared, call.findings or ({},)))]
    known = {signature([Made(call.name, call.arguments)]) for call in wrong_anyway}
    if any(signature([Made(call.name, call.arguments)]) in known for call in made):
        return True
    found = {(call.name, str(one.get("code"))) for call in wrong for one in call.findings}
    if any((call.name, str(one.get("code"))) in found for call in made for one in call.findings):
        return True
    of_turn = {str(one.get("code")) for one in recorded.findings if _is_compared(one)}
    return bool(of_turn & set(codes))


def _plain(calls: Sequence[MadeCall]) -> list[Made]:
    return [Made(call.name, call.arguments) for call in calls]
