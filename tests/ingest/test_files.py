from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from conversations.ingest.files import Source, read_file, read_inputs, sniff
from conversations.ingest.record import BadRecord, TurnRecord
from tests.ingest.samples import WEATHER, answer, record

NOW = datetime(2026, 2, 2, tzinfo=UTC)
ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
SAID: dict[str, Any] = {"model": "m-1", "created": 1767225600, "choices": [{"message": answer()}]}
BATCH: dict[str, Any] = {
    "id": "batch_req_1",
    "custom_id": "case-1",
    "response": {"status_code": 200, "body": SAID},
    "error": None,
}
TALK: dict[str, Any] = {
    "id": "talk",
    "model": "m",
    "tools": [WEATHER],
    "expected": {"calls": [{"name": "get_weather", "arguments": {}}]},
    "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Weather?"},
        answer(),
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
        {"role": "user", "content": "Bye"},
    ],
}


def turns(*lines: Any, **source: Any) -> list[TurnRecord | BadRecord]:
    body = b"\n".join(json.dumps(line).encode() for line in lines)
    return [entry.item for entry in read_file(body, Source(NOW, **source))]


def turn(*lines: Any, **source: Any) -> TurnRecord:
    (found,) = turns(*lines, **source)
    assert isinstance(found, TurnRecord), found
    return found


def notes(found: TurnRecord) -> set[str]:
    return {note.code for note in found.notes}


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (record(), "records"),
        ({"protocol": "openai.chat", "request": ASKED, "response": SAID}, "exchanges"),
        ({**record(), "protocol": "openai.chat"}, "records"),
        (
            {"conversation": "c", "protocol": "openai.chat", "request": ASKED, "response": SAID},
            "exchanges",
        ),
        (BATCH, "openai-batch"),
        (TALK, "transcripts"),
        ({"a": 1}, None),
        ([], None),
    ],
)
def test_a_format_is_told_by_its_content(data: Any, name: str | None) -> None:
    assert sniff(data) == name


def test_formats_may_follow_each_other_and_bad_lines_do_not_matter() -> None:
    body = b"\n".join(
        json.dumps(line).encode() if line != "cut" else b'{"cut'
        for line in (record(), "cut", BATCH, {"a": 1}, 5, TALK)
    )
    found = [
        (entry.line, entry.item.code if isinstance(entry.item, BadRecord) else entry.item.id)
        for entry in read_file(body, Source(NOW))
    ]
    assert found == [
        (1, "turn-1"),
        (2, "not_json"),
        (3, "batch_req_1"),
        (4, "unknown_shape"),
        (5, "not_an_object"),
        (6, "talk#1"),
        (6, "talk#2"),
    ]


def test_an_exchange_takes_its_time_and_model_from_where_they_are() -> None:
    exchange = {
        "id": "e",
        "protocol": "google.generateContent",
        "endpoint": "host/v1/models/gem-1:generateContent",
        "request": {"contents": []},
        "response": {
            "candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]
        },
    }
    found = turn(exchange)
    assert (found.model, found.at, notes(found)) == ("gem-1", NOW, {"time_unknown"})
    dated = turn({**exchange, "at": "2026-01-01T00:00:00+01:00"})
    assert dated.at == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert notes(dated) == set()


def test_batch_output_meets_its_input() -> None:
    line = {"custom_id": "case-1", "method": "POST", "url": "/v1/chat/completions", "body": ASKED}
    found = turn(BATCH, inputs=read_inputs([line, {"other": 1}, 5]))
    assert found.request.messages == ASKED["messages"]
    assert (found.conversation, found.model) == ("case-1", "m-1")
    assert found.at == datetime(2026, 1, 1, tzinfo=UTC)
    assert notes(found) == set()


def test_batch_output_alone_says_what_it_lacks() -> None:
    assert notes(turn(BATCH)) == {"request_not_recorded"}
    failed = turn({**BATCH, "response": None, "error": {"code": "expired", "message": "late"}})
    assert failed.error["code"] == "expired"


def test_a_transcript_is_a_turn_for_each_answer() -> None:
    first, last = turns(TALK)
    assert isinstance(first, TurnRecord) and isinstance(last, TurnRecord)
    assert first.conversation == last.conversation == "talk"
    assert first.at < last.at
    assert first.request.messages == TALK["messages"][:1] and first.expected is None
    assert last.request.messages == TALK["messages"][:3]
    assert last.response is not None and last.response.message == answer()
    assert [(one.call_id, one.content) for one in last.tool_results] == [("call_1", "rain")]
    assert last.expected == {**TALK["expected"], "scope": "conversation"}
    assert notes(last) == {"time_unknown", "trailing_messages"}


def test_one_answer_carries_its_own_expectation() -> None:
    found = turn({**TALK, "messages": TALK["messages"][2:4]})
    assert found.expected == TALK["expected"]


def test_a_system_prompt_is_taken_by_name() -> None:
    found = turns({**TALK, "system_ref": "shop"}, prompts={"shop": "Be brief."})[0]
    assert isinstance(found, TurnRecord)
    assert found.request.messages[0] == {"role": "system", "content": "Be brief."}


def test_questions_without_answers_are_no_turns() -> None:
    (found,) = turns({**TALK, "messages": TALK["messages"][:1]})
    assert isinstance(found, BadRecord) and found.code == "no_answer"
