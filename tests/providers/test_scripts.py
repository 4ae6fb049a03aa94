"""A script may answer by what the user said last."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.providers.scripted import BadScript, read_said, read_script, scripts_within

SOURCE: dict[str, Any] = {
    "when": [["Forecast", {"text": "rain"}], ["invoice", [{"text": "one"}, {"text": "two"}]]],
    "otherwise": {"text": "what?"},
}


@pytest.mark.parametrize(
    ("said", "played", "answer"),
    [
        ("the forecast, please", 0, b"rain"),
        ("forecast my invoice", 0, b"rain"),
        ("My INVOICE", 0, b"one"),
        ("My invoice", 3, b"two"),
        ("hello", 0, b"what"),
    ],
)
def test_the_first_words_that_were_said_choose(said: str, played: int, answer: bytes) -> None:
    script = read_script(SOURCE, played=played, said=said)
    assert answer in b"".join(chunk for _, chunk in script.chunks)


def test_the_last_words_of_the_user_count() -> None:
    parts = [{"type": "text", "text": "two"}, {"type": "image_url"}]
    told = [{"role": "user", "content": "one"}, {"role": "user", "content": parts}]
    assert read_said([*told, {"role": "assistant", "content": "three"}]) == "two"
    assert read_said([]) == ""


def test_every_script_of_a_choice_can_be_looked_at() -> None:
    assert [one["text"] for one in scripts_within(SOURCE)] == ["rain", "one", "two", "what?"]
    with pytest.raises(BadScript, match="beside when"):
        scripts_within({"when": [], "else": {}})
    with pytest.raises(BadScript, match="no otherwise"):
        read_script({"when": [["a", {"text": ""}]]}, said="b")
