"""Each protocol's plain path: one small stream each to its whole answer."""

from __future__ import annotations

import json

import pytest

from conversations.assembly import assemble, message_of, read_answer
from conversations.parts import Call, Failed, Reasoning, Text, WireProtocol
from tests.assembly.streams import FIXTURES, PROTOCOL_OF, decisions, named, play, sse


def answer_of(name: str):  # type: ignore[no-untyped-def]
    return play((FIXTURES / name).read_bytes(), PROTOCOL_OF[name])[1]


def test_chat_keeps_interleaved_calls_and_the_text_around_them() -> None:
    answer = answer_of("chat_interleaved.sse")
    assert named(answer) == [
        ("a", "get_current_weather", '{"location":"Zürich"}'),
        ("b", "get_time", '{"zone":"😀"}'),
    ]
    assert [type(part) for part in answer.first.parts] == [Text, Call, Call, Text]
    assert answer.first.text == "Grüße 👋 und "
    assert (answer.model, answer.response_id, answer.complete) == ("m-1", "c-1", True)
    assert answer.first.finish_reason == "tool_calls"
    assert answer.usage is not None
    usage = answer.usage
    assert (usage.input_tokens, usage.output_tokens) == (11, 7)
    assert (usage.cached_input_tokens, usage.reasoning_tokens) == (3, 2)
    assert not answer.findings and not answer.decisions


def test_chat_reads_legacy_functions() -> None:
    answer = answer_of("chat_legacy.sse")
    assert named(answer) == [(None, "get_time", '{"zone":"UTC"}')]
    assert message_of(answer) == {
        "role": "assistant",
        "content": None,
        "function_call": {"name": "get_time", "arguments": '{"zone":"UTC"}'},
    }
    assert not answer.decisions


def test_chat_keeps_choices_apart() -> None:
    answer = answer_of("chat_two_choices.sse")
    assert [choice.text for choice in answer.choices] == ["One way", ""]
    assert [len(choice.calls) for choice in answer.choices] == [0, 1]
    assert [choice.finish_reason for choice in answer.choices] == ["stop", "tool_calls"]
    assert message_of(answer, 1)["tool_calls"][0]["id"] == "x"


def test_responses_tells_items_apart_by_their_place_and_not_their_id() -> None:
    answer = answer_of("responses.sse")
    assert named(answer) == [("call-1", "get_time", '{"zone":"ÄÖ"}')]
    assert answer.calls[0].provider_details == {"id": "fc-1"}
    assert [type(part) for part in answer.first.parts] == [Reasoning, Call, Text]
    assert answer.first.text == "Half past"
    assert answer.first.finish_reason == "completed"
    assert answer.first.provider_details["reasoning"][0]["encrypted_content"] == "zzz"
    assert not answer.decisions and not answer.findings


def test_anthropic_reads_blocks() -> None:
    answer = answer_of("anthropic.sse")
    assert [(call.type, call.name, call.arguments) for call in answer.calls] == [
        ("tool_use", "get_current_weather", '{"location": "Köln"}'),
        ("server_tool_use", "web_search", '{"query":"Köln"}'),
    ]
    thought = answer.first.parts[0]
    assert isinstance(thought, Reasoning)
    assert (thought.text, thought.provider_details) == ("Überlegen", {"signature": "sig"})
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (20, 30)
    assert answer.complete and not answer.decisions


