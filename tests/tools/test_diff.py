"""The semantic diff: each change has its class, its code and its place."""

from __future__ import annotations

from typing import Any

import pytest

from tools_registry.diff import CODES, compare
from tools_registry.specs import ToolSpec

Schema = dict[str, Any]


def closed(properties: Schema, *required: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def told(old: Schema | None, new: Schema | None, field: str = "parameters") -> list[str]:
    """Each change in one line: class, code, pointer within the schema."""
    before, after = (ToolSpec("t", "d", **{field: schema}) for schema in (old, new))
    changes = compare(before, after)
    assert all(change.what in CODES and change.reason for change in changes)
    return [
        f"{change.kind} {change.what} {change.pointer.removeprefix('/' + field)}"
        for change in changes
    ]


CITY = {"type": "string"}
UNIT = {"enum": ["celsius", "fahrenheit"]}

PARAMETERS: dict[str, tuple[Schema, Schema, list[str]]] = {
    "nothing": (closed({"a": CITY}), closed({"a": CITY}), []),
    "key order and number spelling": (
        {"type": "integer", "minimum": 1},
        {"minimum": 1.0, "type": "integer"},
        [],
    ),
    "a misspelled new name": (
        closed({"city": CITY, "temperature": UNIT}, "city", "temperature"),
        closed({"city": CITY, "temprature": UNIT}, "city", "temprature"),
        ["breaking parameter_renamed /properties/temprature"],
    ),
    "a name in another style": (
        closed({"cityName": CITY}),
        closed({"city_name": {**CITY, "description": "A city"}}),
        ["breaking parameter_renamed /properties/city_name"],
    ),
    "a near name with another schema is no rename": (
        closed({"city": CITY}),
        closed({"citys": {"type": "array", "items": CITY}}),
        [
            "breaking parameter_removed /properties/city",
            "compatible parameter_added /properties/citys",
        ],
    ),
    "a removal": (
        closed({"a": CITY, "b": CITY}),
        closed({"a": CITY}),
        ["breaking parameter_removed /properties/b"],
    ),
    "a removal from an open object": (
        {"type": "object", "properties": {"a": CITY}},
        {"type": "object", "properties": {}},
        ["breaking parameter_removed /properties/a"],
    ),
    "an optional parameter of a closed object": (
        closed({}),
        closed({"a": CITY}),
        ["compatible parameter_added /properties/a"],
    ),
    "an optional parameter of an open object": (
        {"type": "object"},
        {"type": "object", "properties": {"a": CITY}},
        ["breaking parameter_added /properties/a"],
    ),
    "an optional parameter of any value": (
        {"type": "object"},
        {"type": "object", "properties": {"a": {"description": "Anything"}}},
        ["compatible parameter_added /properties/a"],
    ),
    "a new required parameter": (
        closed({}),
        closed({"a": CITY}, "a"),
        ["breaking parameter_added /properties/a"],
    ),
    "an optional one required": (
        closed({"a": CITY}),
        closed({"a": CITY}, "a"),
        ["breaking parameter_required /required"],
    ),
    "a required one optional": (
        closed({"a": CITY}, "a"),
        closed({"a": CITY}),
        ["compatible parameter_optional /required"],
    ),
    "closed": (
        {"type": "object", "properties": {"a": CITY}},
        {"type": "object", "properties": {"a": CITY}, "additionalProperties": False},
        ["breaking closed /additionalProperties"],
    ),
    "opened": (
        {"type": "object", "additionalProperties": False},
        {"type": "object"},
        ["compatible opened /additionalProperties"],
    ),
    "number to integer": (
        {"type": "number"},
        {"type": "integer"},
        ["breaking type_changed /type"],
    ),
    "integer to number": (
        {"type": "integer"},
        {"type": "number"},
        ["compatible type_changed /type"],
    ),
    "null allowed": (
        {"type": "string"},
        {"type": ["string", "null"]},
        ["compatible type_changed /type"],
    ),
    "null allowed by anyOf": (
        {"type": "string"},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        ["compatible alternative_added /anyOf"],
    ),
    "types as anyOf": (
        {"type": ["string", "null"]},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        [],
    ),
    "a value less": (
        {"enum": ["a", "b"]},
        {"enum": ["a"]},
        ["breaking values_changed /enum"],
    ),
    "a value more": (
        {"enum": ["a"]},
        {"enum": ["a", "b"]},
        ["compatible values_changed /enum"],
    ),
    "free text limited": (
        {"type": "string"},
        {"type": "string", "enum": ["a"]},
        ["breaking values_changed /enum"],
    ),
    "a bound that all listed values keep": (
        {"type": "string", "enum": ["ab", "abc"]},
        {"type": "string", "enum": ["ab", "abc"], "maxLength": 3},
        ["compatible range_changed /maxLength"],
    ),
    "a lower maximum": (
        {"type": "integer", "maximum": 9},
        {"type": "integer", "maximum": 5},
        ["breaking range_changed /maximum"],
    ),
    "a higher maximum": (
        {"type": "integer", "maximum": 5},
        {"type": "integer", "maximum": 9},
        ["compatible range_changed /maximum"],
    ),
    "a bound that excludes itself": (
        {"type": "number", "minimum": 0},
        {"type": "number", "exclusiveMinimum": 0},
        ["breaking range_changed /exclusiveMinimum"],
    ),
    "a shorter text": (
        {"type": "string"},
        {"type": "string", "maxLength": 80},
        ["breaking range_changed /maxLength"],
    ),
    "a length where no text can be": (
        {"type": "integer"},
        {"type": "integer", "maxLength": 80},
        ["compatible range_changed /maxLength"],
    ),
    "a coarser multiple": (
        {"type": "integer", "multipleOf": 2},
        {"type": "integer", "multipleOf": 4},
        ["breaking multiple_changed /multipleOf"],
    ),
    "a pattern": (
        {"type": "string"},
        {"type": "string", "pattern": "^a"},
        ["breaking pattern_changed /pattern"],
    ),
    "another pattern": (
        {"type": "string", "pattern": "^a"},
        {"type": "string", "pattern": "^[ab]"},
        ["breaking pattern_changed /pattern"],
    ),
    "no pattern": (
        {"type": "string", "pattern": "^a"},
        {"type": "string"},
        ["compatible pattern_changed /pattern"],
    ),
    "nested": (
        closed({"a": closed({"b": {"type": "integer", "maximum": 5}})}),
        closed({"a": closed({"b": {"type": "integer", "maximum": 4}})}),
        ["breaking range_changed /properties/a/properties/b/maximum"],
    ),
    "items": (
        {"type": "array", "items": {"type": "number"}},
        {"type": "array", "items": {"type": "integer"}},
        ["breaking type_changed /items/type"],
    ),
    "items by place": (
        {"type": "array", "prefixItems": [CITY]},
        {"type": "array", "prefixItems": [CITY, {"type": "integer"}]},
        ["breaking type_changed /prefixItems/1/type"],
    ),
    "a definition inlined": (
        {"$ref": "#/$defs/a", "$defs": {"a": CITY}},
        {"type": "string"},
        [],
    ),
    "a definition narrowed": (
        {"$defs": {"a": {"type": "number"}}, "properties": {"x": {"$ref": "#/$defs/a"}}},
        {"$defs": {"a": {"type": "integer"}}, "properties": {"x": {"$ref": "#/$defs/a"}}},
        ["breaking type_changed /properties/x/type"],
    ),
    "a definition that holds itself": (
        {"$ref": "#/$defs/n", "$defs": {"n": closed({"next": {"$ref": "#/$defs/n"}})}},
        {"$ref": "#/$defs/n", "$defs": {"n": closed({"next": {"$ref": "#/$defs/n"}, "v": CITY})}},
        ["compatible parameter_added /properties/v"],
    ),
    "an alternative less": (
        {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        {"anyOf": [{"type": "string"}]},
        ["breaking alternative_removed /anyOf"],
    ),
    "alternatives in another order": (
        {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        [],
    ),
    "an alternative more, one at a time": (
        {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        {"oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
        ["compatible alternative_added /oneOf"],
    ),
    "alternatives that overlap": (
        {"oneOf": [{"type": "integer"}]},
        {"oneOf": [{"type": "integer"}, {"type": "number"}]},
        ["breaking schema_changed /oneOf"],
    ),
    "a condition": (
        {"type": "object"},
        {"type": "object", "if": {"required": ["a"]}, "then": {"required": ["b"]}},
        ["breaking condition_changed /if"],
    ),
    "words": (
        {"type": "string", "description": "A city", "default": "Oslo"},
        {"type": "string", "description": "A town", "default": "Bergen", "x-unit": "m"},
        [
            "wording default_changed /default",
            "wording parameter_description_changed /description",
            "wording note_changed /x-unit",
        ],
    ),
    "another draft": (
        {"$schema": "http://json-schema.org/draft-07/schema#"},
        {},
        ["breaking draft_changed /$schema"],
    ),
    "all parameters refused": (
        {"type": "object"},
        {"not": {}},
        [
            "breaking condition_changed /not",
            "compatible type_changed /type",
        ],
    ),
}


@pytest.mark.parametrize("case", PARAMETERS)
def test_a_change_of_the_parameters_has_its_class(case: str) -> None:
    old, new, expected = PARAMETERS[case]
    assert told(old, new) == expected


RESULTS: dict[str, tuple[Schema | None, Schema | None, list[str]]] = {
    "a value more": (
        {"enum": ["a"]},
        {"enum": ["a", "b"]},
        ["breaking values_changed /enum"],
    ),
    "a value less": ({"enum": ["a", "b"]}, {"enum": ["a"]}, ["compatible values_changed /enum"]),
    "a member may be absent": (
        closed({"a": CITY}, "a"),
        closed({"a": CITY}),
        ["breaking parameter_optional /required"],
    ),
    "a member is gone": (
        {"properties": {"a": CITY}},
        {},
        ["breaking parameter_removed /properties/a"],
    ),
    "a first schema": (None, {"type": "object"}, ["compatible type_changed /type"]),
    "no schema any more": ({"type": "object"}, None, ["breaking type_changed /type"]),
}


@pytest.mark.parametrize("case", RESULTS)
def test_a_change_of_the_results_is_judged_the_other_way(case: str) -> None:
    old, new, expected = RESULTS[case]
    assert told(old, new, "output_schema") == expected


HEADS: list[tuple[Schema, Schema, list[tuple[str, str]]]] = [
    ({"name": "calculatetax"}, {"name": "calculatetaz"}, [("breaking", "tool_renamed")]),
    ({"description": "Old."}, {"description": "New."}, [("wording", "tool_description_changed")]),
    ({}, {"strict": True}, [("compatible", "strict_set")]),
    (
        {"annotations": {"readOnlyHint": True}},
        {"annotations": {"readOnlyHint": False}},
        [("breaking", "promise_withdrawn")],
    ),
    (
        {"annotations": {"destructiveHint": False}},
        {},
        [("breaking", "promise_withdrawn")],
    ),
    ({}, {"annotations": {"idempotentHint": True}}, [("compatible", "promise_made")]),
    ({}, {"annotations": {"title": "Weather"}}, [("wording", "annotation_changed")]),
]


@pytest.mark.parametrize(("old", "new", "expected"), HEADS)
def test_what_is_around_the_schemas_counts_too(
    old: Schema, new: Schema, expected: list[tuple[str, str]]
) -> None:
    before, after = (ToolSpec.from_json({"name": "t", **fields}) for fields in (old, new))
    assert [(change.kind, change.what) for change in compare(before, after)] == expected


def test_what_cannot_be_decided_says_so() -> None:
    old, new = ({"type": "string", "pattern": pattern} for pattern in ("^a", "^[ab]"))
    (change,) = compare(ToolSpec("t", "", old), ToolSpec("t", "", new))
    assert "Not provably compatible" in change.reason


def test_a_change_names_both_values_and_where_it_stands() -> None:
    old, new = closed({"n": {"maximum": 9}}), closed({"n": {}})
    (change,) = compare(ToolSpec("t", "", old), ToolSpec("t", "", new))
    assert change.to_json() == {
        "kind": "compatible",
        "what": "range_changed",
        "pointer": "/parameters/properties/n/maximum",
        "old": 9,
        "new": None,
        "reason": "maximum was 9, is not set. Every call that was valid stays valid",
        "detail": {"in": "old", "direction": "arguments", "effect": "widens"},
    }


def test_a_schema_without_end_is_not_provably_compatible() -> None:
    deep: Schema = {}
    for _ in range(5000):
        deep = {"items": deep}
    (change,) = compare(ToolSpec("t", "", deep), ToolSpec("t", "", {"items": {"type": "null"}}))
    assert (change.kind, change.what) == ("breaking", "schema_changed")
