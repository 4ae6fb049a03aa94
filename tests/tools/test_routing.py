"""Which tools a router offers, and how well it would have served recorded inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tools_registry.routing import BadRouter, RouterSpec, pick, route
from tools_registry.routing.assessment import (
    NO_CALL,
    NO_GROUP,
    NOTHING,
    Case,
    assess,
    differing,
    tell_share,
)
from tools_registry.routing.classifier import ask, read_scores
from tools_registry.routing.spec import Classifier, Group

TOOLS = ["get_weather", "get_forecast", "pay_invoice", "cancel_subscription", "help"]
GROUPS = [
    {"name": "weather", "tools": ["get_weather", "get_forecast"]},
    {"name": "billing", "tools": ["pay_invoice"]},
]
KEYWORDS = [
    {"words": ["weather", "rain*", "wind chill"], "groups": ["weather"]},
    {"words": ["invoice"], "groups": ["billing"]},
    {"words": ["cancel*"], "tools": ["cancel_subscription"]},
]


def make(**more: Any) -> RouterSpec:
    return RouterSpec.from_json({"groups": GROUPS, "keywords": KEYWORDS, **more})


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("What is the Weather in Oslo?", ["get_weather", "get_forecast", "help"]),
        ("will it be raining", ["get_weather", "get_forecast", "help"]),
        ("how bad is the wind   chill", ["get_weather", "get_forecast", "help"]),
        ("the chill wind", TOOLS),
        ("whether or not", TOOLS),
        ("pay my invoice, it rains", ["get_weather", "get_forecast", "pay_invoice", "help"]),
        ("cancel the invoice", ["pay_invoice", "cancel_subscription", "help"]),
        ("cancelling my plans", TOOLS),
        ("", TOOLS),
    ],
)
def test_words_open_groups(text: str, offered: list[str]) -> None:
    spec = make()
    assert pick(spec, route(spec, text), TOOLS) == offered


@pytest.mark.parametrize(
    ("more", "offered"),
    [
        ({"otherwise": "none"}, ["help"]),
        ({"otherwise": "billing"}, ["pay_invoice", "help"]),
        ({"otherwise": "none", "ungrouped": "hold"}, []),
        ({"otherwise": "none", "ungrouped": "hold", "always": ["help"]}, ["help"]),
    ],
)
def test_an_input_that_fits_nothing_gets_what_is_said(
    more: dict[str, Any], offered: list[str]
) -> None:
    spec = make(**more)
    assert pick(spec, route(spec, "good morning"), TOOLS) == offered


def classify(classifier: Classifier, groups: Sequence[Group], text: str) -> Mapping[str, float]:
    return {"weather": 0.44, "billing": 0.52}


def test_a_classifier_names_the_best_groups() -> None:
    spec = make(classifier={"connection": "local"}, otherwise="none")
    decision = route(spec, "bike to work", classify)
    assert decision.intent == "billing"
    assert pick(spec, decision, TOOLS) == ["pay_invoice", "help"]
    two = make(classifier={"connection": "local", "most": 2, "least": 0.4}, otherwise="none")
    assert [chosen.group for chosen in route(two, "x", classify).groups] == ["billing", "weather"]


def test_a_word_adds_its_tool_whatever_the_classifier_says() -> None:
    spec = make(classifier={"connection": "local"})
    decision = route(spec, "cancel it", classify)
    assert pick(spec, decision, TOOLS) == ["pay_invoice", "cancel_subscription", "help"]
    assert decision.added[0].word == "cancel*"


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"otherwise": "wether"}, "/otherwise"),
        ({"keywords": [{"words": ["a"], "groups": ["nope"]}]}, "/keywords/0/groups/0"),
        ({"keywords": [{"words": ["a"]}]}, "/keywords/0"),
        ({"keywords": [{"words": ["***"], "tools": ["a"]}]}, "/keywords/0/words/0"),
        ({"groups": [*GROUPS, {"name": "weather"}]}, "/groups/0/name"),
        ({"colour": 1}, "/colour"),
        ({"groups": [], "keywords": [], "classifier": {"connection": "x"}}, "/classifier"),
    ],
)
def test_a_router_that_cannot_be_used_is_refused_at_its_place(
    more: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(BadRouter) as refused:
        make(**more)
    assert refused.value.problems[0].pointer == pointer


def case(number: int, text: str, *needed: str) -> Case:
    return Case(str(number), text, tuple(TOOLS), needed)


def test_an_assessment_counts_what_was_offered_confused_and_saved() -> None:
    cases = [
        case(1, "weather", "get_weather"),
        case(2, "weather for my invoice?", "get_weather"),
        case(3, "invoice", "get_weather"),
        case(4, "thanks"),
        case(5, "please help with weather", "help"),
    ]
    found = assess(make(), cases, dict.fromkeys(TOOLS, 100))
    assert found.served == (3, 4)
    assert [routed.case.id for routed in found.cases if routed.missed] == ["3"]
    assert found.confused == (1, 3)
    assert found.matrix[("weather", "billing")] == 1
    assert found.matrix[(NO_CALL, NOTHING)] == 1
    assert found.matrix[(NO_GROUP, "weather")] == 1
    assert found.weights == (2500, 300 + 400 + 200 + 500 + 300)


def test_two_routers_differ_in_the_cases_where_they_offer_other_tools() -> None:
    cases = [case(1, "weather", "get_weather"), case(2, "bill", "pay_invoice")]
    new = make(keywords=[*KEYWORDS, {"words": ["bill*"], "groups": ["billing"]}])
    changed = differing(assess(make(), cases, {}), assess(new, cases, {}))
    assert [(one.case.id, one.tools, two.tools) for one, two in changed] == [
        ("2", tuple(TOOLS), ("pay_invoice", "help"))
    ]


@pytest.mark.parametrize(
    ("answer", "scores"),
    [
        ('{"weather": 0.9}', {"weather": 0.9, "billing": 0.0}),
        ('```json\n{"Billing": 7, "other": 1}\n```', {"weather": 0.0, "billing": 1.0}),
        ("weather.", {"weather": 1.0, "billing": 0.0}),
    ],
)
def test_a_classifiers_answer_is_read(answer: str, scores: dict[str, float]) -> None:
    assert read_scores(answer, make().groups) == scores


@pytest.mark.parametrize(
    "answer", ["", "I would say it is about taxes", '{"weather": true}', "{{{"]
)
def test_an_answer_that_names_no_group_is_an_error(answer: str) -> None:
    with pytest.raises(ValueError, match="names no group"):
        read_scores(answer, make().groups)


def test_a_classifier_is_given_the_end_of_a_long_input() -> None:
    messages = ask(Classifier(connection="local"), make().groups, "x" * 9_000 + "weather")
    assert len(messages[1]["content"]) == 8_000
    assert messages[1]["content"].endswith("weather")
    assert '"weather": tools get_weather, get_forecast' in messages[0]["content"]


def test_a_share_tells_its_base_and_its_interval() -> None:
    assert tell_share(12, 340) == "12 of 340 (3.5%, 95% CI 2.0–6.1)"
    assert tell_share(0, 0) == "no case"
