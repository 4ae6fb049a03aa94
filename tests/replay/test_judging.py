"""Whether an answer is right: by expectation, by findings, by whether the misfire recurs."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.replay.cases import Case, MadeCall, Recorded
from conversations.replay.judging import decide
from tests.replay.making import expecting, make_case, recorded
from tools_registry.validation.findings import Finding

OSLO, ROME = '{"city": "Oslo"}', '{"city": "Rome"}'


def made(arguments: str = OSLO, code: str = "", name: str = "get_weather") -> MadeCall:
    finding = Finding(code, "It is so") if code else None
    told = (finding.to_json(),) if finding else ()
    verdict: Any = finding.severity if finding else "accepted"
    return MadeCall(name, arguments, "call_1", verdict, told)


def fine(arguments: str = OSLO) -> Recorded:
    return recorded(arguments, "accepted")


@pytest.mark.parametrize(
    ("case", "calls", "passed", "by"),
    [
        (expecting(1), [made('{"city": "Town 1"}')], True, "expectation"),
        (expecting(1), [made('{"city": "Town 1"}', "implausible_value")], True, "expectation"),
        (expecting(1), [made(ROME)], False, "expectation"),
        (expecting(1), [], False, "expectation"),
        (make_case(recorded=fine()), [made()], True, "findings"),
        (make_case(recorded=fine()), [made(ROME)], None, ""),
        (make_case(recorded=fine()), [made(OSLO, "wrong_type")], False, "findings"),
        (make_case(recorded=recorded(OSLO)), [made(ROME)], True, "recurrence"),
        (make_case(recorded=recorded(OSLO)), [made()], True, "recurrence"),
        (make_case(recorded=recorded(OSLO, code="wrong_tool")), [made()], False, "recurrence"),
        (make_case(recorded=recorded(OSLO)), [], None, ""),
        (make_case(recorded=recorded(OSLO, "flagged", "markup")), [made(ROME, "markup")],
         False, "recurrence"),
        (make_case(recorded=recorded(OSLO, "flagged", "markup")), [made(ROME, "duplicate_key")],
         None, ""),
        (make_case(), [made()], None, ""),
        (make_case(), [made(OSLO, "missing_required")], False, "findings"),
    ],
)  # fmt: skip
def test_it_decides(case: Case, calls: list[MadeCall], passed: bool | None, by: str) -> None:
    found = decide(case, calls, [])
    assert (found.passed, found.judged_by) == (passed, by)


def test_a_finding_of_the_turn_that_comes_again_fails_it() -> None:
    required = Finding("no_call_when_required", "None was made")
    case = make_case(recorded=Recorded(verdict="flagged", findings=(required.to_json(),)))
    assert decide(case, [], [required]).passed is False
    assert decide(case, [made()], []).passed is True


def test_what_differs_from_the_expectation_stands_with_its_call() -> None:
    found = decide(expecting(1), [made(ROME), made('{"city": "Town 1"}')], [])
    assert (found.verdict, found.passed) == ("rejected", False)
    assert [[one["code"] for one in call.findings] for call in found.calls] == [["wrong_count"], []]
    missed = decide(expecting(1), [], [])
    assert [finding.code for finding in missed.findings] == ["missed_call"]


def test_cases_survive_json() -> None:
    case = expecting(3, recorded=recorded(OSLO))
    assert Case.from_json(case.to_json()) == case
