from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.lib.json import dump
from conversations.ingest.record import BadRecord, Limits, clock_skew, load_json, read_record
from tests.ingest.samples import record


def test_it_works() -> None:
    turn = read_record(record(tags=["a"], latency_ms=12, user="u"))
    assert turn.at == datetime(2026, 1, 1, tzinfo=UTC)
    assert turn.calls[0]["function"]["arguments"] == '{"city": "Oslo"}'
    assert (turn.tags, turn.latency_ms, turn.user) == (("a",), 12.0, "u")
    assert not turn.notes


def test_it_keeps_what_json_can_hold() -> None:
    text = (
        '{"role": "user", "z": 1, "a": 123456789012345678901234567890, "content": "\\u0000\\ud800",'
        ' "1.10": "\\r\\n", "n": null}'
    )
    message = json.loads(text)
    turn = read_record(record(request={"messages": [message], "tools": [{"x": 1}]}))
    kept = turn.request.messages[0]
    assert kept is message
    assert list(kept) == ["role", "z", "a", "content", "1.10", "n"]
    assert read_record(json.loads(dump(turn.to_json()))) == turn


def test_it_reads_its_own_json_back() -> None:
    results = [{"call_id": "call_1", "status": "error", "content": {"a": [1]}, "latency_ms": 3.5}]
    expected = {"calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}]}
    turn = read_record(record(tool_results=results, expected=expected, surplus=1))
    assert [note.code for note in turn.notes] == ["unknown_field"]
    assert read_record(turn.to_json()) == turn


def test_it_keeps_odd_call_ids() -> None:
    turn = read_record(record(tool_results=[{"call_id": "\ud800\0", "content": "x"}]))
    assert turn.tool_results[0].call_id == "\ud800\0"


def test_a_legacy_call_counts_and_an_empty_one_does_not() -> None:
    def calls_of(legacy: dict[str, Any]) -> list[Any]:
        message = {"role": "assistant", "content": "", "function_call": legacy}
        return read_record(record(response={"message": message})).calls

    assert calls_of({"name": "f", "arguments": "{}"})[0]["function"]["name"] == "f"
    assert calls_of({"name": "", "arguments": ""}) == []


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"id": None}, "missing_field", "/id"),
    ({"conversation": None}, "missing_field", "/conversation"),
    ({"at": None}, "missing_field", "/at"),
    ({"model": None}, "missing_field", "/model"),
    ({"request": None}, "missing_field", "/request"),
    ({"request": {}}, "missing_field", "/request/messages"),
    ({"response": None}, "missing_field", ""),
    ({"response": {}}, "missing_field", "/response/message"),
    ({"response": {"message": {"content": ""}}}, "missing_field", "/response/message"),
    ({"id": 7}, "wrong_type", "/id"),
    ({"id": "x" * 301}, "wrong_type", "/id"),
    ({"id": ""}, "wrong_type", "/id"),
    ({"id": "a\0b"}, "bad_text", "/id"),
    ({"user": "\udc00"}, "bad_text", "/user"),
    ({"at": 1767225600}, "bad_time", "/at"),
    ({"at": "2026-01-01"}, "bad_time", "/at"),
    ({"at": "2026-01-01T00:00:00"}, "bad_time", "/at"),
    ({"at": "2026-02-30T00:00:00Z"}, "bad_time", "/at"),
    ({"at": "1969-12-31T00:00:00Z"}, "bad_time", "/at"),
    ({"at": "0001-01-01T00:00:00+23:00"}, "bad_time", "/at"),
    ({"request": {"messages": "hi"}}, "wrong_type", "/request/messages"),
    ({"request": {"messages": [1]}}, "wrong_type", "/request/messages/0"),
    ({"request": {"messages": [{"role": 1}]}}, "wrong_type", "/request/messages/0"),
    ({"request": {"messages": [], "tools": [1]}}, "wrong_type", "/request/tools/0"),
    ({"latency_ms": -1}, "wrong_type", "/latency_ms"),
    ({"latency_ms": "5"}, "wrong_type", "/latency_ms"),
    ({"latency_ms": 10**400}, "wrong_type", "/latency_ms"),
    ({"tool_results": [{"content": "x"}]}, "missing_field", "/tool_results/0"),
    ({"tool_results": [{"call_id": "a", "status": "meh"}]}, "wrong_type", "/tool_results/0/status"),
    ({"tags": "a"}, "wrong_type", "/tags"),
    ({"expected": []}, "wrong_type", "/expected"),
]


@pytest.mark.parametrize(("changes", "code", "pointer"), BAD)
def test_it_says_what_is_wrong_where(changes: dict[str, Any], code: str, pointer: str) -> None:
    with pytest.raises(BadRecord) as caught:
        read_record(record(**changes))
    assert (caught.value.code, caught.value.pointer) == (code, pointer)
    assert "Send" in caught.value.detail or pointer == "/user"


def test_an_error_may_stand_for_the_response() -> None:
    turn = read_record(record(response=None, error={"code": "429"}))
    assert turn.response is None and turn.calls == []


@pytest.mark.parametrize("value", [[], "x", 1, None, True])
def test_a_record_is_an_object(value: object) -> None:
    with pytest.raises(BadRecord) as caught:
        read_record(value)
    assert caught.value.code == "not_an_object"


def test_depth_is_bounded_without_recursion() -> None:
    deep: Any = "x"
    for _ in range(50_000):
        deep = [deep]
    with pytest.raises(BadRecord) as caught:
        read_record(record(request={"messages": [{"role": "user", "content": deep}]}))
    assert caught.value.code == "too_deep"
    while isinstance(deep, list):  # take it apart: freeing it whole would recurse in C
        deep = deep.pop()


def test_messages_are_bounded() -> None:
    messages = [{"role": "user", "content": ""}] * 4
    with pytest.raises(BadRecord) as caught:
        read_record(record(request={"messages": messages}), limits=Limits(max_messages=3))
    assert caught.value.code == "too_many_messages"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"[" * 200_000, "too_deep"),
        (b'{"a": NaN}', "not_json"),
        (b'{"a": -Infinity}', "not_json"),
        (b'{"a": 1e999}', "not_json"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not_json"),
        (b'{"a": "\xff"}', "not_utf8"),
        (b'{"a": "' + b"x" * 100 + b'"}', "too_large"),
    ],
)
def test_text_that_is_no_record_is_told_apart(raw: bytes, code: str) -> None:
    most = 100 if code == "too_large" else 1_000_000
    with pytest.raises(BadRecord) as caught:
        load_json(raw, limits=Limits(max_record_bytes=most))
    assert caught.value.code == code


def test_ten_megabytes_of_arguments_are_a_record() -> None:
    arguments = json.dumps({"text": "x" * 10_000_000})
    message = {"role": "assistant", "tool_calls": [{"function": {"arguments": arguments}}]}
    raw = json.dumps(record(response={"message": message})).encode()
    assert read_record(load_json(raw)).calls[0]["function"]["arguments"] == arguments


def test_a_clock_that_is_off_is_a_reason_and_no_error() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert clock_skew(now + timedelta(hours=23), now) is None
    assert clock_skew(now - timedelta(days=4000), now) is None
    ahead = clock_skew(now + timedelta(days=365), now)
    behind = clock_skew(now - timedelta(days=400), now, behind=timedelta(days=366))
    assert ahead is not None and "365 days ahead" in ahead.detail
    assert behind is not None and "400 days behind" in behind.detail
