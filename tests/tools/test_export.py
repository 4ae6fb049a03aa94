"""Definitions into each dialect: what is written, what is told, and back again."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verify.imports import make_values, run_code
from tools_registry.exporters import EXPORTERS, export
from tools_registry.importers import read
from tools_registry.specs import ToolSpec
from tools_registry.validation import check_schema

SPEC = ToolSpec(
    "book.table",
    'Books a table.\nSays "yes".',
    {
        "type": "object",
        "properties": {
            "guests": {"type": "integer", "minimum": 1},
            "area": {"type": ["string", "null"], "enum": ["inside", "outside", None]},
            "who": {"$ref": "#/$defs/person"},
        },
        "required": ["guests"],
        "additionalProperties": False,
        "$defs": {
            "person": {"type": "object", "properties": {"friend": {"$ref": "#/$defs/person"}}}
        },
    },
    True,
    {"type": "object", "properties": {"ok": {"type": "boolean"}}},
    {"destructiveHint": True},
)
JSON_DIALECTS = [key for key, exporter in EXPORTERS.items() if exporter.suffix == "json"]
FORMS = {"gemini_json_schema": "gemini", "ollama": "openai_chat"}


def told(spec: ToolSpec, dialect: str) -> set[tuple[str, str]]:
    return {
        (note.kind, note.pointers[0])
        for _, notes in export([spec], dialect).notes
        for note in notes
    }


@pytest.mark.parametrize(
    ("dialect", "notes"),
    [
        (
            "openai_chat",
            {("changed", "/name"), ("lost", "/output_schema"), ("lost", "/annotations")},
        ),
        (
            "anthropic",
            {("changed", "/name"), ("lost", "/output_schema"), ("lost", "/annotations")},
        ),
        ("mcp", {("lost", "/strict")}),
        ("openapi", set()),
        (
            "gemini_json_schema",
            {("changed", "/name"), ("lost", "/strict"), ("lost", "/annotations")},
        ),
    ],
)
def test_each_dialect_tells_what_it_cannot_hold(dialect: str, notes: set[tuple[str, str]]) -> None:
    assert told(SPEC, dialect) == notes


def test_gemini_writes_its_own_schema() -> None:
    (group,) = export([SPEC], "gemini").value
    (declaration,) = group["functionDeclarations"]
    assert declaration["name"] == "book_table"
    assert declaration["parameters"]["properties"]["area"] == {
        "type": "STRING",
        "nullable": True,
        "enum": ["inside", "outside"],
    }
    who = declaration["parameters"]["properties"]["who"]
    assert who == {"type": "OBJECT", "properties": {"friend": {"type": "OBJECT"}}}
    assert ("lost", "/parameters/additionalProperties") in told(SPEC, "gemini")


def test_names_that_fall_together_stay_two() -> None:
    specs = [ToolSpec("a.b"), ToolSpec("a/b"), ToolSpec("a_b")]
    names = [tool["function"]["name"] for tool in export(specs, "openai_chat").value]
    assert len(set(names)) == 3


def test_several_schemas_and_operations_keep_their_references_apart() -> None:
    other = ToolSpec("other", "", SPEC.parameters)
    for dialect in ("json_schema", "openapi"):
        items = read(export([SPEC, other], dialect).text).items
        assert [item.spec and item.spec.parameters for item in items] == [SPEC.parameters] * 2


# ---------- any schema

names = st.sampled_from(["city", "Ort", "from", "a-b", "x.y", "schema", "date", "1st", "é", ""])
texts = st.text(max_size=12)
numbers = st.integers(-5, 5)
words = st.fixed_dictionaries(
    {},
    optional={"description": texts, "title": texts, "default": st.one_of(texts, numbers)},
)
REFERENCES = st.sampled_from(["#/$defs/node", "#/$defs/kind", "#"])


def of(kind: str, **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=optional)


leaves = st.one_of(
    of(
        "string",
        minLength=st.integers(0, 3),
        maxLength=st.integers(3, 9),
        pattern=st.sampled_from(["^[a-z]+$", "(?=x)x", r"^\d{2}$"]),
        format=st.sampled_from(["date", "date-time", "email", "uuid", "odd"]),
    ),
    of("integer", minimum=numbers, exclusiveMaximum=st.integers(6, 9), multipleOf=st.just(2)),
    of("number", minimum=st.floats(-3, 3), maximum=st.floats(4, 9)),
    of("boolean"),
    of("null"),
    st.builds(lambda values: {"enum": values}, st.lists(st.one_of(texts, st.none()), min_size=1)),
    st.builds(lambda value: {"const": value}, st.one_of(texts, numbers, st.booleans(), st.none())),
    st.builds(lambda target: {"$ref": target}, REFERENCES),
    st.just({"type": ["string", "null"], "maxLength": 5}),
    st.just({"type": "array", "prefixItems": [{"type": "string"}]}),
    st.just({"not": {"type": "string"}}),
    st.just({}),
    st.just(True),
)


def with_words(
    schemas: st.SearchStrategy[Any],
) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda schema, more: {**schema, **more} if isinstance(schema, dict) else schema,
        schemas,
        words,
    )


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    def build(
        properties: dict[str, Any], count: int, extra: Any, least: int | None
    ) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        if count:
            schema["required"] = list(properties)[:count]
        if extra is not None:
            schema["additionalProperties"] = extra
        return schema | ({"minProperties": least} if least is not None else {})

    return st.builds(
        build,
        st.dictionaries(names, inner, max_size=4),
        st.integers(0, 3),
        st.one_of(st.none(), st.booleans(), inner),
        st.one_of(st.none(), st.just(1)),
    )


def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        objects(inner),
        st.builds(
            lambda items, more: {"type": "array", "items": items, **more},
            inner,
            st.sampled_from([{}, {"minItems": 1}, {"maxItems": 3, "uniqueItems": True}]),
        ),
        st.builds(
            lambda word, parts: {word: parts},
            st.sampled_from(["anyOf", "oneOf", "allOf"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
    )


schemas = st.recursive(with_words(leaves), lambda inner: with_words(deeper(inner)), max_leaves=8)
KINDS = {"enum": ["a", "b"]}


@st.composite
def specs(draw: st.DrawFn) -> ToolSpec:
    node = draw(objects(schemas))
    parameters = {**draw(objects(schemas)), "$defs": {"node": node, "kind": KINDS}}
    return ToolSpec(
        draw(st.sampled_from(["get_weather", "a.b", "schön", "x" * 70])),
        draw(texts),
        parameters,
        draw(st.sampled_from([None, True])),
        draw(st.one_of(st.none(), objects(leaves.filter(lambda one: "$ref" not in str(one))))),
        draw(st.sampled_from([None, {"readOnlyHint": True}])),
    )


@settings(max_examples=60)
@given(spec=specs(), dialect=st.sampled_from(JSON_DIALECTS))
def test_back_from_any_dialect_it_is_the_same_or_the_difference_was_told(
    spec: ToolSpec, dialect: str
) -> None:
    if check_schema(spec.parameters) or check_schema(spec.output_schema or True):
        return
    there = export([spec], dialect)
    found = read(there.text, format=FORMS.get(dialect, dialect))
    assert found.problem == ""
    (item,) = found.items
    assert item.spec is not None, (item.problem, item.problem_at)
    if not there.notes:
        assert item.spec.hash == spec.hash
    elif item.spec.hash != spec.hash:
        assert export([item.spec], dialect).value == there.value


@settings(max_examples=60)
@given(spec=specs())
def test_pydantic_code_takes_and_refuses_what_the_schema_does(spec: ToolSpec) -> None:
    model = run_code(export([spec], "pydantic").text)
    ours: dict[str, Any] = dict(spec.parameters or {})
    theirs = model.model_json_schema()
    if check_schema(ours):
        assert {key: ours[key] for key in ours if key not in ("title", "description")} == {
            key: theirs[key] for key in theirs if key not in ("title", "description")
        }
        return
    one, other = jsonschema_rs.validator_for(ours), jsonschema_rs.validator_for(theirs)
    for value in make_values(ours):
        assert one.is_valid(value) == other.is_valid(value), json.dumps(value)


HOSTILE = 'x"""\n\'\'\'\\"); import os; os._exit(1) #\x00\ud800{{'


