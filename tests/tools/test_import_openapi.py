"""OpenAPI: operations become tools, and what OpenAPI says otherwise is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools_registry.importers import read
from tools_registry.importers.items import Imported

TEXT = {"type": "string"}


def document(version: str = "3.0.3", **more: Any) -> dict[str, Any]:
    key = "swagger" if version == "2.0" else "openapi"
    return {key: version, "info": {"title": "T", "version": "1"}, **more}


def read_one(
    operation: Any, version: str = "3.0.3", *, path: str = "/pets", **more: Any
) -> Imported:
    method = more.pop("method", "post")
    value = document(version, paths={path: {method: operation}}, **more)
    (item,) = read(json.dumps(value, indent=1)).items
    return item


def parameters_of(item: Imported) -> Any:
    assert item.spec is not None, (item.problem, item.problem_at)
    return item.spec.parameters


def notes_of(item: Imported) -> dict[str, tuple[str, ...]]:
    return {note.code: note.pointers for note in item.notes}


def body(schema: Any, **more: Any) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}, **more}


def test_parameters_of_every_place_become_arguments() -> None:
    item = read_one(
        {
            "operationId": "getPet",
            "summary": "Get a pet",
            "description": "One pet of the shop.",
            "parameters": [
                {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
                {"name": "full", "in": "query", "schema": {"type": "boolean"}, "deprecated": True},
                {"name": "X-Trace", "in": "header", "schema": TEXT, "description": "Trace id"},
                {"name": "seen", "in": "cookie", "schema": TEXT, "example": "yes"},
                {"name": "Authorization", "in": "header", "schema": TEXT},
            ],
        },
        method="get",
        path="/pets/{id}",
    )
    assert parameters_of(item) == {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "full": {"type": "boolean", "deprecated": True},
            "X-Trace": {"type": "string", "description": "Trace id"},
            "seen": {"type": "string", "examples": ["yes"]},
        },
        "required": ["id"],
    }
    assert item.spec is not None
    assert item.title == "GET /pets/{id}"
    assert item.spec.description == "Get a pet\n\nOne pet of the shop."
    assert item.spec.annotations == {"readOnlyHint": True}
    assert {"credential", "address", "description_joined", "hints_taken"} == set(notes_of(item))


def test_the_operations_parameter_counts_before_the_paths() -> None:
    shared = [{"name": "a", "in": "query", "schema": TEXT}, {"$ref": "#/components/parameters/b"}]
    value = document(
        paths={
            "/x": {
                "parameters": shared,
                "get": {
                    "parameters": [{"name": "a", "in": "query", "schema": {"type": "integer"}}],
                },
            }
        },
        components={"parameters": {"b": {"name": "b", "in": "query", "schema": TEXT}}},
    )
    (item,) = read(json.dumps(value)).items
    assert parameters_of(item)["properties"] == {"a": {"type": "integer"}, "b": TEXT}
    assert item.spec is not None and item.spec.name == "get_x"
    assert "name_made" in notes_of(item)


def test_a_body_alone_is_the_object_of_arguments() -> None:
    pet = {
        "type": "object",
        "properties": {"name": TEXT, "mate": {"$ref": "#/components/schemas/Pet"}},
        "required": ["name"],
        "minProperties": 1,
    }
    item = read_one(
        {"requestBody": body({"$ref": "#/components/schemas/Pet"})},
        components={"schemas": {"Pet": pet}},
    )
    assert parameters_of(item) == {
        "type": "object",
        "minProperties": 1,
        "properties": {"name": TEXT, "mate": {"$ref": "#"}},
        "required": ["name"],
    }


def test_a_plain_body_stands_beside_the_parameters_and_collisions_are_renamed() -> None:
    item = read_one(
        {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": TEXT}],
            "requestBody": {
                "content": {
                    "application/x-www-form-urlencoded": {
                        "schema": {
                            "type": "object",
                            "properties": {"id": {"type": "integer"}, "Name": TEXT},
                            "required": ["Name"],
                            "additionalProperties": False,
                        }
                    }
                }
            },
        },
        path="/pets/{id}",
    )
    assert parameters_of(item) == {
        "type": "object",
        "properties": {"id": TEXT, "id_body": {"type": "integer"}, "Name": TEXT},
        "required": ["id", "Name"],
        "additionalProperties": False,
    }
    assert {"parameter_renamed", "body_flattened", "body_required"} <= set(notes_of(item))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": TEXT},
        {"oneOf": [TEXT, {"type": "object"}]},
        {"type": "object", "properties": {"a": TEXT}, "minProperties": 1},
    ],
)
def test_any_other_body_is_an_argument_of_its_own(schema: dict[str, Any]) -> None:
    operation = {
        "parameters": [{"name": "q", "in": "query", "schema": TEXT}],
        "requestBody": body(schema),
    }
    item = read_one(operation)
    assert parameters_of(item)["properties"] == {"q": TEXT, "body": schema}
    assert parameters_of(item)["required"] == ["body"]
    assert "body_nested" in notes_of(item)


def test_recursion_is_kept_in_defs() -> None:
    node = {
        "type": "object",
        "properties": {"next": {"$ref": "#/components/schemas/Node"}, "tag": TEXT},
    }
    item = read_one(
        {
            "parameters": [{"name": "q", "in": "query", "schema": TEXT}],
            "requestBody": body(
                {"type": "object", "properties": {"head": {"$ref": "#/components/schemas/Node"}}}
            ),
        },
        components={"schemas": {"Node": node}},
    )
    wanted = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "tag": TEXT}}
    assert parameters_of(item)["$defs"] == {"Node": wanted}
    assert parameters_of(item)["properties"]["head"] == {"$ref": "#/$defs/Node"}
    assert notes_of(item)["reference_moved"] == ("/components/schemas/Node",)


@pytest.mark.parametrize(
    ("schema", "wanted", "code"),
    [
        ({**TEXT, "nullable": True}, {"type": ["string", "null"]}, "null_admitted"),
        (
            {**TEXT, "nullable": True, "enum": ["a"]},
            {"type": ["string", "null"], "enum": ["a", None]},
            "null_admitted",
        ),
        (
            {"allOf": [{"type": "object"}], "nullable": True},
            {"anyOf": [{"allOf": [{"type": "object"}]}, {"type": "null"}]},
            "null_admitted",
        ),
        (
            {"type": "integer", "minimum": 1, "exclusiveMinimum": True},
            {"type": "integer", "exclusiveMinimum": 1},
            "bound_moved",
        ),
        ({**TEXT, "example": "x"}, {**TEXT, "examples": ["x"]}, "example_listed"),
        ({**TEXT, "x-odd": 1, "xml": {}}, TEXT, "not_kept"),
        ({**TEXT, "required": True}, TEXT, "not_kept"),
        (
            {"type": "integer", "format": "int64"},
            {"type": "integer", "format": "int64"},
            "format_kept",
        ),
        (
            {"oneOf": [TEXT], "discriminator": {"propertyName": "k"}},
            {"oneOf": [TEXT]},
            "composition_kept",
        ),
        (
            {"items": [TEXT, {"type": "null"}]},
            {"prefixItems": [TEXT, {"type": "null"}]},
            "items_listed",
        ),
    ],
)
def test_schemas_of_3_0_become_json_schema(schema: Any, wanted: Any, code: str) -> None:
    item = read_one({"requestBody": body({"type": "object", "properties": {"a": schema}})})
    assert parameters_of(item)["properties"]["a"] == wanted
    place = "/paths/~1pets/post/requestBody/content/application~1json/schema/properties/a"
    assert notes_of(item)[code][0].startswith(place)


def test_3_1_is_json_schema_already() -> None:
    schema = {"type": ["string", "null"], "exclusiveMinimum": 3, "$comment": "kept"}
    operation = {"requestBody": body({"type": "object", "properties": {"a": schema}})}
    assert parameters_of(read_one(operation, "3.1.0"))["properties"]["a"] == schema


def test_what_is_only_answered_is_left_out_of_arguments() -> None:
    pet = {
        "type": "object",
        "properties": {"id": {**TEXT, "readOnly": True}, "name": TEXT},
        "required": ["id", "name"],
    }
    item = read_one({"requestBody": body(pet)})
    assert parameters_of(item)["required"] == ["name"]
    assert list(parameters_of(item)["properties"]) == ["name"]
    assert "read_only" in notes_of(item)


def test_swaggers_forms_and_bodies_are_read() -> None:
    operation = {
        "operationId": "chat.post",
        "parameters": [
            {"name": "token", "in": "header", "type": "string", "required": True},
            {"name": "text", "in": "formData", "type": "string", "description": "Said"},
            {"name": "file", "in": "formData", "type": "file"},
            {"name": "ids", "in": "query", "type": "array", "items": TEXT},
        ],
        "responses": {"200": {"schema": {"type": "object", "properties": {"ok": TEXT}}}},
    }
    item = read_one(operation, "2.0")
    assert parameters_of(item)["properties"] == {
        "text": {"type": "string", "description": "Said"},
        "file": {"type": "string", "format": "binary"},
        "ids": {"type": "array", "items": TEXT},
    }
    assert item.spec is not None
    assert item.spec.name == "chat_post"
    assert item.spec.output_schema == {"type": "object", "properties": {"ok": TEXT}}
    assert {"credential", "name_made", "file_as_text"} <= set(notes_of(item))


def test_a_key_of_the_security_schemes_is_no_argument() -> None:
    item = read_one(
        {"parameters": [{"name": "k", "in": "query", "schema": TEXT}]},
        components={"securitySchemes": {"q": {"type": "apiKey", "in": "query", "name": "k"}}},
    )
    assert parameters_of(item)["properties"] == {}


def test_names_that_collide_or_are_too_long_are_made_unique() -> None:
    long = "a" * 90
    operation = {"operationId": long}
    value = document(
        paths={
            "/a": {"get": {"operationId": "list"}, "post": {"operationId": "list"}},
            "/b": {"get": operation, "post": {"operationId": f"{long}b"}},
        }
    )
    names = [item.spec.name for item in read(json.dumps(value)).items if item.spec]
    assert names[:2] == ["list", "list_2"]
    assert len(set(names)) == 4
    assert all(len(name) <= 64 for name in names)


@pytest.mark.parametrize(
    ("operation", "said", "where"),
    [
        (
            {"requestBody": {"$ref": "#/components/requestBodies/none"}},
            "leads nowhere",
            "/components/requestBodies/none",
        ),
        (
            {"requestBody": body({"$ref": "other.yaml#/Pet"})},
            "not fetched",
            "/paths/~1pets/post/requestBody/content/application~1json/schema/$ref",
        ),
        (
            {"parameters": [{"in": "query"}]},
            "needs a name",
            "/paths/~1pets/post/parameters/0",
        ),
        (
            {"requestBody": body({"type": "object", "properties": {"a": {"type": "strnig"}}})},
            "strnig",
            "/paths/~1pets/post/requestBody/content/application~1json/schema/properties/a/type",
        ),
        ([], "is an object", "/paths/~1pets/post"),
    ],
)
def test_an_operation_that_cannot_be_read_says_where(operation: Any, said: str, where: str) -> None:
    item = read_one(operation)
    assert item.spec is None
    assert said in item.problem
    assert item.problem_at == where


def test_an_answer_that_is_no_schema_is_lost_and_the_tool_is_kept() -> None:
    answer = {"200": {"content": {"application/json": {"schema": {"type": "nothing"}}}}}
    item = read_one({"responses": answer})
    assert item.spec is not None and item.spec.output_schema is None
    assert "output" in notes_of(item)
