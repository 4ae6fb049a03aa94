"""Values that fit a schema, the same for one seed; or the reason why there is none."""

from __future__ import annotations

from typing import Any

import pytest

from tools_registry.samples import CannotSample, sample
from tools_registry.validation.compiled import compile_schema

TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
            "required": ["next"],
        }
    },
}


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"const": {"a": 1}},
        {"enum": ["a", "b"]},
        {"type": "string", "minLength": 30, "maxLength": 31},
        {"type": "string", "maxLength": 1},
        {"type": "string", "pattern": "^#W\\d{7}$"},
        {"type": "string", "pattern": "^(mon|tue)day-[A-F0-9]{2,4}\\s?x*$"},
        *(
            {"type": "string", "format": name}
            for name in [
                "date",
                "date-time",
                "time",
                "duration",
                "email",
                "hostname",
                "uri",
                "uuid",
                "ipv4",
                "ipv6",
            ]
        ),
        {"type": "integer", "minimum": 5, "exclusiveMaximum": 7},
        {"type": "integer", "maximum": -3, "multipleOf": 7},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5},
        {"type": "number", "multipleOf": 0.25, "minimum": 1},
        {"minimum": 3},
        {"type": ["null", "boolean"]},
        {"type": "array", "items": {"type": "integer"}, "minItems": 4, "uniqueItems": True},
        {"type": "array", "prefixItems": [{"const": 1}, {"const": 2}], "items": False},
        {"type": "array", "contains": {"const": 5}, "minContains": 2},
        {"type": "array", "maxItems": 0},
        {"required": ["a"], "additionalProperties": {"type": "integer"}},
        {"type": "object", "minProperties": 3},
        {"properties": {"a": {"type": "string"}, "b": {"default": 7}}, "required": ["a"]},
        {"properties": {"a": {"type": "integer", "default": "wrong"}}},
        {"allOf": [{"properties": {"a": {"type": "integer"}}}, {"required": ["a"]}]},
        {"oneOf": [{"type": "integer"}, {"type": "string"}]},
        {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        {"$ref": "#/definitions/a", "definitions": {"a": {"type": "boolean"}}},
        TREE,
    ],
    ids=str,
)
def test_a_sample_fits_and_a_seed_repeats_it(schema: Any) -> None:
    validator = compile_schema(schema)
    for seed in range(5):
        value = sample(schema, seed=seed)
        assert validator.is_valid(value)
        assert sample(schema, seed=seed) == value


def test_another_seed_gives_another_value() -> None:
    schema = {"type": "string", "format": "uuid"}
    assert len({sample(schema, seed=seed) for seed in range(10)}) == 10


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (False, "allows no value"),
        ({"type": "objekt"}, "invalid"),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "the most allowed is 4"),
        ({"type": "string", "pattern": "^(?=a)b$"}, "assert cannot be made up"),
        ({"type": "string", "pattern": "^\\p{L}+$"}, "cannot be read"),
        ({"$ref": "https://example.com/a"}, "not present"),
        ({"required": ["a"], "properties": {"a": {"$ref": "#"}}}, "without an end"),
    ],
    ids=str,
)
def test_where_there_is_none_it_says_why(schema: Any, reason: str) -> None:
    with pytest.raises(CannotSample, match=reason):
        sample(schema)
