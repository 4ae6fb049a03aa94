"""Is a schema valid, by its own draft; and does it use words that only another draft knows?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tools_registry.lint.parts import walk
from tools_registry.lint.problems import Fix, Problem, problem
from tools_registry.specs import ToolSpec
from tools_registry.validation.meta import check_schema
from tools_registry.validation.pointers import append

# Words that a draft ignores although another one checks them: what to write instead.
_ONLY_LATER = {
    "prefixItems": "items with a list",
    "dependentRequired": "dependencies",
    "dependentSchemas": "dependencies",
    "unevaluatedProperties": "additionalProperties",
    "unevaluatedItems": "additionalItems",
    "minContains": "",
    "maxContains": "",
}
_ONLY_EARLIER = {
    "additionalItems": "items beside prefixItems",
    "dependencies": "dependentRequired or dependentSchemas",
}
_NUMBER = re.compile(r"draft[-/](\d\d(?:\d\d-\d\d)?)")


def draft_of(schema: Mapping[str, Any]) -> str:
    """The draft as people call it: "Draft 7", "2020-12" where ``$schema`` names none."""
    match = _NUMBER.search(str(schema.get("$schema", "")))
    if not match:
        return "2020-12"
    return match[1] if len(match[1]) > 2 else f"Draft {int(match[1])}"


def check_schemas(spec: ToolSpec) -> Iterator[Problem]:
    for at, schema in (("/parameters", spec.parameters), ("/output_schema", spec.output_schema)):
        if schema is None:
            continue
        draft = draft_of(schema)
        for found in check_schema(schema):
            message = f"No valid {draft}: {found.message}"
            yield problem(
                "invalid_schema",
                at + found.pointer,
                message,
                fix=_find_fix(found.pointer, schema, at),
            )
        yield from _check_words(schema, at, draft)
    if spec.parameters is not None and spec.parameters.get("type") not in (None, "object"):
        message = "Arguments are an object: let the type be object"
        yield problem("invalid_schema", "/parameters/type", message)


def _check_words(schema: Mapping[str, Any], at: str, draft: str) -> Iterator[Problem]:
    is_earlier = draft.startswith("Draft")
    ignored = _ONLY_LATER if is_earlier else _ONLY_EARLIER
    if draft == "2019-09":
        return
    for part in walk(schema, at):
        for word, instead in ignored.items():
            if word in part.schema:
                cure = f"; write {instead}" if instead else ""
                message = f"{draft} ignores {word}{cure}"
                yield problem("other_draft", append(part.pointer, word), message)
        if is_earlier and "$ref" in part.schema and _has_checks(part.schema):
            message = f"{draft} ignores what stands beside $ref; put it into allOf"
            yield problem("other_draft", append(part.pointer, "$ref"), message)
        if not is_earlier and isinstance(part.schema.get("items"), list):
            message = f"{draft} writes a list of items as prefixItems"
            yield problem("other_draft", append(part.pointer, "items"), message)


def _has_checks(schema: Mapping[str, Any]) -> bool:
    words = {"$ref", "description", "title", "default", "examples", "$comment", "$defs"}
    return bool(schema.keys() - words - {"definitions", "$schema", "$id"})


_TYPES = {
    "str": "string",
    "text": "string",
    "int": "integer",
    "float": "number",
    "double": "number",
    "bool": "boolean",
    "dict": "object",
    "list": "array",
    "none": "null",
}
_KNOWN = frozenset(_TYPES.values())


def _find_fix(pointer: str, schema: Mapping[str, Any], at: str) -> Fix | None:
    """Another language's name of a type has one in JSON Schema."""
    if not pointer.endswith("/type"):
        return None
    for part in walk(schema):
        if append(part.pointer, "type") == pointer and isinstance(part.schema.get("type"), str):
            named = part.schema["type"].casefold()
            meant = _TYPES.get(named) or (named if named in _KNOWN else None)
            return Fix(at + pointer, meant, f"Write {meant}") if meant else None
    return None
