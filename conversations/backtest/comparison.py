"""A call's judgement as recorded beside the one it would get now. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from console.lib import json
from tools_registry.specs import ToolSpec
from tools_registry.validation import CallContext, CompiledPolicy, Finding, validate, worst
from tools_registry.validation.findings import CODES, VerdictValue

Kind = Literal["newly_rejected", "newly_flagged", "fixed", "other_findings", "unchanged"]
CHANGES: tuple[Kind, ...] = ("newly_rejected", "newly_flagged", "fixed", "other_findings")
KINDS: dict[Kind, str] = {
    "newly_rejected": "Newly rejected",
    "newly_flagged": "Newly flagged",
    "fixed": "Fixed",
    "other_findings": "Same verdict, other findings",
    "unchanged": "Unchanged",
}
_RANK = {"accepted": 0, "flagged": 1, "rejected": 2}
_CARRIED = frozenset(("assembly", "offer"))
_JUDGED = frozenset(("syntax", "schema", "rule", "content"))
COMPARED = _CARRIED | _JUDGED
"""Layers that judge a call by itself. What came of it afterwards is left out on both sides."""
_NO_CONTEXT = CallContext()


@dataclass(frozen=True)
class Subject:
    """What calls are judged by."""

    spec: ToolSpec
    policy: CompiledPolicy | None = None

    @property
    def needs_context(self) -> bool:
        """Whether a rule may ask for more than the arguments."""
        return self.policy is not None and bool(self.policy.context_names)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Both judgements of one call; ``before`` and ``after`` are findings of compared layers."""

    before: Sequence[Finding]
    after: Sequence[Finding]
    was: VerdictValue
    now: VerdictValue
    kind: Kind


_CLEAN = Outcome((), (), "accepted", "accepted", "unchanged")


def compare(
    arguments: str, recorded: str, subject: Subject, context: CallContext | None = None
) -> Outcome:
    """Judge a stored call anew. ``recorded`` are its stored findings as JSON text.

    The definition counts as offered: what assembly and offer said is of the turn, and stays.
    """
    before = read_compared(recorded)
    carried = [finding for finding in before if finding.layer in _CARRIED]
    verdict = validate(
        subject.spec.name,
        arguments,
        offered={subject.spec.name: subject.spec},
        assembly=carried,
        policy=subject.policy,
        context=context or _NO_CONTEXT,
    )
    after = verdict.findings
    if not before and not after:
        return _CLEAN
    was, now = worst(before), worst(after)
    return Outcome(before, after, was, now, _class_of(was, now, before, after))


def read_compared(recorded: str) -> list[Finding]:
    """The stored findings of the layers that are compared."""
    if recorded == "[]":
        return []
    found = json.load(recorded)
    return [Finding.from_json(item) for item in found if _layer_of(item) in COMPARED]


def _layer_of(item: Mapping[str, Any]) -> str:
    code = CODES.get(item.get("code", ""))
    return code.layer if code else ""


def _class_of(
    was: VerdictValue, now: VerdictValue, before: Sequence[Finding], after: Sequence[Finding]
) -> Kind:
    if now == was:
        same = {_identity(f) for f in before} == {_identity(f) for f in after}
        return "unchanged" if same else "other_findings"
    if _RANK[now] < _RANK[was]:
        return "fixed"
    return "newly_rejected" if now == "rejected" else "newly_flagged"


def _identity(finding: Finding) -> tuple[str, str | None, str | None]:
    """Words may differ: two findings are one by their code and their place."""
    return finding.code, finding.pointer, finding.severity
