"""Every provider's way to write a definition is read, and ours are written as they want it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tools_registry import dialects
from tools_registry.dialects import UnreadableTool, read_offer, read_tool, read_tools
from tools_registry.specs import ToolSpec

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SPEC = ToolSpec("get_weather", "The weather now.", SCHEMA)
HEAD = {"name": "get_weather", "description": "The weather now."}
GEMINI_SCHEMA = {
    "type": "OBJECT",
    "properties": {"city": {"type": "STRING"}},
    "required": ["city"],
}


@pytest.mark.parametrize(
    "data",
    [
        {"type": "function", "function": {**HEAD, "parameters": SCHEMA}},
        {"function": {**HEAD, "parameters": SCHEMA}},
        {"type": "function", "function": {**HEAD, "parameters": SCHEMA, "strict": False}},
        {**HEAD, "parameters": SCHEMA},
        {"type": "function", **HEAD, "parameters": SCHEMA, "strict": False},
        {"type": "function", **HEAD, "parameters": SCHEMA, "strict": None},
        {**HEAD, "input_schema": SCHEMA},
        {**HEAD, "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}},
        {"type": "custom", **HEAD, "input_schema": SCHEMA},
        {**HEAD, "inputSchema": SCHEMA},
        {**HEAD, "inputSchema": SCHEMA, "annotations": {}, "title": "Weather"},
        {**HEAD, "parameters": GEMINI_SCHEMA},
        {**HEAD, "parametersJsonSchema": SCHEMA},
        {"functionDeclarations": [{**HEAD, "parameters": GEMINI_SCHEMA}]},
        {"toolSpec": {**HEAD, "inputSchema": {"json": SCHEMA}}},
        SPEC.to_json(),
    ],
)
def test_each_dialect_reads_as_the_same_tool(data: Mapping[str, Any]) -> None:
    assert read_tool(data) == SPEC


@pytest.mark.parametrize(
    "data",
    [
        {"type": "web_search"},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
        {"type": "computer_20250124", "name": "computer", "display_width_px": 1024},
        {"type": "file_search", "vector_store_ids": ["vs"]},
        {"type": "custom", "name": "shell", "format": {"type": "text"}},
        {"type": "tool_search", "parameters": {}},
        {"type": "mcp", "server_label": "docs", "server_url": "https://example.com"},
    ],
)
def test_a_providers_own_tool_is_no_function(data: Mapping[str, Any]) -> None:
    assert read_tool(data) is None


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ([], ""),
        ("get_weather", ""),
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": 5}, "/name"),
        ({"name": "x" * 257}, "/name"),
        ({"type": "function", "function": {}}, "/function/name"),
        ({"name": "a", "description": ["x"]}, "/description"),
        ({"name": "a", "strict": "yes"}, "/strict"),
        ({"name": "a", "parameters": "none"}, "/parameters"),
        ({"name": "a", "input_schema": []}, "/input_schema"),
        ({"name": "a", "annotations": 1}, "/annotations"),
        ({"functionDeclarations": [{"name": "a"}, {"name": "b"}]}, "/functionDeclarations"),
        ({"functionDeclarations": [{}]}, "/functionDeclarations/0/name"),
    ],
)
def test_what_cannot_be_read_says_where(data: Any, pointer: str) -> None:
    with pytest.raises(UnreadableTool) as caught:
        read_tool(data)
    assert caught.value.pointer == pointer
    assert caught.value.detail


def test_mcp_brings_its_output_schema_and_hints() -> None:
    hints = {"readOnlyHint": True, "destructiveHint": False}
    data = {**HEAD, "inputSchema": SCHEMA, "outputSchema": {"type": "object"}, "annotations": hints}
    spec = read_tool(data)
    assert spec and (spec.output_schema, spec.annotations) == ({"type": "object"}, hints)


def test_gemini_types_are_lowered_everywhere_and_nothing_else_is() -> None:
    schema = {
        "type": "OBJECT",
        "properties": {
            "type": {"type": "STRING", "enum": ["STRING", "OBJECT"]},
            "tags": {"type": "ARRAY", "items": {"type": 3}, "minItems": "1"},
            "either": {"anyOf": [{"type": "NUMBER"}, {"type": "NULL"}]},
        },
    }
    spec = read_tool({"name": "a", "parameters": schema})
    assert spec and spec.parameters == {
        "type": "object",
        "properties": {
            "type": {"type": "string", "enum": ["STRING", "OBJECT"]},
            "tags": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
            "either": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        },
    }


@pytest.mark.parametrize(
    "write",
    [
        dialects.to_openai_chat,
        dialects.to_openai_responses,
        dialects.to_anthropic,
        dialects.to_ollama,
        dialects.to_legacy_function,
    ],
)
def test_what_is_written_reads_back(write: Callable[[ToolSpec], dict[str, Any]]) -> None:
    assert read_tool(write(SPEC)) == SPEC


def test_each_writer_keeps_to_its_protocol() -> None:
    strict = ToolSpec("a", "b", SCHEMA, strict=True)
    bare = ToolSpec("a")
    empty = {"type": "object", "properties": {}}
    assert dialects.to_openai_chat(strict) == {
        "type": "function",
        "function": {"name": "a", "description": "b", "parameters": SCHEMA, "strict": True},
    }
    assert dialects.to_openai_chat(bare) == {"type": "function", "function": {"name": "a"}}
    assert dialects.to_openai_responses(bare) == {
        "type": "function",
        "name": "a",
        "parameters": None,
        "strict": False,
    }
    assert dialects.to_anthropic(bare) == {"name": "a", "input_schema": empty}
    assert dialects.to_anthropic(strict)["strict"] is True
    assert "strict" not in dialects.to_ollama(strict)["function"]
    assert dialects.to_legacy_function(bare) == {"name": "a", "parameters": empty}


def test_many_are_read_from_an_array_a_request_or_groups() -> None:
    chat = dialects.to_openai_chat(SPEC)
    group = {"functionDeclarations": [{"name": "a"}, {"name": "b"}]}
    assert read_tools([chat, {"type": "web_search"}]) == [SPEC, None]
    assert read_tools({"model": "m", "tools": [chat]}) == [SPEC]
    assert read_tools({"functions": [chat["function"]]}) == [SPEC]
    assert read_tools([group, chat]) == [ToolSpec("a"), ToolSpec("b"), SPEC]
    assert read_tools(chat) == [SPEC]


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ([{"name": "a"}, {}], "/1/name"),
        ({"tools": [{"name": "a", "parameters": 1}]}, "/tools/0/parameters"),
        ([{"functionDeclarations": [{}]}], "/0/functionDeclarations/0/name"),
        (5, ""),
    ],
)
def test_of_many_the_wrong_one_is_named(data: Any, pointer: str) -> None:
    with pytest.raises(UnreadableTool) as caught:
        read_tools(data)
    assert caught.value.pointer == pointer


def test_an_offer_takes_what_it_can() -> None:
    tools = [dialects.to_openai_chat(SPEC), {"type": "web_search"}, {"name": "odd", "strict": 1}, 7]
    assert read_offer(tools) == {"get_weather": SPEC, "web_search": None, "odd": None}
