"""The providers' dialects, MCP and JSON Schema: what is read, and what is told of each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools_registry.importers import FORMATS, read
from tools_registry.importers.items import Imported, Reading

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
HEAD = {"name": "get_weather", "description": "Get the weather."}
CHAT = {"type": "function", "function": {**HEAD, "parameters": SCHEMA}}
GEMINI_SCHEMA = {
    "type": "OBJECT",
    "properties": {
        "city": {"type": "STRING", "nullable": True, "enum": ["Paris", "Rome"]},
        "days": {"type": "ARRAY", "items": {"type": "INTEGER"}, "maxItems": "7"},
    },
}


def read_json(value: Any, **options: Any) -> Reading:
    return read(json.dumps(value, indent=1), **options)


def only(found: Reading) -> Imported:
    assert found.problem == ""
    (item,) = found.items
    return item


def codes(item: Imported) -> list[str]:
    return [note.code for note in item.notes]


@pytest.mark.parametrize(
    ("source", "format"),
    [
        (CHAT, "openai_chat"),
        ([CHAT, CHAT], "openai_chat"),
        ({"model": "gpt-5", "messages": [], "tools": [CHAT]}, "openai_chat"),
        ({"type": "function", **HEAD, "parameters": SCHEMA, "strict": True}, "openai_responses"),
        ({**HEAD, "parameters": SCHEMA}, "openai_functions"),
        ({**HEAD, "input_schema": SCHEMA}, "anthropic"),
        ({**HEAD, "input_schema": SCHEMA, "type": "custom"}, "anthropic"),
        ({**HEAD, "inputSchema": SCHEMA}, "mcp"),
        ({"jsonrpc": "2.0", "result": {"tools": [{**HEAD, "inputSchema": SCHEMA}]}}, "mcp"),
        ([{"functionDeclarations": [{**HEAD, "parameters": SCHEMA}]}], "gemini"),
        ({**HEAD, "parametersJsonSchema": SCHEMA}, "gemini"),
        ({**HEAD, "parameters": GEMINI_SCHEMA}, "gemini"),
        ({"toolSpec": {**HEAD, "inputSchema": {"json": SCHEMA}}}, "bedrock"),
        ({**SCHEMA, "title": "get_weather"}, "json_schema"),
    ],
)
def test_each_format_is_recognised(source: Any, format: str) -> None:
    found = read_json(source)
    assert (found.format, found.problem) == (format, "")
    assert found.format in FORMATS
    (item,) = found.items
    assert item.spec is not None
    assert item.spec.name == "get_weather"


def test_gemini_says_what_it_writes_otherwise() -> None:
    item = only(read_json({**HEAD, "parameters": GEMINI_SCHEMA}))
    assert item.spec is not None
    assert item.spec.parameters == {
        "type": "object",
        "properties": {
            "city": {"type": ["string", "null"], "enum": ["Paris", "Rome", None]},
            "days": {"type": "array", "items": {"type": "integer"}, "maxItems": 7},
        },
    }
    told = {note.code: note.pointers for note in item.notes}
    assert told["type_lowered"][:2] == ("/parameters/type", "/parameters/properties/city/type")
    assert told["null_admitted"] == ("/parameters/properties/city/nullable",)
    assert told["count_read"] == ("/parameters/properties/days/maxItems",)


def test_what_no_model_is_told_is_lost_at_its_place() -> None:
    cached = {**HEAD, "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}}
    (note,) = only(read_json([cached])).notes
    assert (note.kind, note.pointers) == ("lost", ("/0/cache_control",))
    assert "cache" in note.message


def test_responses_without_strict_is_told_to_be_not_strict() -> None:
    item = only(read_json({"type": "function", **HEAD, "parameters": SCHEMA}))
    assert item.spec is not None and item.spec.strict is None
    assert codes(item) == ["strict_unset"]


def test_strict_false_is_what_holds_without_it() -> None:
    source = {"type": "function", "function": {**HEAD, "parameters": SCHEMA, "strict": False}}
    (note,) = only(read_json(source)).notes
    assert (note.kind, note.pointers) == ("changed", ("/function/strict",))


def test_a_registrys_list_of_arguments_becomes_a_schema() -> None:
    arguments = [
        {"name": "city", "type": "string", "desc": "Where"},
        {"name": "days", "type": "int"},
        {"name": "tags", "type": "array", "items": {"type": "string"}, "optional": True},
    ]
    item = only(read_json([{**HEAD, "arguments": arguments}]))
    assert item.spec is not None and item.spec.parameters == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Where"},
            "days": {},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    }
    assert codes(item) == ["type_unknown", "arguments_read", "required_unknown"]


def test_mcps_title_moves_to_the_annotations() -> None:
    source = {**HEAD, "title": "Weather", "inputSchema": SCHEMA, "_meta": {}, "icons": []}
    item = only(read_json(source))
    assert item.spec is not None and item.spec.annotations == {"title": "Weather"}
    assert codes(item) == ["not_kept", "not_kept", "title_moved"]


def test_a_providers_own_tool_says_why_it_is_none() -> None:
    found = read_json([{"type": "web_search_20250305", "name": "web_search"}, CHAT])
    own, tool = found.items
    assert own.spec is None and "provider's own tool" in own.problem
    assert tool.spec is not None


def test_a_broken_entry_is_refused_at_its_line_and_the_others_are_read() -> None:
    broken = {**HEAD, "name": "other", "input_schema": {"type": "objekt"}}
    text = json.dumps([{**HEAD, "input_schema": SCHEMA}, broken], indent=1)
    good, bad = read(text).items
    assert good.spec is not None
    assert bad.spec is None
    assert bad.problem_at == "/1/input_schema/type"
    assert '"objekt"' in text.split("\n")[bad.line - 1]


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("", "nothing in it", 1),
        ("[]", "no definition", 1),
        ('{"a": 1}', "No known format", 1),
        ('[{"name": "x",\n "parameters": }]', "not JSON", 2),
        ("a: 1\n b: 2", "neither JSON nor YAML", 2),
        ("[" * 5000, "nested too deep", 1),
        ("x: !!python/object:os.system ls", "has no meaning here", 1),
        ("a: &a [1]\nb: *c", "has no anchor", 2),
        ("a: .inf", "no JSON value", 1),
        ("just words", "No known format", 1),
        ('{"name": "f", "arguments": {"a": 1}}', "No known format", 1),
        ('{"openapi": "4.1.0", "paths": {}}', "not known", 1),
    ],
)
def test_what_cannot_be_read_says_why_and_where(text: str, said: str, line: int) -> None:
    found = read(text)
    assert said in found.problem
    assert found.line == line
    assert found.items == ()


def test_aliases_that_would_fill_the_memory_are_refused() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "more than can be read" in read("\n".join(lines)).problem


def test_yaml_is_read_by_its_core_schema_with_merges() -> None:
    text = (
        "- name: f\n  description: yes\n  input_schema: &s\n    type: object\n"
        "    properties: {on: {default: 2024-01-01, enum: [010, 0x1f, ~, 1.5e3, 'no']}}\n"
        "- name: g\n  input_schema:\n    <<: *s\n    required: [on]\n"
    )
    first, second = read(text).items
    assert first.spec is not None and second.spec is not None and first.spec.parameters
    assert first.spec.description == "yes"
    wanted = {"default": "2024-01-01", "enum": [10, 31, None, 1500.0, "no"]}
    assert first.spec.parameters["properties"]["on"] == wanted
    assert second.spec.parameters == {**first.spec.parameters, "required": ["on"]}
    assert second.line == 6


def test_a_forced_format_refuses_other_entries() -> None:
    chat, other = read_json([CHAT, {**HEAD, "input_schema": SCHEMA}], format="openai_chat").items
    assert chat.spec is not None
    assert other.problem == "This is not OpenAI chat completions"


def test_equal_entries_are_one_and_different_ones_of_a_name_are_refused() -> None:
    other = {"type": "function", "function": {**HEAD, "description": "Else."}}
    kept, refused = read_json([CHAT, CHAT, other]).items
    assert codes(kept) == ["repeated"]
    assert refused.spec is None and "has this name already" in refused.problem


def test_a_schema_gives_its_title_and_description_to_the_tool() -> None:
    source = {**SCHEMA, "title": "get_weather", "description": "Get it."}
    item = only(read_json(source))
    assert item.spec is not None
    assert (item.spec.name, item.spec.description) == ("get_weather", "Get it.")
    assert item.spec.parameters == SCHEMA
    assert codes(item) == ["title_moved", "description_moved"]


def test_a_title_that_is_no_name_stays_and_makes_one() -> None:
    item = only(read_json({**SCHEMA, "title": "Get the weather!"}))
    assert item.spec is not None and item.spec.parameters
    assert item.spec.name == "Get_the_weather"
    assert item.spec.parameters["title"] == "Get the weather!"
    assert codes(item) == ["name_made"]


def test_a_schema_without_a_title_is_called_like_its_file() -> None:
    assert 'Add a "title"' in only(read_json(SCHEMA)).problem
    named = only(read_json(SCHEMA, hint="book_flight"))
    assert named.spec is not None and named.spec.name == "book_flight"


def test_schemas_under_defs_are_tools_each_with_what_it_refers_to() -> None:
    source = {
        "$defs": {
            "book": {"type": "object", "properties": {"who": {"$ref": "#/$defs/person"}}},
            "person": {
                "type": "object",
                "properties": {"boss": {"$ref": "#/$defs/person"}, "x": {"$ref": "#/$defs/id"}},
            },
            "id": {"type": "string"},
        }
    }
    book, person, number = read_json(source).items
    assert book.spec is not None and person.spec is not None
    assert book.spec.parameters == {
        "type": "object",
        "properties": {"who": {"$ref": "#/$defs/person"}},
        "$defs": {
            "person": {
                "type": "object",
                "properties": {
                    "boss": {"$ref": "#/$defs/person"},
                    "x": {"$ref": "#/$defs/id"},
                },
            },
            "id": {"type": "string"},
        },
    }
    assert person.spec.parameters is not None
    assert person.spec.parameters["properties"]["boss"] == {"$ref": "#"}
    assert number.problem == "Arguments are an object: let the type be object"


def test_another_document_is_not_fetched() -> None:
    source = {**SCHEMA, "title": "f", "properties": {"a": {"$ref": "https://example.com/a.json"}}}
    item = only(read_json(source))
    assert "not fetched" in item.problem
    assert item.problem_at == "/properties/a/$ref"
