"""The canonical request in each protocol, and what is said of that which cannot be carried."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.providers import Ask
from conversations.providers.anthropic import to_messages
from conversations.providers.base import Prepared, carriable
from conversations.providers.ollama import to_ollama
from conversations.providers.openai import to_chat, to_functions, to_responses

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {
    "type": "function",
    "function": {"name": "weather", "description": "Now", "parameters": CITY, "strict": True},
}


def call(identity: str, arguments: str = '{"city":"Oslo"}') -> dict[str, Any]:
    function = {"name": "weather", "arguments": arguments}
    return {"id": identity, "type": "function", "function": function}


TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Oslo and Bergen?"},
    {"role": "assistant", "content": "Looking", "tool_calls": [call("a"), call("b")]},
    {"role": "tool", "tool_call_id": "a", "content": "18"},
    {"role": "tool", "tool_call_id": "b", "content": "12"},
    {"role": "user", "content": "Thanks"},
]
FULL = Ask("m", TALK, [TOOL], "required", {"temperature": 0, "seed": 1, "max_tokens": 9})


def test_chat_is_the_canonical_form_itself() -> None:
    made = to_chat(FULL)
    assert made.body["messages"] == TALK and made.body["tools"] == [TOOL]
    assert made.body["tool_choice"] == "required" and made.body["seed"] == 1
    assert made.notes == []


def test_functions_have_one_call_a_message() -> None:
    made = to_functions(FULL)
    roles = [message["role"] for message in made.body["messages"]]
    assert roles == ["system", "user", "assistant", "assistant", "function", "function", "user"]
    assert made.body["messages"][4] == {"role": "function", "name": "weather", "content": "18"}
    assert made.body["functions"] == [{"name": "weather", "description": "Now", "parameters": CITY}]
    assert "function_call" not in made.body
    assert len(made.notes) == 3, made.notes


def test_responses_has_items() -> None:
    made = to_responses(FULL)
    kinds = [item.get("type") or item["role"] for item in made.body["input"]]
    outputs = ["function_call_output"] * 2
    calls = ["function_call"] * 2
    assert kinds == ["system", "user", "assistant", *calls, *outputs, "user"]
    assert made.body["input"][3]["call_id"] == made.body["input"][5]["call_id"] == "a"
    assert made.body["tools"][0]["name"] == "weather" and made.body["max_output_tokens"] == 9
    assert made.body["store"] is False
    assert made.notes == ["seed is left out: Responses does not know it."]


def test_messages_put_results_into_one_user_turn() -> None:
    made = to_messages(FULL)
    assert made.body["system"] == "Be brief."
    assert [message["role"] for message in made.body["messages"]] == ["user", "assistant", "user"]
    blocks = made.body["messages"][2]["content"]
    assert [block["type"] for block in blocks] == ["tool_result", "tool_result", "text"]
    assert made.body["messages"][1]["content"][1]["input"] == {"city": "Oslo"}
    assert made.body["tools"][0]["input_schema"] == CITY
    assert made.body["tool_choice"] == {"type": "any"}
    assert made.notes == ["seed is left out: the Messages API does not know it."]


def test_ollama_takes_objects_and_options() -> None:
    made = to_ollama(FULL)
    assert made.body["messages"][2]["tool_calls"][0]["function"]["arguments"] == {"city": "Oslo"}
    assert made.body["messages"][3] == {"role": "tool", "content": "18", "tool_name": "weather"}
    assert made.body["options"] == {"temperature": 0, "seed": 1, "num_predict": 9}
    assert made.notes == ["tool_choice is left out: Ollama does not know it."]


@pytest.mark.parametrize("arguments", ["not json", "[1]", '{"city": "Os', "[" * 50_000])
@pytest.mark.parametrize("convert", [to_messages, to_ollama])
def test_arguments_that_are_no_object_are_wrapped_and_noted(convert: Any, arguments: str) -> None:
    said = [{"role": "assistant", "content": None, "tool_calls": [call("a", arguments)]}]
    made = convert(Ask("m", said, [TOOL]))
    assert arguments in str(made.body)
    assert any("raw_arguments" in note for note in made.notes)


@pytest.mark.parametrize(
    ("choice", "parallel", "made"),
    [
        (None, None, None),
        ("auto", None, {"type": "auto"}),
        ("none", None, {"type": "none"}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
        (
            {"type": "function", "function": {"name": "weather"}},
            True,
            {"type": "tool", "name": "weather"},
        ),
    ],
)
def test_anthropic_words_a_choice(choice: Any, parallel: Any, made: Any) -> None:
    parameters = {} if parallel is None else {"parallel_tool_calls": parallel}
    body = to_messages(Ask("m", TALK[:2], [TOOL], choice, parameters)).body
    assert body.get("tool_choice") == made


def test_images_go_where_a_protocol_has_them() -> None:
    url = "data:image/png;base64,AAAA"
    content = [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": url}}]
    ask = Ask("m", [{"role": "user", "content": content}])
    image = to_messages(ask).body["messages"][0]["content"][1]["source"]
    assert image == {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    assert to_ollama(ask).body["messages"][0]["images"] == ["AAAA"]
    parts = to_responses(ask).body["input"][0]["content"]
    assert parts[1] == {"type": "input_image", "image_url": url}


def test_a_lone_surrogate_is_replaced_and_noted() -> None:
    made = carriable(Prepared("openai.chat", {"messages": ["a\ud800b", {"k\udfff": 2**70}]}))
    assert made.body == {"messages": ["a\ufffdb", {"k\ufffd": 2**70}]}
    assert len(made.notes) == 1


def test_a_big_number_alone_changes_nothing() -> None:
    made = carriable(Prepared("openai.chat", {"seed": 2**70}))
    assert (made.body, made.notes) == ({"seed": 2**70}, [])
