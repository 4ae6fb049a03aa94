"""Two answers beside each other, and what becomes of a case."""

from __future__ import annotations

import pytest

from conversations.replay.compare import (
    Change,
    Made,
    Trial,
    classify,
    classify_control,
    diff,
    diff_arguments,
    pair_calls,
    signature,
)
from tools_registry.validation.comparison import ABSENT


def weather(arguments: str, name: str = "get_weather") -> Made:
    return Made(name, arguments)


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ('{"a":1,"b":2}', '{"b": 2.0, "a": 1}', []),
        ('{"a":1}', '{"a":2}', [Change("/a", 1, 2)]),
        ('{"a":1}', '{"b":1}', [Change("/a", 1, ABSENT), Change("/b", ABSENT, 1)]),
        ('{"a":{"b":[1,2]}}', '{"a":{"b":[1,3]}}', [Change("/a/b/1", 2, 3)]),
        ('{"a":[1]}', '{"a":[1,2]}', [Change("/a", [1], [1, 2])]),
        ('{"a":1', '{"a":1}', [Change("", '{"a":1', '{"a":1}')]),
        ("oops", "oops", []),
        ('{"a":true}', '{"a":1}', [Change("/a", True, 1)]),
    ],
)
def test_arguments_differ_at_their_pointers(before: str, after: str, changes: list[Change]) -> None:
    assert diff_arguments(weather(before), weather(after)) == changes


def test_changes_say_of_what_kind_they_are() -> None:
    kinds = [one.kind for one in diff_arguments(weather('{"a":1,"c":1}'), weather('{"b":1,"c":2}'))]
    assert sorted(kinds) == ["added", "changed", "removed"]


def test_calls_are_paired_by_name_and_likeness() -> None:
    before = [weather('{"city":"Oslo"}'), weather('{"city":"Rome"}'), Made("search", "{}")]
    after = [
        Made("search", "{}"),
        weather('{"city":"Rome","unit":"c"}'),
        weather('{"city":"Oslo"}'),
    ]
    pairs = pair_calls(before, after)
    assert [(one.before, one.after, one.kind) for one in pairs] == [
        (0, 2, "same"),
        (1, 1, "changed"),
        (2, 0, "same"),
    ]


def test_what_has_no_partner_is_added_or_removed() -> None:
    one, other = [weather("{}")], [weather("{}"), Made("search", '{"q":"x"}')]
    assert [pair.kind for pair in pair_calls(one, other)] == ["same", "added"]
    assert [pair.kind for pair in pair_calls(other, one)] == ["same", "removed"]
    assert [pair.kind for pair in pair_calls([], [])] == []
    (renamed,) = pair_calls([weather("{}")], [Made("get_wether", "{}")])
    assert (renamed.kind, renamed.is_renamed) == ("changed", True)


def test_texts_differ_by_lines_and_do_not_make_a_difference() -> None:
    found = diff([], [], ("It is\nwarm", "It is\ncold"))
    assert found.text == (("same", "It is"), ("removed", "warm"), ("added", "cold"))
    assert found.is_same


def test_the_order_of_keys_and_calls_is_no_difference() -> None:
    one = [weather('{"a":1,"b":2}'), Made("search", "{}")]
    assert signature(one) == signature([Made("search", " {} "), weather('{"b":2,"a":1}')])
    assert signature([weather("oops")]) != signature([weather("{}")])


OSLO, ROME = (weather('{"city":"Oslo"}'),), (weather('{"city":"Rome"}'),)
PASS, FAIL, OPEN = Trial(True, OSLO), Trial(False, OSLO), Trial(None, OSLO)


@pytest.mark.parametrize(
    ("control", "variant", "kind"),
    [
        ([FAIL] * 3, [PASS] * 3, "fixed"),
        ([FAIL, PASS], [PASS] * 2, "fixed"),
        ([FAIL] * 3, [FAIL] * 3, "still_failing"),
        ([FAIL, PASS], [FAIL], "still_failing"),
        ([PASS] * 3, [FAIL] * 3, "newly_broken"),
        ([OPEN], [FAIL], "newly_broken"),
        ([PASS] * 3, [PASS, FAIL, PASS], "flaky"),
        ([FAIL] * 3, [PASS, FAIL], "flaky"),
        ([PASS], [PASS, OPEN], "same"),
        ([PASS], [Trial(True, ROME)], "changed"),
        ([OPEN], [OPEN], "same"),
        ([OPEN], [Trial(None, ())], "changed"),
        ([], [PASS], None),
        ([PASS], [], None),
    ],
)
def test_a_case_is_classed(control: list[Trial], variant: list[Trial], kind: str | None) -> None:
    assert classify(control, variant) == kind


@pytest.mark.parametrize(
    ("trials", "calls", "kind"),
    [
        ([FAIL] * 2, OSLO, "still_failing"),
        ([PASS, FAIL], OSLO, "flaky"),
        ([PASS], OSLO, "same"),
        ([PASS], ROME, "changed"),
        ([OPEN], None, "same"),
        ([], OSLO, None),
    ],
)
def test_the_control_is_classed_against_the_recording(
    trials: list[Trial], calls: tuple[Made, ...] | None, kind: str | None
) -> None:
    assert classify_control(trials, calls) == kind
