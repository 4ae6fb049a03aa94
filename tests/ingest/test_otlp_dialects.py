from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from conversations.ingest.otlp import (
    Ignored,
    Refused,
    ResultFragment,
    SpanEvent,
    TurnFragment,
    dialect_of,
    read_span,
)
from conversations.ingest.record import TurnRecord
from tests.ingest.samples import START, WEATHER, answer, chat, span, tool

CALL = answer()["tool_calls"][0]
INPUT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Weather in Oslo?"},
    answer("call_0"),
    {"role": "tool", "tool_call_id": "call_0", "content": "rain"},
]
PARTS_IN: list[dict[str, Any]] = [
    {"role": "user", "parts": [{"type": "text", "content": "Weather in Oslo?"}]},
    {
        "role": "assistant",
        "parts": [
            {
                "type": "tool_call",
                "id": "call_0",
                "name": "get_weather",
                "arguments": '{"city": "Oslo"}',
            }
        ],
    },
    {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": "call_0", "response": "rain"}],
    },
]
PARTS_OUT = [
    {"role": "assistant", "parts": PARTS_IN[1]["parts"], "finish_reason": "tool_call"},
]
SYSTEM = [{"type": "text", "content": "Be brief."}]


def calling(call_id: str) -> list[dict[str, Any]]:
    return [{**CALL, "id": call_id}]


def genai(write: Any) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m-1",
        "gen_ai.input.messages": write(PARTS_IN),
        "gen_ai.output.messages": write(PARTS_OUT),
        "gen_ai.system_instructions": write(SYSTEM),
        "gen_ai.tool.definitions": write([{"type": "function", **WEATHER["function"]}]),
    }


OPENLLMETRY = {
    "llm.request.type": "chat",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "m-1",
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": "Be brief.",
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": "Weather in Oslo?",
    "gen_ai.prompt.2.role": "assistant",
    "gen_ai.prompt.2.tool_calls.0.id": "call_0",
    "gen_ai.prompt.2.tool_calls.0.name": "get_weather",
    "gen_ai.prompt.2.tool_calls.0.arguments": '{"city": "Oslo"}',
    "gen_ai.prompt.3.role": "tool",
    "gen_ai.prompt.3.tool_call_id": "call_0",
    "gen_ai.prompt.3.content": "rain",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.finish_reason": "tool_calls",
    "gen_ai.completion.0.tool_calls.0.id": "call_0",
    "gen_ai.completion.0.tool_calls.0.name": "get_weather",
    "gen_ai.completion.0.tool_calls.0.arguments": '{"city": "Oslo"}',
    "llm.request.functions.0.name": "get_weather",
    "llm.request.functions.0.description": "Weather now",
    "llm.request.functions.0.parameters": json.dumps(WEATHER["function"]["parameters"]),
}


def inference(prefix: str, number: int, **fields: str) -> dict[str, str]:
    stem = f"llm.{prefix}_messages.{number}.message."
    return {stem + name.replace("__", "."): value for name, value in fields.items()}


def inferred_call(prefix: str, number: int) -> dict[str, str]:
    stem = "tool_calls.0.tool_call."
    return inference(prefix, number, role="assistant") | {
        f"llm.{prefix}_messages.{number}.message.{stem}id": "call_0",
        f"llm.{prefix}_messages.{number}.message.{stem}function.name": "get_weather",
        f"llm.{prefix}_messages.{number}.message.{stem}function.arguments": '{"city": "Oslo"}',
    }


OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "m-1",
    "llm.provider": "openai",
    "llm.invocation_parameters": '{"temperature": 0.5, "tool_choice": "auto"}',
    "llm.token_count.prompt": 7,
    "llm.token_count.completion": 3,
    **inference("input", 0, role="system", content="Be brief."),
    **inference("input", 1, role="user", content="Weather in Oslo?"),
    **inferred_call("input", 2),
    **inference("input", 3, role="tool", tool_call_id="call_0", content="rain"),
    **inferred_call("output", 0),
    "llm.tools.0.tool.json_schema": json.dumps(WEATHER),
    "llm.finish_reason": "tool_calls",
}
EVENTS: list[dict[str, Any]] = [
    {"event.name": "gen_ai.system.message", "content": "Be brief.", "role": "system"},
    {"event.name": "gen_ai.user.message", "content": "Weather in Oslo?", "role": "user"},
    {
        "event.name": "gen_ai.assistant.message",
        "role": "assistant",
        "tool_calls": calling("call_0"),
    },
    {"event.name": "gen_ai.tool.message", "role": "tool", "id": "call_0", "content": "rain"},
    {"event.name": "gen_ai.choice", "index": 0, "message": answer("call_0")},
]
PYDANTIC_AI = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "m-1",
    "events": json.dumps(EVENTS),
    "model_request_parameters": json.dumps(
        {
            "function_tools": [
                {
                    "name": "get_weather",
                    "description": "Weather now",
                    "parameters_json_schema": WEATHER["function"]["parameters"],
                }
            ]
        }
    ),
}
LOGFIRE = {
    "gen_ai.request.model": "m-1",
    "gen_ai.system": "openai",
    "request_data": json.dumps({"messages": INPUT, "model": "m-1", "tools": [WEATHER]}),
    "response_data": json.dumps({"message": answer("call_0"), "usage": {"total_tokens": 3}}),
}
SPAN_EVENTS = tuple(
    SpanEvent(
        entry["event.name"],
        START + place,
        {
            name: value if isinstance(value, str | int) else json.dumps(value)
            for name, value in entry.items()
            if name != "event.name"
        },
    )
    for place, entry in enumerate(EVENTS)
)
DIALECTS: list[tuple[str, Mapping[str, Any], tuple[SpanEvent, ...]]] = [
    ("genai", genai(json.dumps), ()),
    ("genai", genai(lambda value: value), ()),
    ("openllmetry", OPENLLMETRY, ()),
    ("openinference", OPENINFERENCE, ()),
    ("genai-events", PYDANTIC_AI, ()),
    ("logfire", LOGFIRE, ()),
    (
        "genai-events",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "m-1",
            "gen_ai.system": "openai",
            "gen_ai.tool.definitions": [WEATHER],
        },
        SPAN_EVENTS,
    ),
]


def turn_of(attributes: Mapping[str, Any], **fields: Any) -> TurnRecord:
    fragment = read_span(span(attributes, **fields))
    assert isinstance(fragment, TurnFragment), fragment
    return fragment.record


def spoken(message: dict[str, Any]) -> dict[str, Any]:
    """A message without what dialects write differently and mean nothing by."""
    return {name: value for name, value in message.items() if value is not None}


@pytest.mark.parametrize(("name", "attributes", "events"), DIALECTS)
def test_every_dialect_gives_the_same_turn(
    name: str, attributes: Mapping[str, Any], events: tuple[SpanEvent, ...]
) -> None:
    assert dialect_of(span(attributes, events=events)) == name
    turn = turn_of(attributes, events=events)
    assert [spoken(one) for one in turn.request.messages] == [spoken(one) for one in INPUT]
    assert turn.calls == calling("call_0")
    assert turn.request.tools is not None
    assert turn.request.tools[0]["function"] == WEATHER["function"]
    assert (turn.model, turn.provider, turn.latency_ms) == ("m-1", "openai", 100)
    assert not {note.code for note in turn.notes} - {"arguments_as_object"}


def test_what_a_span_says_beside_its_messages() -> None:
    turn = turn_of(
        chat(
            ("a", "Oslo"),
            **{
                "gen_ai.response.model": "m-1-2026",
                "gen_ai.response.finish_reasons": ["tool_calls"],
                "gen_ai.usage.input_tokens": 10,
                "gen_ai.usage.output_tokens": 5,
                "gen_ai.usage.cache_read.input_tokens": 4,
                "gen_ai.request.temperature": 0.5,
                "gen_ai.request.stop_sequences": ["x"],
                "gen_ai.response.time_to_first_chunk": 0.025,
                "gen_ai.conversation.id": "talk",
                "enduser.id": "ada",
            },
        ),
        resource={"deployment.environment.name": "live", "service.name": "shop"},
    )
    assert (turn.conversation, turn.user, turn.environment) == ("talk", "ada", "live")
    assert (turn.tags, turn.first_token_ms) == (("service:shop",), 25)
    assert turn.request.parameters == {"model": "m-1", "temperature": 0.5, "stop": ["x"]}
    assert turn.response is not None
    assert turn.response.finish_reason == "tool_calls"
    assert turn.response.usage == {
        "input_tokens": 10,
        "output_tokens": 5,
        "cached_input_tokens": 4,
    }


def test_the_wire_beside_openinference_is_preferred() -> None:
    request = {"model": "m-1", "messages": INPUT, "tools": [WEATHER], "n": 1}
    said = {"choices": [{"message": answer("call_0"), "finish_reason": "stop"}]}
    wire = {"input.value": json.dumps(request), "output.value": json.dumps(said)}
    cut = {key: value for key, value in OPENINFERENCE.items() if "messages.1." not in key}
    turn = turn_of({**cut, **wire})
    assert turn.request.messages == INPUT
    assert turn.response is not None and turn.response.message == answer("call_0")
    assert turn.request.parameters["n"] == 1
    assert not turn.notes


