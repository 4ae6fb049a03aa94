"""The lint: each code by its example, its place and its fix; silent about a good definition."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tools_registry import spelling
from tools_registry.lint import CODES, Limits, Problem, lint, lint_toolset, look_alikes, weigh
from tools_registry.lint.edits import edits_of
from tools_registry.lint.parts import walk
from tools_registry.specs import ToolSpec

Schema = dict[str, Any]

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
CITY = {"type": "string", "description": "Its name, for example Oslo"}
GOOD = "Get the current weather of a city. Not for forecasts."


def tool(parameters: Schema | None = None, **fields: Any) -> ToolSpec:
    whole = {"name": "get_weather", "description": GOOD, "parameters": parameters, **fields}
    return ToolSpec.from_json(whole)


def taking(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


def told(spec: ToolSpec, **options: Any) -> list[str]:
    found = lint(spec, dictionary=spelling.dictionary(), **options)
    assert all(problem.tool == spec.name for problem in found)
    return [f"{problem.severity} {problem.code} {problem.pointer}" for problem in found]


def deep(levels: int) -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": {}}
    if levels:
        schema["properties"] = {"n": deep(levels - 1) | {"description": "One more"}}
        schema["required"] = ["n"]
    return schema


STRICT = {"type": "object", "properties": {"city": CITY}}
CASES: dict[str, tuple[ToolSpec, dict[str, Any], list[str]]] = {
    "a good one": (tool(taking(city=CITY)), {}, []),
    "an unknown type": (
        tool(taking(city=CITY | {"type": "str"})),
        {},
        ["error invalid_schema /parameters/properties/city/type"],
    ),
    "a bound of the older draft": (
        tool(taking(n={"description": "How many", "minimum": 1, "exclusiveMinimum": True})),
        {},
        ["error invalid_schema /parameters/properties/n/exclusiveMinimum"],
    ),
    "prefixItems in draft 7": (
        tool({"$schema": DRAFT_7, "type": "object", "prefixItems": [{}]}),
        {},
        ["error other_draft /parameters/prefixItems"],
    ),
    "dependencies in 2020-12": (
        tool({"type": "object", "dependencies": {"a": ["b"]}}),
        {},
        ["error other_draft /parameters/dependencies"],
    ),
    "no description": (tool(description=""), {}, ["error description_missing /name"]),
    "a short one": (tool(description="Weather."), {}, ["warning description_short /description"]),
    "one that says the name": (
        tool(description="Gets the weather using this tool"),
        {},
        ["warning description_empty_words /description"],
    ),
    "an undescribed parameter": (
        tool(taking(city={"type": "string"})),
        {},
        ["warning param_undescribed /parameters/properties/city"],
    ),
    "an undescribed nested one": (
        tool(taking(at=taking(zone={"type": "string"}) | {"description": "Where it is"})),
        {},
        ["warning param_undescribed /parameters/properties/at/properties/zone"],
    ),
    "temprature": (
        tool(taking(temprature=CITY)),
        {},
        ["error param_misspelled /parameters/properties/temprature"],
    ),
    "in camelCase": (
        tool(taking(maxTempratureNow=CITY)),
        {},
        ["error param_misspelled /parameters/properties/maxTempratureNow"],
    ),
    "a slip of the earlier version's name": (
        tool(taking(unitt=CITY)),
        {"previous": tool(taking(unit=CITY))},
        ["error param_misspelled /parameters/properties/unitt"],
    ),
    "another style is no slip": (
        tool(taking(cityName=CITY)),
        {"previous": tool(taking(city_name=CITY))},
        [],
    ),
    "a repaired name": (
        tool(taking(temperature=CITY)),
        {"previous": tool(taking(temprature=CITY))},
        [],
    ),
    "calculatetaz": (
        tool(name="calculatetaz"),
        {"previous": tool(name="calculatetax")},
        ["error tool_misspelled /name"],
    ),
    "a misspelled text": (
        tool(description="Recieve the weather of one city"),
        {},
        ["warning text_misspelled /description"],
    ),
    "values in the text": (
        tool(taking(unit={"type": "string", "description": "One of: celsius, fahrenheit"})),
        {},
        ["warning values_in_text /parameters/properties/unit/description"],
    ),
    "destruction": (tool(name="cancel_flight"), {}, ["note unconfirmed_destruction /name"]),
    "destruction with a confirmation": (
        tool(taking(confirmation_code=CITY), name="cancel_flight"),
        {},
        [],
    ),
    "destruction by annotation": (
        tool(annotations={"destructiveHint": True}),
        {},
        ["note unconfirmed_destruction /name"],
    ),
    "a name with a dot": (tool(name="weather.get"), {}, ["error provider_name /name"]),
    "strict and open": (
        tool(STRICT, strict=True),
        {},
        ["error provider_strict /parameters", "error provider_strict /parameters"],
    ),
    "strict with oneOf": (
        tool({"type": "object", "additionalProperties": False, "oneOf": [{}]}, strict=True),
        {"providers": ["openai"]},
        ["error provider_keyword /parameters/oneOf"],
    ),
    "strict with a length, at Anthropic": (
        tool(
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {"a": CITY | {"maxLength": 9}},
            },
            strict=True,
        ),
        {"providers": ["anthropic"]},
        ["error provider_keyword /parameters/properties/a/maxLength"],
    ),
    "ten levels": (tool(deep(10), strict=True), {"providers": ["openai"]}, []),
    "eleven levels": (
        tool(deep(11), strict=True),
        {"providers": ["openai"]},
        ["error provider_limit /parameters" + "/properties/n" * 11],
    ),
    "a condition, at Gemini": (
        tool({"type": "object", "not": {}}),
        {"providers": ["gemini"]},
        ["error provider_keyword /parameters/not"],
    ),
    "two that are one": (
        tool(taking(city=CITY)),
        {"toolset": [tool(taking(city=CITY), name="fetch_weather_now")]},
        ["warning look_alike /name"],
    ),
    "one thing, two names": (
        tool(taking(city=CITY)),
        {"toolset": [tool(taking(location=CITY), name="book", description="Reserve a table")]},
        ["note other_name /parameters/properties/city"],
    ),
    "a heavy one": (
        tool(description="Rain and wind. " * 300),
        {},
        ["note token_weight "],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_definition_has_its_problems(case: str) -> None:
    spec, options, expected = CASES[case]
    assert told(spec, **options) == expected


def test_many_tools_and_their_weight_are_told_of_the_set() -> None:
    specs = [tool(name=f"t{n}", description=f"{n} " + "rain wind " * 300) for n in range(21)]
    codes = [problem.code for problem in lint_toolset(specs) if not problem.pointer]
    assert codes[:2] == ["too_many_tools", "toolset_weight"]


def test_several_providers_are_asked_together() -> None:
    spec = tool(taking(a={"type": "string", "maxLength": 5}) | {"not": {}}, strict=True)
    both = told(spec, providers=["anthropic", "gemini"])
    assert "error provider_keyword /parameters/properties/a/maxLength" in both
    assert both.count("error provider_keyword /parameters/not") == 2
    assert not any("OpenAI" in problem.message for problem in lint(spec, providers=["gemini"]))


@pytest.mark.parametrize("name", ["calculatetaz", "calculateTaz"])
def test_a_near_miss_of_the_earlier_name_is_right_if_the_project_says_so(name: str) -> None:
    earlier, spec = tool(name="calculatetax"), tool(name=name)
    (slip,) = [p for p in lint(spec, previous=earlier) if p.code == "tool_misspelled"]
    own = spelling.dictionary([word.casefold() for word in slip.words])
    assert "tool_misspelled" not in [p.code for p in lint(spec, previous=earlier, dictionary=own)]


def test_limits_are_those_that_are_given() -> None:
    limits = Limits(most_tools=1, heavy_tool=1, heavy_toolset=1)
    codes = {p.code for p in lint_toolset([tool(name="one"), tool(name="two")], limits=limits)}
    assert {"too_many_tools", "token_weight", "toolset_weight"} <= codes


def test_a_pair_that_a_model_confuses_has_its_reason() -> None:
    pair = [tool(), tool(name="weather_get"), tool(name="pay", description="Charge a credit card")]
    ((one, two, reason),) = look_alikes(pair)
    assert (one, two) == ("get_weather", "weather_get")
    assert "100% alike" in reason


def test_the_weight_is_a_quarter_of_the_characters() -> None:
    assert weigh(ToolSpec("a", "b")) == -(-len('{"name":"a","description":"b"}') // 4)


def test_words_of_the_project_are_right() -> None:
    spec = tool(taking(temprature=CITY))
    assert lint(spec, dictionary=spelling.dictionary(["Temprature"])) == []


def test_without_a_dictionary_nothing_is_misspelled() -> None:
    assert lint(tool(taking(temprature=CITY))) == []


def test_a_schema_without_end_is_told_not_raised() -> None:
    schema: Schema = {}
    for _ in range(3000):
        schema = {"properties": {"a": schema}}
    assert sum(1 for _ in walk(schema)) < 100
    assert "error invalid_schema /parameters" in told(tool(schema))


def fixed(text: str, found: Problem) -> Any:
    """The text after the fix, by the offsets that the browser gets (all of them ASCII here)."""
    assert found.fix is not None
    for edit in sorted(edits_of(text, found.fix, found.fix.pointer), key=lambda e: -e.start):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return json.loads(text)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            tool(taking(temprature=CITY) | {"required": ["temprature"]}),
            tool(taking(temperature=CITY) | {"required": ["temperature"]}),
        ),
        (tool(taking(city=CITY | {"type": "str"})), tool(taking(city=CITY))),
        (
            tool(STRICT | {"required": ["city"]}, strict=True),
            tool(
                {"additionalProperties": False, **STRICT, "required": ["city"]},
                strict=True,
            ),
        ),
    ],
)
def test_a_fix_mends_the_text_and_nothing_else(spec: ToolSpec, expected: ToolSpec) -> None:
    (found,) = lint(spec, dictionary=spelling.dictionary())
    assert fixed(json.dumps(spec.to_json(), indent=2), found) == expected.to_json()


def test_an_edit_counts_as_the_browser_does() -> None:
    text = '{"description": "\U0001f600", "name": "calculatetaz"}'
    spec = ToolSpec.from_json(json.loads(text))
    (found,) = (
        one
        for one in lint(spec, previous=ToolSpec("calculatetax"))
        if one.code == "tool_misspelled"
    )
    assert found.fix is not None
    (edit,) = edits_of(text, found.fix, "/name")
    assert (
        text.encode("utf-16-le")[2 * edit.start : 2 * edit.end].decode("utf-16-le")
        == '"calculatetaz"'
    )


DOCS = (Path(__file__).resolve().parents[2] / "docs" / "lint.md").read_text(encoding="utf-8")


def test_every_code_is_documented_with_its_severity() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", DOCS, re.M))
    assert rows == {code.name: code.severity for code in CODES.values()}
