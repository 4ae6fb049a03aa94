"""What a changed judgement is called, and what is left out of it."""

from __future__ import annotations

from typing import Any

import pytest

from console.lib import json
from conversations.backtest.comparison import Subject, compare
from tests.backtest.making import arguments, definition
from tools_registry.policies import PolicySpec, compile_policy
from tools_registry.specs import ToolSpec
from tools_registry.validation import Finding

GOOD = Subject(ToolSpec.from_json(definition()))
BAD = Subject(ToolSpec.from_json(definition("temprature")))
SLACK = Subject(ToolSpec("get_weather", "", {"properties": {"city": {"type": "string"}}}))
CAREFUL = Subject(
    GOOD.spec,
    compile_policy(
        PolicySpec.from_json(
            {"rules": [{"name": "not here", "expression": 'args.city != "Town 0"'}]}
        )
    ),
)


def recorded(*findings: Finding) -> str:
    return json.dump([finding.to_json() for finding in findings])


MISSING = Finding("missing_required", "x", "/temprature", "required")
UNEXPECTED = Finding("unexpected_parameter", "x", "/temperature", "additionalProperties")
REPEATED = Finding("repeated_call", "x")
CUT = Finding("truncated_arguments", "x")
ABSENT = Finding("tool_not_offered", "x")


@pytest.mark.parametrize(
    ("text", "before", "subject", "kind", "verdicts"),
    [
        (arguments(), (), GOOD, "unchanged", ("accepted", "accepted")),
        (arguments(), (), BAD, "newly_rejected", ("accepted", "rejected")),
        (arguments(), (MISSING, UNEXPECTED), GOOD, "fixed", ("rejected", "accepted")),
        (arguments(), (MISSING, UNEXPECTED), BAD, "unchanged", ("rejected", "rejected")),
        (arguments(), (MISSING, UNEXPECTED), SLACK, "fixed", ("rejected", "flagged")),
        (arguments(), (), SLACK, "newly_flagged", ("accepted", "flagged")),
        (arguments(0, "kelvin"), (MISSING,), GOOD, "other_findings", ("rejected", "rejected")),
        (arguments(), (), CAREFUL, "newly_rejected", ("accepted", "rejected")),
        (arguments(1), (), CAREFUL, "unchanged", ("accepted", "accepted")),
        # What came of the call afterwards counts on neither side.
        (arguments(), (REPEATED,), GOOD, "unchanged", ("accepted", "accepted")),
        # What assembly and offer said is of the turn, and stays.
        (arguments(), (ABSENT,), GOOD, "unchanged", ("rejected", "rejected")),
        ('{"city": "Os', (CUT,), GOOD, "unchanged", ("rejected", "rejected")),
        ("not json", (), GOOD, "newly_rejected", ("accepted", "rejected")),
    ],
)
def test_a_change_has_its_kind(
    text: str, before: tuple[Finding, ...], subject: Subject, kind: str, verdicts: Any
) -> None:
    outcome = compare(text, recorded(*before), subject)
    assert (outcome.kind, (outcome.was, outcome.now)) == (kind, verdicts)


def test_the_findings_of_both_sides_are_told() -> None:
    outcome = compare(arguments(), recorded(MISSING, REPEATED), GOOD)
    assert [finding.code for finding in outcome.before] == ["missing_required"]
    assert outcome.after == ()


def test_findings_of_a_code_that_is_no_longer_known_are_left_out() -> None:
    text = '[{"code":"gone_code","message":"x","severity":"rejected"}]'
    assert compare(arguments(), text, GOOD).kind == "unchanged"
