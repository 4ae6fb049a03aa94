"""Where each value of a JSON text stands, also of one that is broken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools_registry.validation import json_positions, pointers
from tools_registry.validation.declared import look_up
from tools_registry.validation.positions import scan


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", {"": (1, 1)}),
        ("", {}),
        ('  {"a": 1}', {"": (1, 3), "/a": (1, 4)}),
        ('{"a":\n [1,\n  []]}', {"": (1, 1), "/a": (1, 2), "/a/0": (2, 3), "/a/1": (3, 3)}),
        ('{"a/b": {"~": 1}}', {"": (1, 1), "/a~1b": (1, 2), "/a~1b/~0": (1, 10)}),
        ('{"\\u00e9": 1}', {"": (1, 1), "/é": (1, 2)}),
        ('{"a": 1, "a": 2}', {"": (1, 1), "/a": (1, 2)}),
        ('{"a": "cut', {"": (1, 1), "/a": (1, 2)}),
        ('{"a": {"b": tru', {"": (1, 1), "/a": (1, 2), "/a/b": (1, 8)}),
        ('{"a": [1, 2', {"": (1, 1), "/a": (1, 2), "/a/0": (1, 8), "/a/1": (1, 11)}),
        ('{"a"', {"": (1, 1), "/a": (1, 2)}),
        ("]", {}),
        ("[[],[]]", {"": (1, 1), "/0": (1, 2), "/1": (1, 5)}),
        ('"x"', {"": (1, 1)}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_value_has_its_line_and_column(text: str, expected: dict[str, Any]) -> None:
    assert json_positions(text) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON, st.sampled_from([None, 2]))
def test_every_pointer_of_a_value_is_found_where_it_stands(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    offsets = scan(text).offsets
    assert len(offsets) == count(value)
    for pointer, offset in offsets.items():
        tokens = pointers.tokens(pointer)
        held, parent = look_up(value, tokens), look_up(value, tokens[:-1])
        written = tokens[-1] if tokens and isinstance(parent, dict) else held
        assert text[offset:].startswith(json.dumps(written, indent=indent).split("\n")[0])


def count(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(count, value.values()))
    return 1 + sum(map(count, value)) if isinstance(value, list) else 1


@given(st.text(alphabet='{}[]",:\\ \nab1e-'))
def test_it_takes_any_text(text: str) -> None:
    json_positions(text)


def test_values_nested_beyond_reason_have_no_place_of_their_own() -> None:
    assert len(json_positions("[" * 100_000)) < 300
    assert json_positions("[" * 300 + "]" * 300 + "\n, 1") == json_positions("[" * 300)


def test_a_megabyte_is_read_in_time_that_grows_with_its_length() -> None:
    text = json.dumps({f"key_{number}": [number] for number in range(40_000)})
    assert len(json_positions(text)) == 80_001
