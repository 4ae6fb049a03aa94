"""OpenAPI's schemas as JSON Schema: what 3.0 and Swagger write otherwise, and what is dropped."""

from __future__ import annotations

from typing import Any

from tools_registry.dialects import admit_null
from tools_registry.importers.items import Notes
from tools_registry.importers.openapi.api import Api
from tools_registry.validation.pointers import append

_DROPPED = {
    "discriminator": "discriminator names the alternative; JSON Schema has the alternatives alone",
    "xml": "xml says how a value is written as XML",
    "externalDocs": "externalDocs is a link for people",
}
_UNCHECKED = frozenset(["int32", "int64", "float", "double", "byte", "binary", "password"])
_BESIDE_REF = frozenset(["$ref", "description", "title"])


class Converter:
    """Changes one schema at a time, inner ones first, and notes each change at its place.

    With ``is_request`` what only answers hold (``readOnly``) is left out.
    """

    def __init__(self, api: Api, notes: Notes, *, is_request: bool) -> None:
        self.api, self.notes, self.is_request = api, notes, is_request

    def __call__(self, schema: dict[str, Any], at: str) -> dict[str, Any]:
        schema = self._drop(schema, at)
        if not self.api.is_json_schema:
            schema = self._convert_early(schema, at)
        if "example" in schema:
            example = schema.pop("example")
            schema.setdefault("examples", [example])
            self._tell("changed", "example_listed", "example is written as examples", at, "example")
        if self.is_request:
            schema = self._leave_out_answers(schema, at)
            for word in ("oneOf", "allOf", "not"):
                if word in schema:
                    message = f"{word} is kept; OpenAI's strict mode and Gemini do not take it"
                    self._tell("told", "composition_kept", message, at, word)
        if schema.get("format") in _UNCHECKED:
            message = f"{schema['format']} is a format of OpenAPI that no validator checks"
            self._tell("told", "format_kept", message, at, "format")
        return schema

    def _tell(self, kind: Any, code: str, message: str, at: str, word: str) -> None:
        self.notes.add(kind, code, message, append(at, word))

    def _drop(self, schema: dict[str, Any], at: str) -> dict[str, Any]:
        result = {}
        for word, value in schema.items():
            if word in _DROPPED:
                self._tell("lost", "not_kept", _DROPPED[word], at, word)
            elif word.startswith("x-") and word != "x-nullable":
                message = f"{word} is an extension that no model is told"
                self._tell("lost", "not_kept", message, at, word)
            else:
                result[word] = value
        return result

    def _convert_early(self, schema: dict[str, Any], at: str) -> dict[str, Any]:
        """Swagger 2.0 and OpenAPI 3.0, whose schemas are a dialect of an early draft."""
        if "$ref" in schema:
            return self._drop_beside(schema, at)
        for word in ("exclusiveMinimum", "exclusiveMaximum"):
            self._move_bound(schema, word, at)
        if isinstance(schema.get("required"), bool):
            del schema["required"]
            message = "required stands at a property, where it has no meaning"
            self._tell("lost", "not_kept", message, at, "required")
        if isinstance(schema.get("items"), list):
            message = "A list of items is written as prefixItems; it checks arrays only"
            self._tell("changed", "items_listed", message, at, "items")
            rest = {"items": schema["additionalItems"]} if "additionalItems" in schema else {}
            outer = {k: v for k, v in schema.items() if k not in ("items", "additionalItems")}
            schema = {**outer, "prefixItems": schema["items"], **rest}
        if schema.get("type") == "file":
            schema |= {"type": "string", "format": "binary"}
            self._tell("changed", "file_as_text", "A file is written as a text", at, "type")
        return self._convert_null(schema, at)

    def _drop_beside(self, schema: dict[str, Any], at: str) -> dict[str, Any]:
        for word in sorted(schema.keys() - _BESIDE_REF):
            del schema[word]
            message = f"{word} beside a $ref has no effect in this version of OpenAPI"
            self._tell("lost", "beside_reference", message, at, word)
        return schema

    def _move_bound(self, schema: dict[str, Any], word: str, at: str) -> None:
        flag = schema.get(word)
        if not isinstance(flag, bool):
            return
        del schema[word]
        bound = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}[word]
        if flag and bound in schema:
            schema[word] = schema.pop(bound)
            self._tell("changed", "bound_moved", f"{word} is written as a number", at, word)

    def _convert_null(self, schema: dict[str, Any], at: str) -> dict[str, Any]:
        word = next((key for key in ("nullable", "x-nullable") if key in schema), None)
        if word is None:
            return schema
        is_nullable = schema.pop(word) is True
        if not is_nullable:
            return schema
        self._tell("changed", "null_admitted", f"{word} is written as the type null", at, word)
        if "type" in schema or "anyOf" in schema:
            return admit_null(schema)
        return {"anyOf": [schema, {"type": "null"}]} if schema else schema

    def _leave_out_answers(self, schema: dict[str, Any], at: str) -> dict[str, Any]:
        inner = schema.get("properties")
        if not isinstance(inner, dict):
            return schema
        out = [n for n, part in inner.items() if isinstance(part, dict) and part.get("readOnly")]
        if not out:
            return schema
        for name in out:
            message = "A readOnly property is only ever answered"
            self._tell("lost", "read_only", message, append(at, "properties"), name)
        result = {**schema, "properties": {k: v for k, v in inner.items() if k not in out}}
        if isinstance(schema.get("required"), list):
            result["required"] = [name for name in schema["required"] if name not in out]
        return result
