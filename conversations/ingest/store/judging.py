"""Judging stored calls by rule: each on its own when it comes, all of a conversation together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from console.accounts.models import Project
from conversations.expected import judge_expected
from conversations.ingest.notes import Note
from conversations.ingest.store.enforced import Enforced
from conversations.ingest.store.prepared import CallState, NewTurn
from conversations.ingest.store.results import last_user_of
from conversations.ingest.store.toolsets import Offered
from tools_registry.models import Tool
from tools_registry.validation import (
    CallContext,
    CompiledPolicy,
    Offer,
    validate,
    validate_turn,
)
from tools_registry.validation.expectation import CallMade, Judgement
from tools_registry.validation.findings import Finding, LayerResult, Verdict, worst
from tools_registry.validation.syntax import read_value

if TYPE_CHECKING:
    from conversations.ingest.store.threads import Thread


LATE_LAYERS = frozenset(["conduct", "execution"])
_CUT = frozenset(["length", "max_tokens", "MAX_TOKENS", "max_output_tokens"])


class Known:
    """The names of a project's tools, asked for only when a call's name was not offered."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._names: frozenset[str] | None = None

    @property
    def names(self) -> frozenset[str]:
        if self._names is None:
            found = Tool.objects.filter(project=self._project).values_list("name", flat=True)
            self._names = frozenset(found)
        return self._names


def judge_turn(
    new: NewTurn, offered: Offered | None, known: Known, enforced: Enforced, thread: Thread
) -> None:
    """Judge a turn's calls one by one, and the turn as a whole."""
    record = new.record
    choice = record.request.tool_choice
    reason = record.response.finish_reason if record.response else None
    assembly = find_assembly(new.calls, reason)
    for call in new.calls:
        call.version = offered.versions.get(call.name) if offered else None
        context = enforced.context_of(
            call,
            thread,
            lambda: last_user_of(record.request.messages),
            user=record.user,
            environment=record.environment,
        )
        verdict = judge_call(
            call,
            offered.specs if offered else None,
            known,
            choice,
            assembly[call.position],
            enforced.policy_of(call),
            context,
        )
        call.findings = list(verdict.findings)
        call.layers = [layer.to_json() for layer in verdict.layers]
    if record.response is not None and record.error is None:
        names = [call.name for call in new.calls]
        new.findings = validate_turn(names, tool_choice=choice)
        if record.expected is not None:
            _judge_expected(new, offered.specs if offered else None)


def _judge_expected(new: NewTurn, specs: Offer | None) -> None:
    """Hold the calls against what the record expects, or note that nobody can read it."""
    made = [CallMade(call.name, call.arguments) for call in new.calls]
    try:
        judgement = judge_expected(new.record.expected, made, specs)
    except ValueError as error:
        said = f"The turn is not judged by what its record expects: {error}."
        new.record = new.record.with_notes([Note("expectation_unreadable", said)])
        return
    if judgement is not None:
        expect(new.calls, judgement)
        new.findings = [*new.findings, *judgement.turn]


def expect(calls: Sequence[CallState], judgement: Judgement | None) -> None:
    """Replace what an expectation says of calls; None where nobody expects anything."""
    for at, call in enumerate(calls):
        call.findings = [one for one in call.findings if one.layer != "expectation"]
        call.layers = [one for one in call.layers if one["layer"] != "expectation"]
        if judgement is not None:
            found = judgement.calls[at]
            call.findings += found
            call.layers.append(LayerResult("expectation", True, found).to_json())


def judge_call(
    call: CallState,
    offered: Offer | None,
    known: Known,
    choice: Any,
    assembly: Sequence[Finding],
    policy: CompiledPolicy | None,
    context: CallContext | None,
) -> Verdict:
    """The verdict on one call, by the layers that need no more than what came before it."""
    names: Collection[str] = ()
    if offered is not None and call.name not in offered:
        names = known.names
    return validate(
        call.name,
        call.arguments,
        offered=offered,
        known=names,
        tool_choice=choice,
        assembly=assembly,
        policy=policy,
        context=context,
    )


def find_assembly(calls: Sequence[CallState], finish_reason: str | None) -> list[list[Finding]]:
    """What of the assembly can still be told from an answer that came whole."""
    found: list[list[Finding]] = []
    seen: set[str] = set()
    for call in calls:
        own = []
        if call.call_id and call.call_id in seen:
            message = f"An earlier call of this answer has the id {call.call_id}"
            own.append(Finding("duplicate_call_id", message))
        seen.add(call.call_id)
        found.append(own)
    if calls and finish_reason in _CUT and read_value(calls[-1].arguments)[1] is not None:
        message = "The answer reached its length before these arguments ended"
        found[-1].append(Finding("truncated_arguments", message))
    return found


def settle(call: CallState, late: Iterable[Finding]) -> None:
    """Replace the findings that depend on more than the call's turn."""
    kept = [one for one in call.findings if one.layer not in LATE_LAYERS]
    last = [one for one in kept if one.layer == "expectation"]
    findings = [*(one for one in kept if one.layer != "expectation"), *late, *last]
    if findings == call.findings:
        return
    call.findings, call.changed = findings, True
    layers = [layer for layer in call.layers if layer["layer"] not in LATE_LAYERS]
    expected = [layer for layer in layers if layer["layer"] == "expectation"]
    call.layers = [layer for layer in layers if layer["layer"] != "expectation"]
    for name in sorted({one.layer for one in findings} & LATE_LAYERS):
        own = tuple(one for one in findings if one.layer == name)
        call.layers.append(LayerResult(name, True, own).to_json())
    call.layers += expected


def codes_of(findings: Iterable[Finding]) -> list[str]:
    return list(dict.fromkeys(finding.code for finding in findings))


__all__ = [
    "Known",
    "codes_of",
    "expect",
    "find_assembly",
    "judge_call",
    "settle",
    "judge_turn",
    "worst",
]
