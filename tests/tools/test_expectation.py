"""What was called against what should have been: each code, each form, each rule of comparing."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools_registry.specs import ToolSpec
from tools_registry.validation.expectation import (
    MOST_PAIRED,
    CallMade,
    Expectation,
    Finding,
    Judgement,
    judge,
)
from tools_registry.validation.pairing import align, assign

TOOLS = {name: ToolSpec(name) for name in ("get_weather", "get_forecast", "cancel_subscription")}
PORTO = {"name": "get_weather", "arguments": {"city": "Porto"}}
LISBON = {"name": "get_weather", "arguments": {"city": "Lisbon"}}
CANCEL = {"name": "cancel_subscription"}


def made(*calls: tuple[str, Any]) -> list[CallMade]:
    return [CallMade(name, arguments) for name, arguments in calls]


def weigh(expected: Any, *calls: tuple[str, Any]) -> Judgement:
    return judge(made(*calls), Expectation.from_json(expected), TOOLS)


def codes(judgement: Judgement) -> tuple[list[list[str]], list[str]]:
    calls = [[finding.code for finding in found] for found in judgement.calls]
    return calls, [finding.code for finding in judgement.turn]


def only(judgement: Judgement) -> Finding:
    assert len(judgement.findings) == 1, judgement.findings
    return judgement.findings[0]


@pytest.mark.parametrize(
    ("expected", "calls", "of_calls", "of_turn"),
    [
        ([PORTO], [("get_weather", {"city": "Porto"})], [[]], []),
        ([PORTO], [("get_weather", '{"city": "Porto"}')], [[]], []),
        ([PORTO], [("get_weather", {"city": "Lisbon"})], [["wrong_arguments"]], []),
        ([PORTO], [("get_weather", '{"city": "Po')], [["wrong_arguments"]], []),
        ([PORTO], [("get_forecast", {"city": "Porto"})], [["wrong_tool"]], []),
        ([PORTO], [], [], ["missed_call"]),
        ([PORTO, LISBON], [], [], ["missed_call", "missed_call"]),
        ([PORTO, LISBON], [("get_weather", {"city": "Lisbon"})], [[]], ["wrong_count"]),
        (
            [PORTO],
            [("get_weather", {"city": "Lisbon"}), ("get_weather", {"city": "Porto"})],
            [["wrong_count"], []],
            [],
        ),
        ([], [], [], []),
        ([], [("get_weather", {}), ("nonsense", {})], [["needless_call"], ["needless_call"]], []),
        (None, [("nonsense", "{")], [[]], []),
        (None, [], [], ["missed_call"]),
        ([CANCEL], [("cancel_subscription", {"any": "thing"})], [[]], []),
        ([CANCEL], [("cancel_subscription", "{")], [[]], []),
    ],
)
def test_each_code_stands_where_it_belongs(
    expected: Any, calls: list[Any], of_calls: list[list[str]], of_turn: list[str]
) -> None:
    assert codes(weigh({"calls": expected}, *calls)) == (of_calls, of_turn)


@pytest.mark.parametrize(
    ("expected", "arguments", "pointers"),
    [
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": Decimal(1)}, []),
        ({"a": 1}, {"a": True}, ["/a"]),
        ({"a": 0}, {"a": None}, ["/a"]),
        ({"a": "x"}, {"a": "X"}, ["/a"]),
        ({"a": "1"}, {"a": 1}, ["/a"]),
        ({"a": [1, 2]}, {"a": [1, 3]}, ["/a/1"]),
        ({"a": [1, 2]}, {"a": [1]}, ["/a"]),
        ({"a": {"b/c": 1, "d": 2}}, {"a": {"b/c": 2, "e": 2}}, ["/a/b~1c", "/a/d", "/a/e"]),
        ({"a": {}}, {"a": []}, ["/a"]),
        ({}, {"a": 1}, ["/a"]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
    ],
)
def test_exact_arguments_are_equal_as_json(
    expected: Any, arguments: Any, pointers: list[str]
) -> None:
    judgement = weigh(
        {"calls": [{"name": "get_weather", "arguments": expected}]}, ("get_weather", arguments)
    )
    assert [finding.pointer for finding in judgement.findings] == pointers


@pytest.mark.parametrize(
    ("sets", "arguments", "pointers"),
    [
        ({"city": ["Porto"]}, {"city": "PORTO."}, []),
        ({"day": ["April 1, 2024"]}, {"day": "april 1 2024"}, []),
        ({"text": ["it's"]}, {"text": 'it"s'}, []),
        ({"city": ["Porto"]}, {"city": "Lisbon"}, ["/city"]),
        ({"unit": ["celsius", ""]}, {}, []),
        ({"unit": ["celsius"]}, {}, ["/unit"]),
        ({}, {"unit": "celsius"}, ["/unit"]),
        ({"days": [1, 2]}, {"days": 2.0}, []),
        ({"on": [True]}, {"on": 1}, ["/on"]),
        ({"list": [["A b", 2]]}, {"list": ["ab", 2]}, []),
        ({"list": [["a", "b"]]}, {"list": ["b", "a"]}, ["/list"]),
        ({"at": [{"city": ["a", "b"], "zip": ["4000", ""]}]}, {"at": {"city": "B"}}, []),
        (
            {"at": [{"city": ["a"], "zip": ["4", ""]}]},
            {"at": {"zip": "1"}},
            ["/at/city", "/at/zip"],
        ),
        ({"place": [{"city": ["Porto"]}, {"zip": ["1"]}]}, {"place": {}}, ["/place"]),
        ({"rows": [[{"id": [1]}, {"id": [2]}]]}, {"rows": [{"id": 1}, {"id": 2}]}, []),
        ({"rows": [[{"id": [1]}, {"id": [2]}]]}, {"rows": [{"id": 2}, {"id": 1}]}, ["/rows"]),
    ],
)
def test_acceptable_values_are_compared_as_bfcl_does(
    sets: Any, arguments: Any, pointers: list[str]
) -> None:
    judgement = weigh({"acceptable": [{"get_weather": sets}]}, ("get_weather", arguments))
    assert [finding.pointer for finding in judgement.findings] == pointers


def test_a_difference_says_what_was_expected_and_given() -> None:
    finding = only(weigh({"calls": [PORTO]}, ("get_weather", {"city": "Lisbon"})))
    assert finding.message == '/city is "Lisbon"; expected "Porto"'
    assert finding.detail == {"expected": "Porto", "given": "Lisbon"}
    assert finding.severity == "rejected" and finding.layer == "expectation"
    absent = only(weigh({"calls": [PORTO]}, ("get_weather", {})))
    assert absent.message == '/city is absent; expected "Porto"'
    assert absent.detail == {"expected": "Porto"}
    sets = {"acceptable": [{"get_weather": {"unit": ["c", "f", ""]}}]}
    choice = only(weigh(sets, ("get_weather", {"unit": "k"})))
    assert choice.message == '/unit is "k"; expected one of "c", "f"'


def test_long_values_are_cut() -> None:
    finding = only(weigh({"calls": [PORTO]}, ("get_weather", {"city": "x" * 100_000})))
    assert len(finding.message) < 1000 and finding.detail == {"expected": "Porto"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("get_forecast", "listed"), ("get_weathers", "invented"), ("", "invented")],
)
def test_an_invented_tool_is_told_from_a_listed_one(name: str, kind: str) -> None:
    finding = only(weigh({"calls": [PORTO]}, (name, {"city": "Porto"})))
    assert (finding.code, finding.detail["kind"]) == ("wrong_tool", kind)
    assert finding.suggestion == "get_weather"
    assert ("No tool of this turn" in finding.message) == (kind == "invented")
    unknown = only(judge(made((name, {})), Expectation.from_json({"calls": [PORTO]})))
    assert unknown.detail["kind"] == "unknown"


def test_the_nearest_pair_gives_the_reason() -> None:
    near = {"name": "get_weather", "arguments": {"city": "Oslo", "unit": "c", "days": 3}}
    judgement = weigh(
        {"calls": [PORTO, near]},
        ("get_weather", {"city": "Oslo", "unit": "f", "days": 3}),
        ("cancel_subscription", {}),
    )
    assert codes(judgement) == ([["wrong_arguments"], ["wrong_tool"]], [])
    assert judgement.calls[0][0].pointer == "/unit"
    assert judgement.calls[1][0].detail["expected"] == "get_weather"


def test_a_pairing_is_found_where_taking_the_first_fit_finds_none() -> None:
    sets = [{"get_weather": {"city": ["Porto", "Lisbon"]}}, {"get_weather": {"city": ["Porto"]}}]
    calls = [("get_weather", {"city": "Porto"}), ("get_weather", {"city": "Lisbon"})]
    for order in permutations(calls):
        assert weigh({"acceptable": sets}, *order).findings == ()


def test_a_strict_order_is_kept() -> None:
    expected = {"calls": [PORTO, CANCEL], "order": "strict"}
    right = [("get_weather", {"city": "Porto"}), ("cancel_subscription", {})]
    assert weigh(expected, *right).findings == ()
    turned = weigh(expected, *right[::-1])
    assert codes(turned) == ([["wrong_tool"], ["wrong_tool"]], [])
    assert turned.calls[0][0].message.endswith("at this place")
    assert weigh({**expected, "order": "any"}, *right[::-1]).findings == ()


def test_a_strict_order_with_a_gap_blames_the_gap_alone() -> None:
    expected = {"calls": [PORTO, CANCEL, LISBON], "order": "strict"}
    calls = [("get_weather", {"city": "Porto"}), ("get_weather", {"city": "Lisbon"})]
    judgement = weigh(expected, *calls)
    assert codes(judgement) == ([[], []], ["wrong_count"])
    assert judgement.turn[0].detail["missing"] == ["cancel_subscription"]
    more = [calls[0], ("get_forecast", {}), ("cancel_subscription", {}), calls[1]]
    assert codes(weigh(expected, *more)) == ([[], ["wrong_count"], [], []], [])


def test_more_calls_than_can_be_paired_are_taken_in_order() -> None:
    calls = [("get_weather", {"city": "Porto"})] * (MOST_PAIRED + 1)
    judgement = weigh({"calls": [PORTO]}, *calls)
    assert judgement.calls[0] == ()
    assert all(found[0].code == "wrong_count" for found in judgement.calls[1:])


def test_arguments_nested_too_deep_are_told() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = {"a": deep}
    sets = {"acceptable": [{"get_weather": {"city": ["Porto"]}}]}
    assert {f.code for f in weigh(sets, ("get_weather", {"city": deep})).findings} == {
        "wrong_arguments"
    }
    assert {f.code for f in weigh({"calls": [PORTO]}, ("get_weather", deep)).findings} == {
        "wrong_arguments"
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("get_weather", "An expectation is an object"),
        ({}, "An expectation is an object"),
        ({"calls": "get_weather"}, "an array, or null"),
        ({"calls": [{"arguments": {}}]}, 'with a "name"'),
        ({"calls": [{"name": "x", "arguments": [1]}]}, "are no object"),
        ({"calls": [{"name": "x", "arguments": "{"}]}, "not JSON"),
        ({"calls": [{"name": "x", "acceptable": {"a": 1}}]}, "no object of arrays"),
        ({"acceptable": {"x": {}}}, "is an array"),
        ({"acceptable": [{"x": {}, "y": {}}]}, "is an array"),
        ({"acceptable": [{"x": {"a": "b"}}]}, "no object of arrays"),
    ],
)
def test_an_unreadable_expectation_says_why(data: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Expectation.from_json(data)


@pytest.mark.parametrize(
    "data",
    [
        {"calls": None},
        {"calls": []},
        {"calls": [PORTO, CANCEL], "order": "strict"},
        {"calls": [{"name": "x", "acceptable": {"a": [1, ""]}}]},
    ],
)
def test_an_expectation_survives_its_json(data: Any) -> None:
    assert Expectation.from_json(data).to_json() == data


CITIES = st.sampled_from(["Porto", "Lisbon", "Oslo"])
ARGUMENTS = st.fixed_dictionaries({"city": CITIES}, optional={"days": st.integers(1, 2)})
CALLS = st.lists(st.tuples(st.sampled_from([*TOOLS, "invented"]), ARGUMENTS), max_size=5)
EXPECTED = st.lists(
    st.builds(lambda name, a: {"name": name, "arguments": a}, st.sampled_from([*TOOLS]), ARGUMENTS),
    max_size=5,
)


@given(calls=CALLS, expected=EXPECTED, data=st.data())
def test_the_order_of_calls_does_not_matter_where_any_will_do(
    calls: list[Any], expected: list[Any], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(calls))
    one, other = weigh({"calls": expected}, *calls), weigh({"calls": expected}, *shuffled)
    assert tally(one) == tally(other)


def tally(judgement: Judgement) -> Counter[str]:
    return Counter(str(finding.to_json()) for finding in judgement.findings)


@given(expected=EXPECTED, data=st.data())
def test_what_was_expected_is_right_in_any_order(expected: list[Any], data: st.DataObject) -> None:
    calls = [(call["name"], call["arguments"]) for call in data.draw(st.permutations(expected))]
    assert weigh({"calls": expected}, *calls).findings == ()


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(st.integers(0, 5), min_size=width, max_size=width), min_size=1, max_size=4
        )
    )
)
def test_pairs_cost_the_least(costs: list[list[int]]) -> None:
    rows, columns = range(len(costs)), range(len(costs[0]))
    size = min(len(rows), len(columns))

    def cost(pairs: Any) -> int:
        return sum(costs[row][column] for row, column in pairs)

    every = [
        list(zip(some, others, strict=True))
        for some in permutations(rows, size)
        for others in permutations(columns, size)
    ]
    kept = [p for p in every if all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(p))]
    for pairs, options in ((assign(costs), every), (align(costs), kept)):
        assert len(pairs) == len(set(pairs.values())) == size
        assert cost(pairs.items()) == min(map(cost, options))
    assert sorted(align(costs).values()) == [align(costs)[row] for row in sorted(align(costs))]
