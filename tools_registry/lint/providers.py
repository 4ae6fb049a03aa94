"""What a provider refuses of a definition, by its own documentation.

OpenAI: names, and for strict mode what "Structured model outputs" lists as supported. Anthropic:
names, and for strict tools what "Structured outputs" lists. Gemini: the fields of its Schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from tools_registry.lint.parts import Part, walk
from tools_registry.lint.problems import Fix, Problem, problem
from tools_registry.specs import ToolSpec
from tools_registry.validation.pointers import append

Provider = Literal["openai", "anthropic", "gemini"]
PROVIDERS: tuple[Provider, ...] = get_args(Provider)

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TITLES = {"openai": "OpenAI", "anthropic": "Anthropic", "gemini": "Gemini"}
_OPENAI_REFUSES = frozenset(
    [
        "allOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "dependentRequired",
        "dependentSchemas",
        "dependencies",
        "patternProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "unevaluatedProperties",
        "unevaluatedItems",
        "contains",
        "minContains",
        "maxContains",
        "uniqueItems",
        "prefixItems",
        "additionalItems",
    ]
)
_ANTHROPIC_REFUSES = _OPENAI_REFUSES - {"allOf"} | {
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
}
_GEMINI_KNOWS = frozenset(
    [
        "type",
        "format",
        "title",
        "description",
        "nullable",
        "enum",
        "maxItems",
        "minItems",
        "properties",
        "required",
        "minProperties",
        "maxProperties",
        "minLength",
        "maxLength",
        "pattern",
        "example",
        "anyOf",
        "propertyOrdering",
        "default",
        "items",
        "minimum",
        "maximum",
        "additionalProperties",
        "$defs",
        "$ref",
        "$schema",
        "$id",
        "$anchor",
        "prefixItems",
        "oneOf",
    ]
)
# OpenAI, strict mode: depth of objects, parameters, characters of names and values, enum values.
_DEPTH, _COUNT, _CHARACTERS, _VALUES = 10, 5000, 120_000, 1000
_OPENAI_DESCRIPTION = 1024


def check_provider(spec: ToolSpec, provider: Provider | None) -> Iterator[Problem]:
    """With no provider, what every one of them refuses; strict rules for a strict definition."""
    yield from _check_name(spec, provider)
    strict = bool(spec.strict)
    if provider == "openai" and len(spec.description) > _OPENAI_DESCRIPTION:
        length = len(spec.description)
        message = f"OpenAI cuts or refuses descriptions over 1024 characters; this has {length}"
        yield problem("provider_limit", "/description", message, severity="warning")
    if provider in (None, "openai") and strict:
        yield from _check_strict(spec, "openai", _OPENAI_REFUSES)
        yield from _check_size(spec)
    elif provider == "anthropic" and strict:
        yield from _check_strict(spec, "anthropic", _ANTHROPIC_REFUSES)
    elif provider == "gemini":
        yield from _check_gemini(spec)


def _check_name(spec: ToolSpec, provider: Provider | None) -> Iterator[Problem]:
    if NAME.fullmatch(spec.name):
        return
    who = _TITLES.get(provider or "", "OpenAI and Anthropic")
    word = "takes" if provider else "take"
    message = f"{who} {word} names of 1 to 64 letters, digits, _ and -"
    yield problem("provider_name", "/name", message)


def _check_strict(spec: ToolSpec, provider: Provider, refused: frozenset[str]) -> Iterator[Problem]:
    who = f"{_TITLES[provider]}'s strict mode"
    for part in walk(spec.parameters or {}, "/parameters"):
        if _is_object(part.schema):
            yield from _check_closed(part, who)
            if provider == "openai":
                yield from _check_required(part, who)
        for word in sorted(refused & part.schema.keys()):
            message = f"{who} does not support {word}"
            yield problem("provider_keyword", append(part.pointer, word), message)
        least = part.schema.get("minItems")
        if provider == "anthropic" and isinstance(least, int) and least > 1:
            message = f"{who} supports minItems of 0 and 1 only"
            yield problem("provider_keyword", append(part.pointer, "minItems"), message)


def _is_object(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    return (
        kind == "object"
        or (isinstance(kind, list) and "object" in kind)
        or (kind is None and "properties" in schema)
    )


def _check_closed(part: Part, who: str) -> Iterator[Problem]:
    if part.schema.get("additionalProperties") is not False:
        pointer = append(part.pointer, "additionalProperties")
        fix = Fix(pointer, False, "Set additionalProperties to false")
        message = f"{who} asks for additionalProperties: false in every object"
        yield problem("provider_strict", part.pointer, message, fix=fix)


def _check_required(part: Part, who: str) -> Iterator[Problem]:
    declared = part.schema.get("properties")
    names = list(declared) if isinstance(declared, Mapping) else []
    required = part.schema.get("required")
    given = required if isinstance(required, list) else []
    absent = [name for name in names if name not in given]
    if absent:
        shown = ", ".join(absent[:5])
        message = f"{who} asks for every parameter to be required: {shown} may be null instead"
        yield problem("provider_strict", part.pointer, message)


def _check_size(spec: ToolSpec) -> Iterator[Problem]:
    parts = list(walk(spec.parameters or {}, "/parameters"))
    deepest = max(parts, key=lambda part: part.level, default=None)
    if deepest and deepest.level > _DEPTH:
        message = f"OpenAI's strict mode allows {_DEPTH} levels; this is level {deepest.level}"
        yield problem("provider_limit", deepest.pointer, message)
    names = [part.name for part in parts if part.name is not None]
    values = [
        value
        for part in parts
        for value in (part.schema.get("enum") or ())
        if isinstance(part.schema.get("enum"), list)
    ]
    letters = sum(map(len, names)) + sum(len(str(value)) for value in values)
    for count, most, what in (
        (len(names), _COUNT, "parameters"),
        (len(values), _VALUES, "enum values"),
        (letters, _CHARACTERS, "characters of names and values"),
    ):
        if count > most:
            message = f"OpenAI's strict mode allows {most} {what}; these are {count}"
            yield problem("provider_limit", "/parameters", message)


def _check_gemini(spec: ToolSpec) -> Iterator[Problem]:
    for part in walk(spec.parameters or {}, "/parameters"):
        for word in sorted(part.schema.keys() - _GEMINI_KNOWS):
            message = f"Gemini's schema has no {word}; it is ignored or the request refused"
            yield problem("provider_keyword", append(part.pointer, word), message)
        values = part.schema.get("enum")
        if isinstance(values, list) and not all(isinstance(value, str) for value in values):
            message = "Gemini takes texts only as enum values"
            yield problem("provider_keyword", append(part.pointer, "enum"), message)
