"""The quick way through the layers says what the thorough one says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools_registry.validation.compiled import compile_schema
from tools_registry.validation.declared import close, undeclared
from tools_registry.validation.plain import UNSURE, read_plain
from tools_registry.validation.syntax import NOTHING, read_value

NAMES = st.sampled_from(["a", "b", "c:d", "é", ""])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "10:30", "http://x", '":', "\\", "\ud800", "\0"]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)


@given(OBJECTS, st.booleans(), st.booleans())
def test_what_is_read_quickly_is_the_same_value(
    value: dict[str, Any], ascii: bool, compact: bool
) -> None:
    text = json.dumps(
        value, ensure_ascii=ascii, separators=(",", ":") if compact else (" ,\n", " : ")
    )
    quick = read_plain(text)
    if quick is not UNSURE:
        assert repr(quick) == repr(read_value(text)[0])


@given(st.lists(st.tuples(NAMES, LEAVES), min_size=2, max_size=4), st.booleans())
def test_a_repeated_key_is_never_read_quickly(
    members: list[tuple[str, Any]], escaped: bool
) -> None:
    name, value = members[0]
    members = [*members, (name, value)]
    text = "{" + ",".join(f"{json.dumps(k)}:{json.dumps(v)}" for k, v in members) + "}"
    if escaped:
        text = text.replace("10:30", "10\\u003a30")
    assert read_plain(text) is UNSURE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "1",
        "{",
        '{"a":NaN}',
        '{"a":1e400}',
        '{"a":123456789012345678901234567890}',
        '{"a":"\\ud800"}',
        '{"a":1,"a":":"}',
        '{"a":1,"a":"\\u003A"}',
        '{"a":' + "[" * 100 + "]" * 100 + "}",
    ],
)
def test_what_is_doubtful_is_left_to_the_strict_reader(text: str) -> None:
    assert read_plain(text) is UNSURE


def test_ordinary_arguments_are_read_quickly() -> None:
    text = '{"city": "Lisbon", "at": "10:30", "days": [1, 2.5, null], "nested": {"é": true}}'
    assert read_plain(text) == json.loads(text)


PLAIN = {"type": "object", "properties": {"a": {"type": "integer"}}}
SCHEMAS = [
    PLAIN,
    {**PLAIN, "additionalProperties": True},
    {"properties": {"a": PLAIN, "b": {"type": "array", "items": PLAIN}}},
    {"properties": {"a": {"anyOf": [PLAIN, {"type": "null"}]}, "b": {}}},
    {"properties": {"a": {"prefixItems": [PLAIN], "items": {"properties": {"b": {}}}}}},
    {"properties": {"a": True, "b": False}},
    {"properties": {"a": {"not": PLAIN}}, "required": ["a"]},
]


@pytest.mark.parametrize("schema", SCHEMAS)
@given(value=OBJECTS)
def test_the_closed_schema_passes_what_has_nothing_to_report(
    schema: dict[str, Any], value: dict[str, Any]
) -> None:
    value = read_value(json.dumps(value).replace("\\ud800", ""))[0]
    assert value is not NOTHING
    thorough = compile_schema(schema).is_valid(value) and not any(undeclared(schema, value))
    assert compile_schema(close(schema)).is_valid(value) == thorough
