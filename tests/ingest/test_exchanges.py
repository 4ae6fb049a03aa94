from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from conversations.ingest.native import Exchange, protocol_of_request, record_of_exchange
from conversations.ingest.record import TurnRecord, read_record
from conversations.ingest.usage import read_usage
from tests.ingest.samples import WEATHER, answer

EXCHANGE = Exchange("x-1", "talk", datetime(2026, 1, 1, tzinfo=UTC), provider="p", latency_ms=5)
SCHEMA = WEATHER["function"]["parameters"]
MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Weather in Oslo?"},
    answer("call_0", '{"city":"Oslo"}'),
    {"role": "tool", "tool_call_id": "call_0", "content": "rain"},
]
FUNCTION = {"name": "get_weather", "description": "Weather now"}
USE = {"city": "Oslo"}
SIDES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "openai.chat": (
        {"model": "m", "messages": MESSAGES, "tools": [WEATHER], "tool_choice": "required"},
        {
            "model": "m-1",
            "choices": [
                {"message": answer("call_1", '{"city":"Oslo"}'), "finish_reason": "tool_calls"}
            ],
            "usage": {"prompt_tokens": 9, "completion_tokens": 4},
        },
    ),
    "openai.responses": (
        {
            "model": "m",
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "Weather in Oslo?"}]},
                {
                    "type": "function_call",
                    "call_id": "call_0",
                    "name": "get_weather",
                    "arguments": '{"city":"Oslo"}',
                },
                {"type": "function_call_output", "call_id": "call_0", "output": "rain"},
            ],
            "tools": [{"type": "function", **FUNCTION, "parameters": SCHEMA}],
            "tool_choice": "required",
        },
        {
            "object": "response",
            "model": "m-1",
            "status": "completed",
            "output": [
                {
                    "type": "function_call",
                    "call_id": "call_1",
                    "name": "get_weather",
                    "arguments": '{"city":"Oslo"}',
                }
            ],
            "usage": {
                "input_tokens": 9,
                "output_tokens": 4,
                "input_tokens_details": {"cached_tokens": 0},
            },
        },
    ),
    "anthropic.messages": (
        {
            "model": "m",
            "system": "Be brief.",
            "messages": [
                {"role": "user", "content": "Weather in Oslo?"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "tool_use", "id": "call_0", "name": "get_weather", "input": USE}
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "call_0", "content": "rain"}
                    ],
                },
            ],
            "tools": [{**FUNCTION, "input_schema": SCHEMA}],
            "tool_choice": {"type": "any"},
        },
        {
            "type": "message",
            "role": "assistant",
            "model": "m-1",
            "content": [{"type": "tool_use", "id": "call_1", "name": "get_weather", "input": USE}],
            "stop_reason": "tool_use",
            "usage": {"input_tokens": 9, "output_tokens": 4},
        },
    ),
    "google.generateContent": (
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "Weather in Oslo?"}]},
                {
                    "role": "model",
                    "parts": [
                        {"functionCall": {"id": "call_0", "name": "get_weather", "args": USE}}
                    ],
                },
                {
                    "role": "user",
                    "parts": [
                        {"functionResponse": {"id": "call_0", "name": "w", "response": {"r": 1}}}
                    ],
                },
            ],
            "tools": [{"functionDeclarations": [{**FUNCTION, "parameters": SCHEMA}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        },
        {
            "modelVersion": "m-1",
            "candidates": [
                {
                    "content": {
                        "role": "model",
                        "parts": [
                            {"functionCall": {"id": "call_1", "name": "get_weather", "args": USE}}
                        ],
                    },
                    "finishReason": "STOP",
                }
            ],
            "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 4},
        },
    ),
    "bedrock.converse": (
        {
            "modelId": "m-1",
            "system": [{"text": "Be brief."}],
            "messages": [
                {"role": "user", "content": [{"text": "Weather in Oslo?"}]},
                {
                    "role": "assistant",
                    "content": [
                        {"toolUse": {"toolUseId": "call_0", "name": "get_weather", "input": USE}}
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"toolResult": {"toolUseId": "call_0", "content": [{"text": "rain"}]}}
                    ],
                },
            ],
            "toolConfig": {
                "tools": [{"toolSpec": {**FUNCTION, "inputSchema": {"json": SCHEMA}}}],
                "toolChoice": {"any": {}},
            },
        },
        {
            "output": {
                "message": {
                    "role": "assistant",
                    "content": [
                        {"toolUse": {"toolUseId": "call_1", "name": "get_weather", "input": USE}}
                    ],
                }
            },
            "stopReason": "tool_use",
            "usage": {"inputTokens": 9, "outputTokens": 4},
        },
    ),
    "ollama.chat": (
        {
            "model": "m-1",
            "messages": [
                *MESSAGES[:2],
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": "call_0", "function": {"name": "get_weather", "arguments": USE}}
                    ],
                },
                MESSAGES[3],
            ],
            "tools": [WEATHER],
        },
        {
            "model": "m-1",
            "message": {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {"id": "call_1", "function": {"name": "get_weather", "arguments": USE}}
                ],
            },
            "done": True,
            "done_reason": "stop",
            "prompt_eval_count": 9,
            "eval_count": 4,
        },
    ),
    "cohere.v2": (
        {"model": "m-1", "messages": MESSAGES, "tools": [WEATHER], "tool_choice": "REQUIRED"},
        {
            "message": {**answer("call_1", '{"city":"Oslo"}'), "tool_plan": "I will look."},
            "finish_reason": "TOOL_CALL",
            "usage": {"tokens": {"input_tokens": 9, "output_tokens": 4}},
        },
    ),
}


