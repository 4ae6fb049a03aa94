"""Messages made ready to read: results beside their calls, odd shapes shown, the middle folded."""

from __future__ import annotations

from typing import Any

import pytest

from conversations import transcript


def asked(*calls: tuple[str, str]) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": call_id, "type": "function", "function": {"name": name, "arguments": "{}"}}
            for call_id, name in calls
        ],
    }


def told(call_id: str, content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def results(*messages: dict[str, Any]) -> list[str | None]:
    entries = transcript.read(messages)
    return [call.result for entry in entries for call in entry.calls]


def test_each_result_stands_beside_its_call() -> None:
    assert results(asked(("a", "x"), ("b", "y")), told("b", "B"), told("a", "A")) == ["A", "B"]


def test_repeated_ids_are_joined_in_their_order() -> None:
    messages = [asked(("a", "x")), told("a", "first"), asked(("a", "x")), told("a", "second")]
    assert results(*messages) == ["first", "second"]


def test_a_call_without_an_answer_has_none_and_an_answer_without_a_call_stays() -> None:
    entries = transcript.read([asked(("a", "x")), told("zzz", "lost")])
    assert entries[0].calls[0].result is None
    assert entries[1].answers is None


def test_the_legacy_form_is_joined_by_name() -> None:
    call = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    assert results(call, {"role": "function", "name": "f", "content": "done"}) == ["done"]


@pytest.mark.parametrize(
    ("content", "kinds"),
    [
        ("hello", ["text"]),
        (None, []),
        ("", []),
        ([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}], ["text", "json"]),
        ([], []),
        (12, ["json"]),
    ],
)
def test_any_content_is_shown(content: Any, kinds: list[str]) -> None:
    entry = transcript.read([{"role": "user", "content": content}])[0]
    assert [piece.kind for piece in entry.said] == kinds


def test_what_has_no_place_of_its_own_is_shown_as_json() -> None:
    message = {"role": "assistant", "content": "x", "audio": {"id": 1}, "reasoning_content": "hm"}
    entry = transcript.read([message])[0]
    assert [piece.kind for piece in entry.said] == ["reasoning", "text", "json"]


@pytest.mark.parametrize(
    "message",
    [{}, {"role": None}, {"role": "assistant", "tool_calls": [None, {"function": {}}, "x"]}],
)
def test_broken_messages_are_read_without_failing(message: dict[str, Any]) -> None:
    assert len(transcript.read([message])) == 1


def test_the_middle_of_a_long_history_is_folded_and_nothing_is_lost() -> None:
    many = transcript.read([{"role": "user", "content": str(at)} for at in range(3000)])
    window = transcript.fold(many)
    assert len(window.head) + len(window.tail) + window.hidden == 3000
    assert window.tail[-1].text == "2999"
    short = transcript.fold(many[: transcript.MANY])
    assert (short.hidden, len(short.head)) == (0, transcript.MANY)
