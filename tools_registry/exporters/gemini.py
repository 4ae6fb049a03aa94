"""Gemini's dialect: declarations with a JSON Schema as it is, or in Gemini's own Schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools_registry.diff.references import Root
from tools_registry.exporters.items import Losses, rename
from tools_registry.importers.items import Notes
from tools_registry.specs import ToolSpec
from tools_registry.validation.pointers import append

# Fields of Gemini's Schema that mean what JSON Schema's do and hold no schema themselves.
_SAME = frozenset(
    ["format", "title", "description", "default", "required", "pattern", "example", "minimum"]
    + ["maximum", "minItems", "maxItems", "minLength", "maxLength", "minProperties"]
    + ["maxProperties", "propertyOrdering"]
)
_DEEPEST = 30
_INLINED = "What a $ref names is written in its place"
_DEFINITIONS = frozenset(["$defs", "definitions"])


def write_json_schema(specs: Sequence[ToolSpec], losses: Losses) -> list[dict[str, Any]]:
    """With ``parametersJsonSchema``, which takes JSON Schema as it is."""
    taken: set[str] = set()
    declarations = []
    for spec in specs:
        losses.drop(spec, "strict", "annotations")
        declaration = _head(spec, taken, losses)
        if spec.parameters is not None:
            declaration["parametersJsonSchema"] = spec.parameters
        if spec.output_schema is not None:
            declaration["responseJsonSchema"] = spec.output_schema
        declarations.append(declaration)
    return [{"functionDeclarations": declarations}]


def write_schema(specs: Sequence[ToolSpec], losses: Losses) -> list[dict[str, Any]]:
    """With ``parameters`` in Gemini's Schema: upper-case types, ``nullable``, fewer words."""
    taken: set[str] = set()
    declarations = []
    for spec in specs:
        losses.drop(spec, "strict", "annotations")
        declaration = _head(spec, taken, losses)
        for field, key in (("parameters", "parameters"), ("output_schema", "response")):
            schema = getattr(spec, field)
            if schema is not None:
                writer = _Writer(Root(schema), losses.of(spec))
                if "type" not in schema:
                    writer.change("schema_added", "A type is asked for: OBJECT", f"/{field}")
                declaration[key] = {"type": "OBJECT"} | writer.write(schema, f"/{field}", ())
        declarations.append(declaration)
    return [{"functionDeclarations": declarations}]


def _head(spec: ToolSpec, taken: set[str], losses: Losses) -> dict[str, Any]:
    name = rename(spec, taken, losses)
    return {"name": name} | ({"description": spec.description} if spec.description else {})


