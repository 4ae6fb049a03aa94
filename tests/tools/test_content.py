"""The content layer: what values carry, and what is plausible."""

from __future__ import annotations

import time
from json import dumps
from typing import Any

import pytest

from console.lib import json
from tests.factories import WEATHER
from tests.tools.attacks import ATTACKS, HARMLESS
from tools_registry.policies import PolicySpec, compile_policy
from tools_registry.specs import ToolSpec
from tools_registry.validation import Verdict, validate
from tools_registry.validation.detectors import DETECTORS, plain


def judge(arguments: Any, policy: dict[str, Any] | None = None, **more: Any) -> Verdict:
    compiled = compile_policy(PolicySpec.from_json(policy)) if policy is not None else None
    return validate("get_weather", json.dump(arguments), offered=None, policy=compiled, **more)


def codes(verdict: Verdict) -> list[str]:
    return [finding.code for finding in verdict.findings]


@pytest.mark.parametrize(
    ("code", "text"), [(code, text) for code, texts in ATTACKS.items() for text in texts]
)
def test_an_attack_is_told_at_its_place(code: str, text: str) -> None:
    verdict = judge({"where": {"city": ["Oslo", text]}})
    assert code in codes(verdict)
    assert {finding.pointer for finding in verdict.findings} == {"/where/city/1"}
    assert verdict.value == "flagged"


@pytest.mark.parametrize("text", HARMLESS)
def test_a_harmless_value_is_not(text: str) -> None:
    assert codes(judge({"city": text})) == []


def test_sql_in_a_city_is_flagged_without_any_policy_and_held_back_by_one() -> None:
    arguments = {"city": "DELETE FROM users;--"}
    flagged = judge(arguments)
    assert (flagged.value, codes(flagged)) == ("flagged", ["sql_injection"])
    held = judge(arguments, {"content": {"sql_injection": "rejected"}})
    assert held.value == "rejected"


def test_a_policy_switches_checks_off_and_leaves_places_out() -> None:
    arguments = {"query": "SELECT * FROM users", "note": "<b>x</b>"}
    assert codes(judge(arguments, {"content": {"markup": "off"}})) == ["sql_injection"]
    assert codes(judge(arguments, {"content": {"exclude": ["/query"]}})) == ["markup"]
    off = dict.fromkeys(ATTACKS, "off")
    assert not judge(arguments, {"content": off}).layers[-1].ran


def test_content_is_judged_where_the_schema_is_violated_too() -> None:
    spec = ToolSpec.from_json(WEATHER)
    verdict = validate(
        "get_weather", '{"town": "DELETE FROM users;--"}', offered={"get_weather": spec}
    )
    assert {"missing_required", "unexpected_parameter", "sql_injection"} <= set(codes(verdict))


def test_unreadable_arguments_have_no_content_to_judge() -> None:
    verdict = validate("get_weather", '{"city": "DELETE FROM users;--', offered=None)
    assert codes(verdict) == ["malformed_json"]
    assert [layer.ran for layer in verdict.layers[-2:]] == [False, False]


@pytest.mark.parametrize(
    ("place", "value", "is_plausible"),
    [
        ({"refused": ["the moon", "Mordor"]}, " The  Moon", False),
        ({"refused": ["the moon"]}, "Oslo", True),
        ({"allowed": ["celsius", "fahrenheit"]}, "Celsius", True),
        ({"allowed": ["celsius", "fahrenheit"]}, "kelvin", False),
        ({"allowed": [1, True, None]}, 1, True),
        ({"allowed": [1]}, True, False),
        ({"minimum": -90, "maximum": 60}, -91, False),
        ({"minimum": -90, "maximum": 60}, 60, True),
        ({"maximum": 60}, 60.5, False),
        ({"pattern": "^[A-Z]{3}$"}, "OSL", True),
        ({"pattern": "^[A-Z]{3}$"}, "Oslo", False),
        ({"pattern": "^[A-Z]{3}$"}, 5, True),
        ({"pattern": "x"}, "\ud800", False),
        ({"refused": ["x"]}, ["x"], True),
    ],
)
def test_plausibility_is_what_the_policy_says(
    place: dict[str, Any], value: Any, is_plausible: bool
) -> None:
    compiled = compile_policy(
        PolicySpec.from_json({"plausibility": [{"pointer": "/at/*/city", **place}]})
    )
    text = dumps({"at": [{"city": value}]})
    verdict = validate("get_weather", text, offered=None, policy=compiled)
    found = [(one.code, one.pointer) for one in verdict.findings]
    assert found == ([] if is_plausible else [("implausible_value", "/at/0/city")])


@pytest.mark.parametrize("code", DETECTORS)
def test_a_detector_takes_time_that_grows_with_the_text_alone(code: str) -> None:
    def cost(text: str) -> float:
        began = time.thread_time()
        DETECTORS[code](plain(text))
        return time.thread_time() - began

    for seed in ("' or ", "ignore all ", "<a ", "select a, ", "&#60;", "\u200b", "-- ;", "a'b\""):
        short, long = (min(cost(seed * times) for _ in range(3)) for times in (4_000, 16_000))
        assert long < 4 * 4 * short + 0.05, seed


def test_a_flood_of_hostile_texts_is_cut() -> None:
    verdict = judge({str(number): "DELETE FROM users;--" for number in range(500)})
    assert len(verdict.findings) == 50
