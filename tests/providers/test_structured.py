"""Structured output beside tools, in each provider's form, and a conversation that changes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conversations.carrying import carry
from conversations.providers import Ask
from conversations.providers.anthropic import to_messages
from conversations.providers.base import Prepared
from conversations.providers.ollama import to_ollama
from conversations.providers.openai import to_chat, to_functions, to_responses

SCHEMA = {"type": "object", "properties": {"celsius": {"type": "number"}}}
NAMED: dict[str, Any] = {"name": "answer", "schema": SCHEMA}
ASKED = {"type": "json_schema", "json_schema": NAMED}
STRICT = {"type": "json_schema", "json_schema": {**NAMED, "strict": True}}
JSON = {"type": "json_object"}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
USER = {"role": "user", "content": "Oslo?"}

Convert = Callable[[Ask], Prepared]
FORMS: list[tuple[Convert, Any, str, Any]] = [
    (to_chat, STRICT, "response_format", STRICT),
    (to_functions, STRICT, "response_format", STRICT),
    (to_responses, STRICT, "text", {"format": {"type": "json_schema", **NAMED, "strict": True}}),
    (to_responses, JSON, "text", {"format": JSON}),
    (to_messages, ASKED, "output_config", {"format": {"type": "json_schema", "schema": SCHEMA}}),
    (to_messages, JSON, "output_config", None),
    (to_ollama, ASKED, "format", SCHEMA),
    (to_ollama, JSON, "format", "json"),
    (to_ollama, {"type": "text"}, "format", None),
]


@pytest.mark.parametrize(("convert", "asked", "name", "sent"), FORMS)
def test_each_provider_is_asked_in_its_own_form_beside_tools(
    convert: Convert, asked: Any, name: str, sent: Any
) -> None:
    made = convert(Ask("m", [USER], [TOOL], None, {"response_format": asked, "max_tokens": 9}))
    assert made.body.get(name) == sent
    assert "tools" in made.body or "functions" in made.body
    assert name == "response_format" or "response_format" not in made.body


@pytest.mark.parametrize(
    ("convert", "asked", "said"),
    [
        (to_messages, STRICT, "Of response_format only the schema is sent"),
        (to_ollama, STRICT, "Of response_format only the schema is sent"),
        (to_messages, JSON, "response_format is left out"),
    ],
)
def test_what_is_lost_is_said(convert: Convert, asked: Any, said: str) -> None:
    made = convert(Ask("m", [USER], [TOOL], None, {"response_format": asked, "max_tokens": 9}))
    assert [note for note in made.notes if said in note]


@pytest.mark.parametrize(
    ("parameters", "expected", "left"),
    [
        ({"response_format": ASKED}, ASKED, ""),
        ({"text": {"format": {"type": "json_schema", **NAMED}}}, ASKED, ""),
        ({"text": {"format": JSON, "verbosity": "low"}}, JSON, "text.verbosity"),
        ({"text": {"verbosity": "low"}}, None, "text"),
        ({"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}, ASKED, ""),
        ({"format": SCHEMA}, ASKED, ""),
        ({"format": "json"}, JSON, ""),
        (
            {
                "generationConfig": {
                    "responseSchema": SCHEMA,
                    "responseMimeType": "application/json",
                }
            },
            ASKED,
            "",
        ),
    ],
)
def test_a_stored_request_is_carried_back_from_each_form(
    parameters: Any, expected: Any, left: str
) -> None:
    carried = carry({"model": "m", "messages": [USER], **parameters})
    assert carried.parameters.get("response_format") == expected
    assert left in " ".join(carried.left) if left else not carried.left


@pytest.mark.parametrize("convert", [to_chat, to_functions, to_responses, to_messages, to_ollama])
def test_a_conversation_of_one_provider_goes_on_with_another(convert: Convert) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    talk = [
        USER,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [call],
            "reasoning_content": "Let me look",
        },
        {"role": "tool", "tool_call_id": "a", "content": "18"},
    ]
    carried = carry({"model": "m", "messages": talk, "tools": [TOOL], "thinking": {"budget": 9}})
    told = " ".join(carried.left)
    assert "reasoning_content of 1 message" in told and "thinking" in told
    made = convert(Ask("n", carried.messages, carried.tools, None, {"max_tokens": 9}))
    assert "18" in str(made.body) and "weather" in str(made.body)
    assert "reasoning" not in str(made.body)