@dataclass
class _Writer:
    """One schema in Gemini's words, what has none noted at its pointer."""

    root: Root
    notes: Notes

    def write(self, schema: Any, at: str, open_parts: tuple[int, ...]) -> dict[str, Any]:
        """``open_parts`` are the references that are being followed, by identity."""
        if not isinstance(schema, Mapping):
            if schema is False:
                self._lose("A schema that allows nothing is left out", at)
            return {}
        if "$ref" in schema:
            return self._follow(schema, at, open_parts)
        schema = self._reduce(schema, at)
        result: dict[str, Any] = {}
        for word, value in schema.items():
            place = append(at, word)
            if word == "type":
                result |= self._write_type(value)
            elif word in _SAME:
                result[word] = value
            elif word == "enum" and isinstance(value, list):
                result |= self._write_values(value, place, is_typed="type" in schema)
            elif word == "items" and isinstance(value, Mapping):
                result[word] = self.write(value, place, open_parts)
            elif word == "properties" and isinstance(value, Mapping):
                result[word] = {
                    name: self.write(part, append(place, name), open_parts)
                    for name, part in value.items()
                }
            elif word == "anyOf" and isinstance(value, list):
                result |= self._write_alternatives(value, place, open_parts)
            elif word in _DEFINITIONS:
                self.change("reference_inlined", _INLINED, place)
            else:
                self._lose(f"{word} has no place in Gemini's Schema", place)
        return result

    def _lose(self, message: str, at: str) -> None:
        self.notes.add("lost", "not_kept", message, at)

    def change(self, code: str, message: str, at: str) -> None:
        self.notes.add("changed", code, message, at)

    def _follow(
        self, schema: Mapping[str, Any], at: str, open_parts: tuple[int, ...]
    ) -> dict[str, Any]:
        target = self.root.resolve({"$ref": schema["$ref"]})
        beside = {
            word: value for word, value in schema.items() if word not in ("$ref", *_DEFINITIONS)
        }
        if not isinstance(target, Mapping):
            self._lose("A $ref that leads to no schema here is left out", at)
            return self.write(beside, at, open_parts)
        if id(target) in open_parts or len(open_parts) > _DEEPEST:
            self._lose("A schema that holds itself ends here, with any object", at)
            return {"type": "OBJECT"}
        self.change("reference_inlined", _INLINED, at)
        return self.write({**target, **beside}, at, (*open_parts, id(target)))

    def _reduce(self, schema: Mapping[str, Any], at: str) -> dict[str, Any]:
        """Words that have another word in Gemini's Schema."""
        result = dict(schema)
        if "const" in result:
            result.setdefault("enum", [result.pop("const")])
            self.change("const_listed", "const is an enum of one value", append(at, "const"))
        if isinstance(result.get("oneOf"), list) and "anyOf" not in result:
            result["anyOf"] = result.pop("oneOf")
            message = "oneOf is written as anyOf, which takes more"
            self.change("alternatives_widened", message, append(at, "oneOf"))
        if isinstance(result.get("examples"), list) and result["examples"]:
            result.setdefault("example", result.pop("examples")[0])
            message = "Of the examples the first is kept"
            self.change("example_kept", message, append(at, "examples"))
        kind = result.get("type")
        if isinstance(kind, list) and len([one for one in kind if one != "null"]) > 1:
            del result["type"]
            result.setdefault("anyOf", [{"type": one} for one in kind])
            self.change("types_listed", "Several types are alternatives", append(at, "type"))
        return result

    def _write_type(self, kind: Any) -> dict[str, Any]:
        kinds = kind if isinstance(kind, list) else [kind]
        named = [str(one).upper() for one in kinds if one != "null"] or ["NULL"]
        is_nullable = "null" in kinds and named != ["NULL"]
        return {"type": named[0]} | ({"nullable": True} if is_nullable else {})

    def _write_values(self, values: list[Any], at: str, *, is_typed: bool) -> dict[str, Any]:
        texts = [value for value in values if isinstance(value, str)]
        others = [value for value in values if not isinstance(value, str) and value is not None]
        if others:
            self._lose("Gemini takes texts only as values: this list is left out", at)
            return {}
        if not is_typed:
            self.change("schema_added", "A list of values is given its type", at)
        if not texts:
            return {"type": "NULL"}
        kind = {} if is_typed else {"type": "STRING"}
        return {**kind, "enum": texts} | ({"nullable": True} if None in values else {})

    def _write_alternatives(
        self, listed: list[Any], at: str, open_parts: tuple[int, ...]
    ) -> dict[str, Any]:
        written = [
            {"type": "NULL"}
            if isinstance(part, Mapping) and part.get("type") == "null"
            else self.write(part, append(at, index), open_parts)
            for index, part in enumerate(listed)
        ]
        parts = [part for part in written if part != {"type": "NULL"}]
        if written and not parts:
            return {"type": "NULL"}
        takes_null = len(parts) < len(written)
        nullable = {"nullable": True} if takes_null else {}
        if len(parts) == 1 and takes_null:
            # Without a type anything goes, null too.
            return parts[0] | (nullable if parts[0].keys() & {"type", "anyOf"} else {})
        return {"anyOf": parts} | nullable