def exchanged(protocol: str, request: Any, response: Any, **how: Any) -> TurnRecord:
    sides = [
        side if isinstance(side, bytes) else json.dumps(side).encode()
        for side in (request, response)
    ]
    exchange = how.pop("exchange", EXCHANGE)
    return record_of_exchange(
        protocol, *sides, streamed=how.pop("streamed", False), exchange=exchange
    )


@pytest.mark.parametrize("protocol", SIDES)
def test_every_protocol_gives_the_same_turn(protocol: str) -> None:
    request, response = SIDES[protocol]
    turn = exchanged(protocol, request, response)
    assert (turn.protocol, turn.model, turn.provider, turn.latency_ms) == (protocol, "m-1", "p", 5)
    expected = [dict(message) for message in MESSAGES]
    if protocol == "google.generateContent":
        expected[3] |= {"content": '{"r":1}', "name": "w"}
    assert turn.request.messages == expected
    assert turn.request.tools is not None
    assert turn.request.tools[0]["function"] == WEATHER["function"]
    assert turn.request.tool_choice == (None if protocol == "ollama.chat" else "required")
    assert turn.calls[0]["id"] == "call_1"
    assert turn.calls[0]["function"] == {"name": "get_weather", "arguments": '{"city":"Oslo"}'}
    assert turn.response is not None and turn.response.finish_reason
    usage = read_usage(turn.response.usage)
    assert usage is not None and (usage.input_tokens, usage.output_tokens) == (9, 4)
    assert not turn.notes
    assert read_record(turn.to_json()) == turn


@pytest.mark.parametrize("protocol", sorted(set(SIDES) - {"ollama.chat", "cohere.v2"}))
def test_a_request_is_told_by_its_shape(protocol: str) -> None:
    assert protocol_of_request(SIDES[protocol][0]) == protocol


def test_openai_messages_stay_the_wire() -> None:
    request = b'{"model":"m","messages":[{"content":"\\ud800","role":"user","n":1e2,"x":null}]}'
    turn = exchanged("openai.chat", request, SIDES["openai.chat"][1])
    assert list(turn.request.messages[0]) == ["content", "role", "n", "x"]
    assert turn.request.messages[0]["content"] == "\ud800"
    assert turn.response is not None
    assert turn.response.message == answer("call_1", '{"city":"Oslo"}')


def test_legacy_functions_are_tools() -> None:
    request = {
        "model": "m",
        "messages": [],
        "functions": [FUNCTION],
        "function_call": {"name": "get_weather"},
    }
    message = {"role": "assistant", "function_call": {"name": "get_weather", "arguments": "{}"}}
    turn = exchanged("openai.chat", request, {"choices": [{"message": message}]})
    assert turn.request.tools == [{"type": "function", "function": FUNCTION}]
    assert turn.request.tool_choice == {"type": "function", "function": {"name": "get_weather"}}
    assert turn.calls[0]["function"] == message["function_call"]


