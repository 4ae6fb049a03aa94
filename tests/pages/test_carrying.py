"""Stored requests of every protocol are asked again, and what stays behind is said."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.carrying import carry
from conversations.ingest.native import REQUESTS
from conversations.runs import Blocked, check
from tests import factories

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT_TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}
ASKED: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "openai.chat": (
        {
            "model": "m",
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": None, "function_call": {
                    "name": "get_weather", "arguments": "{}"}},
                {"role": "function", "name": "get_weather", "content": None},
            ],
            "functions": [{"name": "get_weather", "parameters": SCHEMA}],
            "function_call": "auto",
            "temperature": 0,
            "stream": True,
            "prediction": {"type": "content", "content": "x"},
        },
        {"temperature": 0},
        ["prediction"],
    ),
    "openai.responses": (
        {
            "model": "m",
            "instructions": "Be brief.",
            "input": "Hi",
            "tools": [
                {"type": "function", "name": "get_weather", "parameters": SCHEMA},
                {"type": "web_search"},
            ],
            "max_output_tokens": 50,
            "reasoning": {"effort": "low"},
            "include": ["reasoning.encrypted_content"],
        },
        {"max_tokens": 50, "reasoning_effort": "low"},
        ["web_search", "include"],
    ),
    "anthropic.messages": (
        {
            "model": "m",
            "system": "Be brief.",
            "max_tokens": 50,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "stop_sequences": ["END"],
            "tools": [{"name": "get_weather", "input_schema": SCHEMA}],
            "tool_choice": {"type": "any"},
            "messages": [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {"city": "a"}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "rain"}]},
            ],
        },
        {"max_tokens": 50, "stop": ["END"]},
        ["thinking", "reasoning_content"],
    ),
    "google.generateContent": (
        {
            "model": "models/m",
            "contents": [
                {"role": "user", "parts": [{"text": "Hi"}]},
                {"role": "model", "parts": [
                    {"functionCall": {"name": "get_weather", "args": {"city": "a"}}}]},
                {"role": "user", "parts": [
                    {"functionResponse": {"name": "get_weather", "response": {"sky": "rain"}}}]},
            ],
            "tools": [
                {"functionDeclarations": [{"name": "get_weather", "parameters": SCHEMA}]},
                {"googleSearch": {}},
            ],
            "generationConfig": {"maxOutputTokens": 50, "topP": 0.5, "candidateCount": 1},
            "safetySettings": [{"category": "x"}],
        },
        {"max_tokens": 50, "top_p": 0.5},
        ["googleSearch", "safetySettings"],
    ),
    "ollama.chat": (
        {
            "model": "m",
            "messages": [{"role": "user", "content": "Hi"}],
            "tools": [CHAT_TOOL],
            "options": {"num_predict": 50, "temperature": 0.5, "num_ctx": 4096},
            "keep_alive": "5m",
        },
        {"max_tokens": 50, "temperature": 0.5},
        ["num_ctx", "keep_alive"],
    ),
    "bedrock.converse": (
        {
            "modelId": "m",
            "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
            "inferenceConfig": {"maxTokens": 50, "stopSequences": ["END"]},
            "toolConfig": {"tools": [{"toolSpec": {
                "name": "get_weather", "inputSchema": {"json": SCHEMA}}}]},
            "guardrailConfig": {"guardrailIdentifier": "g"},
        },
        {"max_tokens": 50, "stop": ["END"]},
        ["guardrailConfig"],
    ),
    "cohere.v2": (
        {
            "model": "m",
            "messages": [{"role": "user", "content": "Hi"}],
            "tools": [CHAT_TOOL],
            "p": 0.5,
            "citation_options": {"mode": "fast"},
        },
        {"top_p": 0.5},
        ["citation_options"],
    ),
}  # fmt: skip


def as_stored(protocol: str) -> dict[str, Any]:
    """The request as a stored turn gives it back."""
    read = REQUESTS[protocol](ASKED[protocol][0])
    whole = {"model": read.model, "messages": read.messages, **read.parameters}
    whole |= {"tools": read.tools} if read.tools is not None else {}
    return whole | ({"tool_choice": read.tool_choice} if read.tool_choice is not None else {})


@pytest.mark.parametrize("protocol", sorted(REQUESTS))
def test_every_protocol_is_carried_over_and_says_what_is_not(protocol: str) -> None:
    _, parameters, said = ASKED[protocol]
    carried = carry(as_stored(protocol))
    assert carried.parameters == parameters
    assert len(carried.tools) == 1
    for word in said:
        assert any(word in sentence for sentence in carried.left), carried.left


@pytest.mark.django_db
@pytest.mark.parametrize("protocol", sorted(REQUESTS))
def test_what_is_carried_over_may_run(protocol: str) -> None:
    project = factories.make_project()
    connection = factories.make_connection(project)
    carried = carry(as_stored(protocol))
    try:
        check(
            project,
            {
                "connection": connection.pk,
                "model": "m",
                "messages": carried.messages,
                "tools": [{"definition": tool} for tool in carried.tools],
                "tool_choice": carried.tool_choice,
                "parameters": carried.parameters,
            },
        )
    except Blocked as blocked:
        pytest.fail(f"{blocked.reasons}")


def test_calls_without_an_id_get_one_and_their_answers_the_same() -> None:
    carried = carry(as_stored("google.generateContent"))
    call, answer = carried.messages[1]["tool_calls"][0], carried.messages[2]
    assert call["id"] and answer["tool_call_id"] == call["id"]


@pytest.mark.parametrize(
    ("choice", "kept"),
    [
        ("auto", "auto"),
        ("any", "required"),
        ({"type": "function", "function": {"name": "get_weather"}},) * 2,
        (
            {"type": "function", "name": "get_weather"},
            {"type": "function", "function": {"name": "get_weather"}},
        ),
        ({"type": "function", "function": {"name": "gone"}}, None),
        ({"type": "allowed_tools"}, None),
        (["odd"], None),
    ],
)
def test_a_tool_choice_is_kept_where_it_has_an_equal(choice: Any, kept: Any) -> None:
    asked = {"messages": [{"role": "user", "content": "x"}], "tools": [CHAT_TOOL]}
    carried = carry(asked | {"tool_choice": choice})
    assert carried.tool_choice == kept
    assert bool(carried.left) == (kept is None)


def test_what_the_record_lacks_is_told_too() -> None:
    notes = [{"code": "tools_not_recorded", "detail": "No tools."}, {"code": "time_unknown"}]
    asked = [{"role": "user", "content": "Hi"}]
    assert carry({"messages": asked}, (), notes).left == ["No tools."]
    assert "write one" in carry({"messages": []}).left[0]


def test_hostile_requests_are_carried_somehow() -> None:
    messages: list[Any] = [
        {"role": "model", "content": "x"},
        {"role": "user", "content": ""},
        {"role": "assistant", "tool_calls": [None, {"function": {"name": "f"}}]},
        {"role": "tool"},
    ]
    tools: list[Any] = [{}, {"type": "function", "function": {"name": "f"}}] * 2
    carried = carry({"messages": messages, "tools": tools})
    assert [one["role"] for one in carried.messages] == ["user", "assistant", "tool"]
    assert len(carried.tools) == 1 and carried.messages[2]["tool_call_id"]
