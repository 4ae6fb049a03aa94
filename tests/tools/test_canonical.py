"""One definition, one hash: whatever the key order, and whatever odd values it holds."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tools_registry import canonical
from tools_registry.specs import ToolSpec

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": 2}, b'{"a":2,"b":1}'),
        (1.0, b"1"),
        (-0.0, b"0"),
        (1e21, b"1e+21"),
        (0.000001, b"0.000001"),
        (2**53 - 1, b"9007199254740991"),
        (2**53, b"9007199254740992"),
        (2**53 + 1, b"9007199254740993"),
        (-(10**30), b"-" + b"1" + b"0" * 30),
        (float("nan"), b"NaN"),
        (float("inf"), b"Infinity"),
        ([float("-inf")], b"[-Infinity]"),
        ("\ud800", b'"\\ud800"'),
        ("\udead\ud83d", b'"\\udead\\ud83d"'),
        ({"\ud800": 1, "a": {}}, b'{"a":{},"\\ud800":1}'),
        ({"\ufb33": 1, "\U0001f600": 2}, '{"\U0001f600":2,"\ufb33":1}'.encode()),
        ("\x00\x1f\x7f\u2028", '"\\u0000\\u001f\x7f\u2028"'.encode()),
    ],
    ids=repr,
)
def test_each_value_has_one_form(value: Any, text: bytes) -> None:
    assert canonical.dumps(value) == text


@given(JSON)
def test_it_is_rfc_8785_wherever_that_says_something(value: Any) -> None:
    try:
        expected = rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError):
        canonical.dumps(value)
    else:
        assert canonical.dumps(value) == expected
        assert canonical._dump_leniently(value) == expected


def test_depth_does_not_matter() -> None:
    value: Any = []
    for _ in range(50_000):
        value = [value]
    assert canonical.dumps(value) == b"[" * 50_001 + b"]" * 50_001


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        canonical.dumps({"a": set()})


def shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        keys = chance.sample(list(value), len(value))
        return {key: shuffled(value[key], chance) for key in keys}
    return [shuffled(item, chance) for item in value] if isinstance(value, list) else value


@given(JSON, st.integers(0, 5))
def test_key_order_does_not_matter(value: Any, seed: int) -> None:
    first = ToolSpec("tool", "", {"x": value, "y": 1}).hash
    other = {"y": 1, "x": shuffled(value, random.Random(seed))}
    assert ToolSpec("tool", "", other).hash == first


def test_the_hash_stays_what_it_was() -> None:
    spec = ToolSpec("get_weather", "Now.", {"type": "object", "properties": {"city": {}}})
    assert spec.canonical == (
        b'{"description":"Now.","name":"get_weather",'
        b'"parameters":{"properties":{"city":{}},"type":"object"}}'
    )
    assert spec.hash == "ea0b67a957edc88c14dc95fd013d15fd90c44fb11b2500dedaa2049d99a3f44c"


@pytest.mark.parametrize(
    "other",
    [
        ToolSpec("b"),
        ToolSpec("a", "described"),
        ToolSpec("a", parameters={}),
        ToolSpec("a", strict=True),
        ToolSpec("a", output_schema={}),
        ToolSpec("a", annotations={"readOnlyHint": True}),
        ToolSpec("a", parameters={"required": ["x", "y"]}),
        ToolSpec("a", parameters={"required": ["y", "x"]}),
    ],
)
def test_every_field_counts(other: ToolSpec) -> None:
    assert other.hash != ToolSpec("a").hash


@pytest.mark.parametrize("same", [ToolSpec("a", strict=False), ToolSpec("a", annotations={})])
def test_what_says_nothing_does_not_count(same: ToolSpec) -> None:
    assert same.hash == ToolSpec("a").hash


def test_it_comes_back_from_its_json() -> None:
    spec = ToolSpec("a", "b", {"type": "object"}, True, {"type": "string"}, {"readOnlyHint": True})
    assert ToolSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