def test_the_tool_as_it_was_sent_is_kept() -> None:
    sent = {**FUNCTION, "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}}
    hosted = {"type": "web_search_20250305", "name": "web_search"}
    request = {"model": "m", "messages": [], "tools": [sent, hosted]}
    turn = exchanged("anthropic.messages", request, SIDES["anthropic.messages"][1])
    assert turn.request.tools is not None
    assert turn.request.tools[0]["native"] == sent
    assert turn.request.tools[1] == hosted


def test_calls_that_the_provider_ran_are_no_calls_of_ours() -> None:
    response = {
        **SIDES["anthropic.messages"][1],
        "content": [
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": "x"}},
            {"type": "tool_use", "id": "c", "name": "get_weather", "input": {}},
        ],
    }
    turn = exchanged("anthropic.messages", SIDES["anthropic.messages"][0], response)
    assert [(call["id"], call["function"]["arguments"]) for call in turn.calls] == [("c", "{}")]
    assert "web_search" in turn.notes[0].detail


def test_a_stream_is_assembled() -> None:
    deltas = [
        {"index": 0, "id": "call_1", "function": {"name": "get_weather", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"city":'}},
        {"index": 0, "function": {"arguments": '"Oslo"}'}},
    ]
    events = [{"choices": [{"index": 0, "delta": {"tool_calls": [delta]}}]} for delta in deltas]
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    whole = body + b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n\n'
    turn = exchanged(
        "openai.chat", SIDES["openai.chat"][0], whole + b"data: [DONE]\n\n", streamed=True
    )
    assert turn.calls[0]["function"]["arguments"] == '{"city":"Oslo"}'
    cut = exchanged("openai.chat", SIDES["openai.chat"][0], body[:-20], streamed=True)
    assert cut.calls[0]["function"]["arguments"] == '{"city":'
    assert "response_incomplete" in {note.code for note in cut.notes}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"error": {"message": "no", "code": "bad_key"}}', "bad_key"),
        (b'[{"error": {"message": "no", "status": "DENIED"}}]', "DENIED"),
        (b"<html>gateway</html>", "http_502"),
        (b"", "http_502"),
    ],
)
def test_an_http_error_is_the_error_of_its_turn(body: bytes, code: str) -> None:
    exchange = Exchange("x", "t", EXCHANGE.at, status=502)
    turn = exchanged("openai.chat", SIDES["openai.chat"][0], body, exchange=exchange)
    assert turn.response is None
    assert (turn.error["status"], turn.error["code"]) == (502, code)
    assert turn.request.messages == MESSAGES


@pytest.mark.parametrize("protocol", SIDES)
@pytest.mark.parametrize("body", [b"", b"nope", b"[]", b"{}", b"\xff", b"[" * 99_999, b"null"])
def test_bytes_that_are_none_of_the_protocol_make_a_turn_that_says_so(
    protocol: str, body: bytes
) -> None:
    turn = exchanged(protocol, body, body)
    assert turn.request.messages == []
    assert turn.error is not None or turn.calls == []


JUNK: list[Any] = [
    None,
    True,
    0,
    1e9,
    10**30,
    "",
    "\ud800\0",
    [],
    {},
    [[1]],
    {"role": 5},
    "x" * 400,
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        if isinstance(child, dict | list):
            yield from places(child, (*path, key))
        else:
            yield (*path, key)


def spoiled(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = spoiled(value[path[0]], path[1:], junk)
    return copy


@pytest.mark.parametrize("protocol", SIDES)
def test_no_shape_of_either_side_raises(protocol: str) -> None:
    request, response = SIDES[protocol]
    choose = random.Random(protocol)
    for side in (request, response):
        for path in places(side):
            for junk in choose.sample(JUNK, 4):
                bad = spoiled(side, path, junk)
                sides = (bad, response) if side is request else (request, bad)
                turn = exchanged(protocol, *sides)
                assert read_record(json.loads(json.dumps(turn.to_json()))) == turn
