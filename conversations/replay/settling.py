"""A person says whether an answer is right: it becomes the case's expectation, for all variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from console.accounts.models import User
from console.lib import json
from conversations.replay.cases import Case, MadeCall
from conversations.replay.compare import Made, signature
from conversations.replay.judging import decide
from conversations.replay.labelling import label_turn
from conversations.replay.records import ReplayCase, ReplayOutcome
from tools_registry.validation.expectation import Expectation
from tools_registry.validation.findings import CODES, Finding, worst

SAYINGS = ("right", "wrong")


class NotSettled(ValueError):
    """It cannot be settled; the text says why and what to do."""


def settle(outcome: ReplayOutcome, saying: str, user: User) -> None:
    """Say it of one outcome and of the variant's other trials that make the same calls.

    What is right is what should have been called: the case expects it from now on, and its other
    outcomes are judged by it, but for those that a finding condemned: the same call can be refused
    by another definition. It becomes a label of the stored turn that the case was made of, too. Of
    a whole conversation it is said alone. Raises ``NotSettled`` for an
    outcome without an answer, and for a saying that is neither right nor wrong.
    """
    if saying not in SAYINGS:
        raise NotSettled("An answer is right or wrong: choose one of these.")
    with transaction.atomic():
        row = ReplayCase.objects.select_for_update().get(pk=outcome.case_id)
        held = list(ReplayOutcome.objects.select_for_update().filter(case=row, status="done"))
        if not any(one.pk == outcome.pk for one in held):
            raise NotSettled("There is no answer to settle: wait for it, or choose another trial.")
        alike = _alike(outcome, held)
        for one in alike:
            one.settled_by, one.settled_at = user, timezone.now()
            one.passed, one.judged_by = saying == "right", "person"
        if row.replay.mode != "conversation":
            _expect(row, outcome, saying)
            label_turn(row, _made_of(outcome), saying, user)
            _judge_again(row.value, [one for one in held if one not in alike])
        fields = ["passed", "judged_by", "settled_by", "settled_at", "verdict", "codes"]
        ReplayOutcome.objects.bulk_update(held, [*fields, "calls", "findings"])


def _alike(outcome: ReplayOutcome, held: Sequence[ReplayOutcome]) -> list[ReplayOutcome]:
    wanted = _signature_of(outcome)
    mine = [one for one in held if one.variant_id == outcome.variant_id]
    return [one for one in mine if one.pk == outcome.pk or _signature_of(one) == wanted]


def _signature_of(outcome: ReplayOutcome) -> tuple[object, ...]:
    return signature(_made_of(outcome))


def _made_of(outcome: ReplayOutcome) -> list[Made]:
    return [Made(call["name"], call["arguments"]) for call in outcome.made_calls]


def _expect(row: ReplayCase, outcome: ReplayOutcome, saying: str) -> None:
    """Write what is right into the case; what turned out wrong is expected no longer."""
    case = row.value
    calls = [{"name": c["name"], "arguments": c["arguments"]} for c in outcome.made_calls]
    try:
        said = Expectation.from_json({"calls": calls})
    except ValueError as error:
        if saying == "right":
            raise NotSettled(f"This answer cannot be expected: {error}.") from None
        return
    if saying == "wrong" and case.expectation != said:
        return
    row.body = json.dump(replace(case, expectation=said if saying == "right" else None).to_json())
    row.save(update_fields=["body"])


def _judge_again(case: Case, outcomes: Sequence[ReplayOutcome]) -> None:
    for one in outcomes:
        is_condemned = one.judged_by == "findings" and one.passed is False
        if is_condemned or (one.judged_by == "person" and case.expectation is None):
            continue
        made = [_bare(MadeCall.from_json(call)) for call in one.made_calls]
        judged = decide(case, made, [found for found in one.found if _is_ours(found)])
        one.calls = json.dump([call.to_json() for call in judged.calls])
        one.findings = json.dump([found.to_json() for found in judged.findings])
        one.passed, one.judged_by = judged.passed, judged.judged_by
        one.verdict, one.codes = judged.verdict, list(judged.codes)


def _bare(call: MadeCall) -> MadeCall:
    """The call without what a former expectation said of it."""
    found = [one for one in map(Finding.from_json, call.findings) if _is_ours(one)]
    return replace(call, findings=tuple(one.to_json() for one in found), verdict=worst(found))


def _is_ours(finding: Finding) -> bool:
    return CODES[finding.code].layer != "expectation"