def test_an_empty_input_is_the_arguments_of_a_whole_anthropic_call() -> None:
    block = {"type": "tool_use", "id": "a", "name": "now", "input": {}}
    whole = {"type": "message", "content": [block], "stop_reason": "tool_use"}
    streamed = sse(
        {"type": "message_start", "message": {"content": []}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
        done=False,
    )
    answer = read_answer("anthropic.messages", json.dumps(whole).encode())
    assert named(answer) == [("a", "now", "{}")]
    assert named(assemble("anthropic.messages", streamed)) == [("a", "now", "")]


def test_google_reads_whole_calls_and_thoughts() -> None:
    answer = answer_of("google.sse")
    assert named(answer) == [(None, "get_time", '{"zone":"Ångström"}'), ("f2", "get_time", "{}")]
    assert answer.calls[0].provider_details == {"thoughtSignature": "ts"}
    assert (answer.first.text, answer.first.finish_reason) == ("né", "STOP")
    assert answer.complete and not answer.decisions


def test_ollama_reads_lines() -> None:
    answer = answer_of("ollama.ndjson")
    assert named(answer) == [(None, "get_time", '{"zone":"Malmö"}'), (None, "get_time", "{}")]
    assert (answer.first.text, answer.first.finish_reason) == ("Ja. ", "stop")
    assert answer.usage is not None and answer.usage.input_tokens == 9
    assert answer.complete and not answer.decisions


WHOLE: list[tuple[WireProtocol, object]] = [
    (
        "openai.chat",
        {
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "tool_calls",
                    "message": {
                        "content": "Hi",
                        "tool_calls": [
                            {"id": "a", "function": {"name": "f", "arguments": '{"x":1}'}}
                        ],
                    },
                }
            ]
        },
    ),
    (
        "openai.responses",
        {
            "object": "response",
            "status": "completed",
            "output": [
                {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]},
                {"type": "function_call", "call_id": "a", "name": "f", "arguments": '{"x":1}'},
            ],
        },
    ),
    (
        "anthropic.messages",
        {
            "type": "message",
            "content": [
                {"type": "text", "text": "Hi"},
                {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
            ],
            "stop_reason": "tool_use",
        },
    ),
    (
        "ollama.chat",
        {
            "message": {
                "content": "Hi",
                "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}],
            },
            "done": True,
        },
    ),
    (
        "google.generateContent",
        {
            "candidates": [
                {
                    "content": {
                        "parts": [
                            {"text": "Hi"},
                            {"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}},
                        ]
                    },
                    "finishReason": "STOP",
                }
            ]
        },
    ),
]


@pytest.mark.parametrize(("protocol", "payload"), WHOLE, ids=[name for name, _ in WHOLE])
def test_a_whole_answer_reads_like_a_stream(protocol: WireProtocol, payload: object) -> None:
    body = json.dumps(payload).encode()
    answer = read_answer(protocol, body)
    assert named(answer) == [("a", "f", '{"x":1}')]
    assert answer.first.text == "Hi"
    assert answer.complete and not answer.error and not answer.decisions
    # The same body in place of a stream that was asked for is read, too, and noted.
    events, streamed = play(body, protocol)
    assert named(streamed) == named(answer)
    assert not any(isinstance(event, Failed) for event in events)


@pytest.mark.parametrize(
    ("protocol", "payload", "code"),
    [
        ("openai.chat", {"error": {"message": "no", "code": "bad_key"}}, "bad_key"),
        ("openai.chat", {"error": {"message": "no", "type": "server_error"}}, "server_error"),
        ("openai.responses", {"type": "error", "code": "quota", "message": "no"}, "quota"),
        (
            "openai.responses",
            {
                "type": "response.failed",
                "response": {"status": "failed", "error": {"code": "x", "message": "no"}},
            },
            "x",
        ),
        (
            "anthropic.messages",
            {"type": "error", "error": {"type": "overloaded_error", "message": "no"}},
            "overloaded_error",
        ),
        ("ollama.chat", {"error": "no"}, "error"),
        ("google.generateContent", {"error": {"code": 429, "message": "no"}}, "429"),
        ("google.generateContent", {"promptFeedback": {"blockReason": "SAFETY"}}, "SAFETY"),
    ],
)
def test_an_error_is_the_same_in_a_stream_and_in_its_place(
    protocol: WireProtocol, payload: object, code: str
) -> None:
    body = json.dumps(payload).encode() + b"\n"
    stream = body if protocol == "ollama.chat" else sse(payload, done=False)
    events, answer = play(stream, protocol)
    assert [event.error.code for event in events if isinstance(event, Failed)] == [code]
    assert answer.error is not None and answer.error.message
    whole = read_answer(protocol, body)
    assert whole.error is not None and whole.error.code == code


def test_an_error_page_in_place_of_a_stream_is_kept() -> None:
    events, answer = play(b"<html>\n<h1>502 Bad Gateway</h1>\n</html>\n")
    assert answer.error is not None
    assert answer.error.code == "malformed_stream"
    assert "502 Bad Gateway" in answer.error.raw
    assert len([event for event in events if isinstance(event, Failed)]) == 1
    assert not answer.complete


def test_a_whole_answer_in_place_of_a_stream_is_noted() -> None:
    _, answer = play(json.dumps(WHOLE[0][1]).encode())
    assert decisions(answer) == {"whole_answer_in_stream"}
