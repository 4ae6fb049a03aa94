"""What a variant makes of a case's request, and what a replay will take."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from conversations.replay.cases import Recorded
from conversations.replay.composition import compose
from conversations.replay.plan import estimate
from conversations.replay.variants import AS_RECORDED, BadVariant, Variant
from tests.replay.making import MISSPELT, TOOL, make_case

OTHER: dict[str, Any] = {
    "type": "function",
    "function": {"name": "search", "parameters": {"type": "object", "properties": {}}},
}
ANTHROPIC = {"name": "get_weather", "description": "x", "input_schema": {"type": "object"}}
SYSTEM = {"role": "system", "content": "Be kind."}


@pytest.mark.parametrize(
    ("variant", "names"),
    [
        (AS_RECORDED, ["get_weather", "search"]),
        (Variant("v", removed=["search"]), ["get_weather"]),
        (Variant("v", added=[1]), ["get_weather", "search", "lookup"]),
        (Variant("v", toolset=[OTHER]), ["search"]),
        (Variant("v", toolset=[], added=[TOOL]), ["get_weather"]),
        (Variant("v", replaced={"search": 1}), ["get_weather", "lookup"]),
        (Variant("v", replaced={"absent": 1}), ["get_weather", "search"]),
    ],
)
def test_tools_are_those_of_the_variant(variant: Variant, names: list[str]) -> None:
    versions = {1: {"type": "function", "function": {"name": "lookup"}}}
    case = make_case(tools=[TOOL, OTHER])
    assert compose(case, variant, versions).names == names


def test_a_replacement_is_sent_and_judged_by() -> None:
    composed = compose(make_case(), Variant("v", replaced={"get_weather": MISSPELT}), {})
    assert composed.ask("m").tools == [MISSPELT]
    spec = composed.specs["get_weather"]
    assert spec and spec.parameters and spec.parameters["required"] == ["citty"]


def test_another_dialect_is_sent_as_chat() -> None:
    (sent,) = compose(make_case(tools=[ANTHROPIC]), AS_RECORDED, {}).ask("m").tools
    assert sent["function"]["name"] == "get_weather" and "input_schema" not in sent["function"]


@pytest.mark.parametrize(
    ("prompt", "first"),
    [(None, SYSTEM), ("Be terse.", {"role": "system", "content": "Be terse."}), ("", None)],
)
def test_the_system_prompt_is_replaced(prompt: str | None, first: Any) -> None:
    case = make_case(messages=[SYSTEM, {"role": "user", "content": "Hello"}])
    messages = compose(case, Variant("v", system_prompt=prompt), {}).messages
    assert messages[0] == (first or {"role": "user", "content": "Hello"})
    assert len(messages) == (2 if first else 1)


def test_parameters_are_merged_and_streaming_is_the_variants() -> None:
    case = make_case(parameters={"temperature": 1, "seed": 3, "stream": True, "n": 2})
    composed = compose(case, Variant("v", parameters={"temperature": 0, "seed": None}), {})
    assert (dict(composed.parameters), composed.stream) == ({"temperature": 0}, False)
    assert compose(case, Variant("v", parameters={"stream": True}), {}).stream


@pytest.mark.parametrize(
    ("choice", "removed", "sent"),
    [
        ("auto", [], "auto"),
        ({"type": "any"}, [], "required"),
        ({"type": "tool", "name": "search"}, [],
         {"type": "function", "function": {"name": "search"}}),
        ({"type": "function", "function": {"name": "search"}}, ["search"], "auto"),
        ("required", ["search", "get_weather"], None),
    ],
)  # fmt: skip
def test_tool_choice_fits_what_is_offered(choice: Any, removed: list[str], sent: Any) -> None:
    case = make_case(tools=[TOOL, OTHER], parameters={"tool_choice": choice})
    assert compose(case, Variant("v", removed=removed), {}).ask("m").tool_choice == sent


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ([], "is an object"),
        ({"name": " "}, "Give the variant a name"),
        ({"name": "v", "prompt": "x"}, "prompt is nothing that a variant changes"),
        ({"name": "v", "removed": "x"}, "an array of tool names"),
    ],
)
def test_a_variant_that_cannot_be_read_says_why(data: Any, problem: str) -> None:
    with pytest.raises(BadVariant, match=problem):
        Variant.from_json(data)


def test_variants_survive_json() -> None:
    variant = Variant("v", replaced={"a": 1}, system_prompt="", parameters={"seed": None})
    assert Variant.from_json(variant.to_json()) == variant
    assert not variant.is_unchanged and Variant("Again").is_unchanged


def test_an_estimate_goes_by_what_was_recorded() -> None:
    known = make_case(recorded=Recorded(input_tokens=1000, output_tokens=50))
    guessed = make_case(1)
    told = estimate(
        [known, guessed], [Variant("v")], 3, price=lambda case, *_: _price(case is known)
    )
    assert (told.outcomes, told.calls, told.guessed, told.unpriced) == (12, 12, 1, 6)
    assert told.dollars == Decimal("0.06") and told.output_tokens == 6 * 50 + 6 * 100
    assert told.input_tokens > 6000
    assert estimate([known], [], 3, mode="no_model").calls == 0


def _price(is_priced: bool) -> Decimal | None:
    return Decimal("0.01") if is_priced else None


def test_a_conversation_is_estimated_by_its_rounds() -> None:
    said = [{"role": "assistant", "content": "x" * 400}, {"role": "user", "content": "y" * 400}]
    rest = (*said, said[0])
    case = make_case(recorded=Recorded(input_tokens=100, output_tokens=10, rest=rest))
    told = estimate([case], [], 1, mode="conversation")
    assert told.calls == 2 and told.input_tokens > 100 + 300
