"""The form of a new replay as a value: read, changed by its buttons, made of a variant."""

from __future__ import annotations

import pytest

from conversations.replay.forms import Form, ToolForm, VariantForm, read_form
from conversations.replay.variants import Variant

FILLED = {
    "title": "Does it help?",
    "trials": "5",
    "variants": "2",
    "v0-name": "sharper",
    "v0-tools": "1",
    "v0-t0-name": "get_weather",
    "v0-t0-to": "v:7",
    "v1-model": "gpt-4o\0",
    "v1-tools": "0",
    "answers": "1",
    "a0-tool": "*",
    "a0-mode": "mock",
}


def test_every_field_is_read_by_its_name() -> None:
    form = read_form(FILLED)
    assert (form.title, form.trials, form.mode) == ("Does it help?", "5", "next_call")
    assert form.variants[0].tools == (ToolForm("get_weather", "v:7"),)
    assert form.variants[1] == VariantForm(model="gpt-4o")
    assert (form.answers[0].tool, form.answers[0].mode) == ("*", "mock")


@pytest.mark.parametrize("count", ["", "x", "-1", "99999"])
def test_counts_that_are_none_do_no_harm(count: str) -> None:
    assert len(read_form({"variants": count}).variants) <= 7


@pytest.mark.parametrize(
    ("step", "tools"),
    [
        ("variant", [1, 0, 1]),
        ("tool:1", [1, 1]),
        ("drop:0", [0]),
        ("drop:0:0", [0, 0]),
        ("drop:9", [1, 0]),
        ("redraw", [1, 0]),
    ],
)
def test_a_button_adds_or_takes_away(step: str, tools: list[int]) -> None:
    form = read_form(FILLED).change(step)
    assert [len(one.tools) for one in form.variants] == tools


def test_there_are_at_most_seven_variants() -> None:
    form = Form()
    for _ in range(9):
        form = form.change("variant")
    assert len(form.variants) == 7


def test_a_former_variant_fills_the_form_again() -> None:
    variant = Variant(
        "old",
        replaced={"get_weather": 7, "other": {"name": "other"}},
        removed=["gone"],
        system_prompt="",
        parameters={"temperature": 0},
    )
    form = VariantForm.of(variant)
    assert [(one.name, one.to) for one in form.tools] == [
        ("get_weather", "v:7"),
        ("other", "text"),
        ("gone", "remove"),
    ]
    assert form.own_system == "yes" and form.has_more
    assert '"temperature": 0' in form.parameters
