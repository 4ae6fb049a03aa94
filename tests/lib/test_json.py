"""JSON text keeps what it was given."""

from __future__ import annotations

from typing import Any

import pytest

from console.lib import json


@pytest.mark.parametrize(
    "value",
    [
        {"b": 1, "a": [None, True, 1.5, "é"]},
        {"big": 2**80, "negative": -(2**70)},
        {"surrogate": "\ud800", "nul": "a\x00b"},
        [],
        "",
    ],
)
def test_it_keeps_every_value_and_the_order_of_keys(value: Any) -> None:
    again = json.load(json.dump(value))
    assert again == value
    if isinstance(value, dict):
        assert list(again) == list(value)


def test_it_writes_no_raw_control_character() -> None:
    assert "\x00" not in json.dump({"nul": "\x00"})


def test_it_refuses_what_is_not_json() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        json.load("{")