def test_hostile_texts_are_only_texts_in_the_code() -> None:
    properties = {HOSTILE: {"type": "string", "description": HOSTILE, "enum": [HOSTILE]}}
    spec = ToolSpec(
        HOSTILE, HOSTILE, {"type": "object", "properties": properties, "title": HOSTILE}
    )
    model = run_code(export([spec], "pydantic").text)
    schema = model.model_json_schema()
    assert schema["title"] == HOSTILE
    assert list(schema["properties"]) == [HOSTILE]


def test_code_is_what_a_person_would_write() -> None:
    spec = ToolSpec(
        "get_weather",
        "Get the weather.",
        {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Where", "minLength": 1},
                "days": {"type": "integer", "default": 1, "minimum": 1},
                "unit": {"enum": ["celsius", "fahrenheit"]},
            },
            "required": ["city"],
            "additionalProperties": False,
        },
    )
    assert export([spec], "pydantic").text == (
        '"""Arguments of tools, as Pydantic models."""\n\n'
        "from __future__ import annotations\n\n"
        "from typing import Literal\n\n"
        "from pydantic import BaseModel, ConfigDict, Field\n"
        "from pydantic.json_schema import SkipJsonSchema\n\n\n"
        "class GetWeather(BaseModel):\n"
        '    """Get the weather."""\n\n'
        "    model_config = ConfigDict(title='get_weather', extra=\"forbid\")\n\n"
        "    city: str = Field(min_length=1, description='Where')\n"
        "    days: int = Field(default=1, ge=1)\n"
        "    unit: Literal['celsius', 'fahrenheit'] | SkipJsonSchema[None] = None\n"
    )


def test_no_tools_are_an_empty_document_of_each_dialect() -> None:
    for dialect in EXPORTERS:
        assert export([], dialect).text
