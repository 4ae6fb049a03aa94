"""If the diff calls every change compatible, no argument valid before is invalid after."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema_rs
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tools_registry.diff import compare
from tools_registry.specs import ToolSpec
from tools_registry.validation.compiled import compile_schema

Schema = dict[str, Any]

NAMES = ("a", "b", "ab")
SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 6),
    st.sampled_from([0.5, 1.0, 2.5]),
    st.sampled_from(["", "a", "ab", "abc", "b@c.de", "2024-01-02"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=6,
)
KINDS = ["string", "integer", "number", "boolean", "null", "array", "object"]


def keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Schema]:
    """A schema with any few of the keywords, over the given subschemas."""
    named = st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    count = st.integers(0, 3)
    several = st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.one_of(
                st.sampled_from(KINDS), st.lists(st.sampled_from(KINDS), min_size=1, unique=True)
            ),
            "properties": named,
            "required": st.lists(st.sampled_from(NAMES), unique=True, max_size=2),
            "additionalProperties": inner,
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$"]), inner, max_size=1),
            "propertyNames": st.sampled_from([{"maxLength": 1}, {"minLength": 2}, {}]),
            "minProperties": count,
            "maxProperties": count,
            "items": inner,
            "prefixItems": several,
            "contains": inner,
            "minItems": count,
            "maxItems": count,
            "uniqueItems": st.booleans(),
            "minLength": count,
            "maxLength": count,
            "pattern": st.sampled_from(["^a", "b"]),
            "format": st.sampled_from(["email", "date"]),
            "minimum": st.integers(-2, 4),
            "maximum": st.integers(-2, 4),
            "exclusiveMinimum": st.integers(-2, 4),
            "multipleOf": st.sampled_from([1, 2, 0.5, 4]),
            "enum": st.lists(SCALARS, min_size=1, max_size=3),
            "const": SCALARS,
            "anyOf": several,
            "oneOf": several,
            "allOf": several,
            "not": inner,
            "if": inner,
            "then": inner,
            "dependentRequired": st.just({"a": ["b"]}),
            "unevaluatedProperties": st.booleans(),
            "$ref": st.sampled_from(["#/$defs/x", "#/$defs/y"]),
            "default": SCALARS,
            "description": st.sampled_from(["One", "Two"]),
        },
    ).map(lambda schema: dict(list(schema.items())[:40]))


def few(schema: Schema, keep: list[int]) -> Schema:
    """Of all keywords a handful: a schema of forty admits nothing."""
    keys = sorted(schema)
    chosen = {keys[index % len(keys)] for index in keep} if keys else set()
    return {key: value for key, value in schema.items() if key in chosen}


def thin(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Schema]:
    return st.builds(few, keywords(inner), st.lists(st.integers(0, 99), min_size=1, max_size=4))


PARTS = st.recursive(st.one_of(st.booleans(), thin(st.booleans())), thin, max_leaves=5)


@st.composite
def roots(draw: st.DrawFn) -> Schema:
    schema = draw(PARTS.filter(lambda part: isinstance(part, dict)))
    plain = st.sampled_from([{"type": "string"}, {"type": "object"}, {"minimum": 1}, {"enum": [1]}])
    return {**schema, "$defs": {"x": draw(plain), "y": draw(PARTS)}}


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Schema, Schema]:
    """A schema and the same one with some parts replaced, dropped or added."""
    old = draw(roots())
    new = copy.deepcopy(old)
    for _ in range(draw(st.integers(1, 3))):
        places = [new, *inner_schemas(new)]
        place = places[draw(st.integers(0, len(places) - 1))]
        if place and draw(st.booleans()):
            place.pop(draw(st.sampled_from(sorted(place))))
        else:
            place.update(draw(thin(st.one_of(st.booleans(), PARTS))))
    return old, new


def inner_schemas(part: Any) -> list[Schema]:
    found: list[Schema] = []
    for key, value in part.items() if isinstance(part, dict) else ():
        if key in ("enum", "const", "default", "dependentRequired"):
            continue
        parts = value if isinstance(value, list) else [value]
        for one in parts:
            if isinstance(one, dict):
                inner = inner_schemas(one)
                if key not in ("properties", "patternProperties", "$defs"):
                    found.append(one)
                found += inner
    return found


def compiled(schema: Schema) -> jsonschema_rs.Validator:
    try:
        return compile_schema(schema)
    except ValueError:
        assume(False)
        raise


RELAXED = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@RELAXED
@given(pairs(), st.lists(VALUES, min_size=5, max_size=12))
def test_what_it_calls_compatible_refuses_nothing_that_was_valid(
    both: tuple[Schema, Schema], values: list[Any]
) -> None:
    old, new = both
    changes = compare(ToolSpec("t", "", old), ToolSpec("t", "", new))
    if any(change.kind == "breaking" for change in changes):
        return
    before, after = compiled(old), compiled(new)
    for value in values:
        assert not before.is_valid(value) or after.is_valid(value), (value, changes)


@RELAXED
@given(pairs(), st.lists(VALUES, min_size=5, max_size=12))
def test_what_it_calls_compatible_for_results_brings_nothing_new(
    both: tuple[Schema, Schema], values: list[Any]
) -> None:
    old, new = both
    changes = compare(
        ToolSpec("t", "", None, output_schema=old), ToolSpec("t", "", None, output_schema=new)
    )
    if any(change.kind == "breaking" for change in changes):
        return
    before, after = compiled(old), compiled(new)
    for value in values:
        assert before.is_valid(value) or not after.is_valid(value), (value, changes)