NOTED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"gen_ai.operation.name": "chat"}, {}, "content_not_recorded"),
    ({"gen_ai.operation.name": "chat"}, {}, "model_unknown"),
    (chat(), {"dropped_attributes": 9}, "attributes_dropped"),
    (chat(), {"dropped_events": 1}, "events_dropped"),
    (chat(), {"milliseconds": -5}, "time_reversed"),
    (chat(), {}, "calls_not_recorded"),
    (chat(("a", "Oslo")), {}, "arguments_as_object"),
    (chat(**{"gen_ai.input.messages": "[cut"}), {}, "attribute_unreadable"),
    (chat(**{"gen_ai.output.messages": None}), {}, "attribute_unreadable"),
    ({**chat(), **{f"x{n}": n for n in range(123)}}, {}, "attribute_limit_reached"),
    (
        {k: v for k, v in OPENINFERENCE.items() if "messages.1." not in k},
        {},
        "message_gap",
    ),
    ({k: v for k, v in OPENLLMETRY.items() if "functions" not in k}, {}, "tools_not_recorded"),
    ({k: v for k, v in OPENLLMETRY.items() if "prompt" not in k}, {}, "request_not_recorded"),
    ({k: v for k, v in OPENLLMETRY.items() if "completion" not in k}, {}, "response_not_recorded"),
]


@pytest.mark.parametrize(("attributes", "fields", "code"), NOTED)
def test_what_a_span_lacks_is_said(
    attributes: dict[str, Any], fields: dict[str, Any], code: str
) -> None:
    assert code in {note.code for note in turn_of(attributes, **fields).notes}


def test_a_failed_call_is_an_error_with_its_request() -> None:
    attributes = {k: v for k, v in chat().items() if "output" not in k}
    raised = SpanEvent("exception", START, {"exception.type": "E", "exception.message": "why"})
    turn = turn_of(attributes, failed=True, events=(raised,))
    assert turn.response is None
    assert turn.error == {"code": "E", "message": "why"}
    assert turn.request.messages


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({}, "other"),
        ({"http.method": "GET"}, "other"),
        ({"gen_ai.operation.name": "embeddings"}, "embeddings"),
        ({"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "m"}, "invoke_agent"),
        ({"openinference.span.kind": "CHAIN", "input.value": "{}"}, "chain"),
        ({"traceloop.span.kind": "workflow"}, "workflow"),
    ],
)
def test_spans_that_call_no_model_are_counted_aside(
    attributes: dict[str, Any], reason: str
) -> None:
    assert read_span(span(attributes)) == Ignored(reason)


def test_a_turn_that_no_record_may_hold_is_refused_alone() -> None:
    fragment = read_span(span(chat(), start=-START // 1_000_000))
    assert isinstance(fragment, Refused) and fragment.code == "bad_time"
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    fragment = read_span(span(chat(**{"gen_ai.tool.definitions": [{"x": deep}]})))
    assert isinstance(fragment, Refused) and fragment.code == "too_deep"
    dots = "gen_ai.prompt.0." + "a." * 5000 + "b"
    fragment = read_span(span({"llm.request.type": "chat", dots: 1}))
    assert isinstance(fragment, Refused) and fragment.code == "too_deep"


RESULTS: list[tuple[dict[str, Any], tuple[str | None, str, Any]]] = [
    (
        tool(gen_ai__tool__call__id="c", gen_ai__tool__call__result="rain"),
        ("c", "get_weather", "rain"),
    ),
    (
        {
            "openinference.span.kind": "TOOL",
            "tool.name": "get_weather",
            "input.value": '{"city": "Oslo"}',
            "output.value": "rain",
        },
        (None, "get_weather", "rain"),
    ),
    (
        {
            "traceloop.span.kind": "tool",
            "traceloop.entity.name": "get_weather",
            "traceloop.entity.output": '"rain"',
        },
        (None, "get_weather", '"rain"'),
    ),
    (tool(tool_response="rain"), (None, "get_weather", "rain")),
    (
        {"gen_ai.tool.name": "get_weather", "gen_ai.tool.call.id": "c", "tool_response": "rain"},
        ("c", "get_weather", "rain"),
    ),
]


@pytest.mark.parametrize(("attributes", "expected"), RESULTS)
def test_tool_spans_are_results(
    attributes: dict[str, Any], expected: tuple[str | None, str, Any]
) -> None:
    fragment = read_span(span(attributes))
    assert isinstance(fragment, ResultFragment)
    result = fragment.result
    assert (result.call_id, result.name, result.content) == expected
    assert (result.status, result.latency_ms) == ("ok", 100)


@pytest.mark.parametrize(
    ("message", "status"),
    [("boom", "error"), ("Read timed out", "timeout"), ("429 Too Many Requests", "rate_limited")],
)
def test_a_failed_tool_says_how(message: str, status: str) -> None:
    fragment = read_span(span(tool(), failed=True, status_message=message))
    assert isinstance(fragment, ResultFragment)
    assert (fragment.result.status, fragment.result.content) == (status, message)
