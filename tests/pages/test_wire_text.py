"""Text from the wire in templates: escaped, hidden characters visible, long ones folded."""

from __future__ import annotations

import json
import re

import pytest

from conversations.templatetags import wire_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 日本 👩\u200d👩", "plain é 日本 👩\u200d👩"),
        ("<script>", "&lt;script&gt;"),
        ("a\x00b", 'a<span class="cc" title="U+0000">␀</span>b'),
        ("\x1b[31m", '<span class="cc" title="U+001B">␛</span>[31m'),
        ("\u202e", '<span class="cc" title="U+202E">U+202E</span>'),
        ("\U000e0041", '<span class="cc" title="U+E0041">U+E0041</span>'),
        ("\ud83d", '<span class="cc" title="U+D83D">U+D83D</span>'),
        ("two\nlines\there", "two\nlines\there"),
    ],
)
def test_hidden_characters_become_badges_and_markup_stays_text(text: str, shown: str) -> None:
    assert wire_text.visible(text) == shown


def test_long_text_is_folded_with_its_length_told() -> None:
    folded = str(wire_text.folded("x" * 5000))
    assert folded.startswith("x" * 4096 + '<details class="rest">')
    assert "Show all 5,000 characters" in folded
    assert wire_text.folded("short") == "short"


def test_a_very_long_line_comes_in_blocks_that_hold_all_of_it() -> None:
    text = "x" * 100_000 + "\n" + "y" * 50
    folded = str(wire_text.folded(text))
    blocks = re.findall('<span class="blk">(.*?)</span>', folded, re.DOTALL)
    assert "x" * 4096 + "".join(blocks) == text
    assert max(map(len, blocks)) <= 8192


@pytest.mark.parametrize("text", ["\ud800 lone", "\x00", "\u202e<b>"])
def test_what_goes_into_titles_and_attributes_can_be_sent(text: str) -> None:
    wire_text.plain(text).encode()
    wire_text.copyable(text).encode()
    str(wire_text.brief(text)).encode()


def test_json_is_indented_with_hidden_characters_as_escapes_of_the_same_value() -> None:
    value = {"a": "\x00\u202e\ud800é"}
    shown = wire_text.pretty_json(json.dumps(value))
    assert json.loads(shown) == value
    assert "\\u202e" in shown
    assert "é" in shown
    shown.encode()
    assert wire_text.pretty_json("no json\x07") == "no json\\u0007"


@pytest.mark.parametrize(
    ("cost", "text"),
    [(None, "unpriced"), ("0", "$0.0000"), ("0.000123", "$0.000123"), ("1.5", "$1.5000")],
)
def test_an_unknown_cost_is_unpriced_and_never_zero(cost: str | None, text: str) -> None:
    assert wire_text.dollars(cost) == text
