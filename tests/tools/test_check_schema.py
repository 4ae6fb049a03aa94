"""A tool's own schema is checked before anybody is judged by it."""

from __future__ import annotations

from typing import Any

import pytest

from tools_registry.validation import check_schema

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize(
    "schema",
    [
        {},
        True,
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {}}},
        {"$schema": DRAFT_7, "definitions": {}},
        {"$schema": DRAFT_4, "items": {"minimum": 1, "exclusiveMinimum": True}},
        {"$schema": "https://json-schema.org/draft/2019-09/schema"},
        {"$id": "https://example.com/a", "items": {"$ref": "#/$defs/b"}, "$defs": {"b": {}}},
        {"$ref": "#"},
        {"x-unknown": 5, "properties": {"a": {"format": "made-up"}}},
        {"properties": {"a": {"enum": [{"$ref": "nowhere"}]}}},
        {"description": "\ud800"},
    ],
)
def test_a_valid_schema_has_no_problems(schema: Any) -> None:
    assert check_schema(schema) == []


@pytest.mark.parametrize(
    ("schema", "pointers"),
    [
        ({"type": "objekt"}, ["/type"]),
        ({"type": "STRING"}, ["/type"]),
        ({"required": "a", "properties": {"b": {"enum": 5}}}, ["/properties/b/enum", "/required"]),
        ({"properties": {"a": {"type": "string", "required": True}}}, ["/properties/a/required"]),
        ({"properties": {"a/b": {"minLength": -1}}}, ["/properties/a~1b/minLength"]),
        ({"properties": []}, ["/properties"]),
        ({"pattern": "("}, ["/pattern"]),
        ({"items": {"$ref": "#/$defs/x"}, "not": {"$ref": "b.json"}}, ["/items/$ref", "/not/$ref"]),
        ({"$schema": "http://json-schema.org/draft-03/schema#"}, ["/$schema"]),
        ({"$schema": DRAFT_4, "minimum": "5"}, ["/minimum"]),
        (5, [""]),
        ([], [""]),
        ("{}", [""]),
        (None, [""]),
    ],
)
def test_each_problem_stands_where_it_is(schema: Any, pointers: list[str]) -> None:
    problems = check_schema(schema)
    assert sorted({problem.pointer for problem in problems}) == pointers
    assert all(problem.message for problem in problems)


def test_a_misspelled_type_says_which_was_meant() -> None:
    assert "Did you mean" in check_schema({"type": "strng"})[0].message


def test_a_schema_nested_beyond_reason_is_a_problem_not_a_crash() -> None:
    schema: dict[str, Any] = {}
    for _ in range(5000):
        schema = {"items": schema}
    assert check_schema(schema)
