"""Findings of the syntax, offer and schema layers, as the live check words them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jsonschema_rs
from rapidfuzz import fuzz, process, utils

from tools_registry.validation.findings import Finding
from tools_registry.validation.partial.scanner import Kind
from tools_registry.validation.partial.schema import Node, escape

_CODES = {
    "required": "missing_required",
    "dependentRequired": "missing_required",
    "additionalProperties": "unexpected_parameter",
    "unevaluatedProperties": "unexpected_parameter",
    "falseSchema": "unexpected_parameter",
    "type": "wrong_type",
    "enum": "not_in_enum",
    "const": "not_in_enum",
    "pattern": "pattern_mismatch",
    "format": "format_mismatch",
    **dict.fromkeys(
        [
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "minProperties",
            "maxProperties",
        ],
        "out_of_range",
    ),
}
_SIMILAR = 72.0
_LONGEST_SHOWN = 80


def shorten(text: str) -> str:
    """Hostile text, short enough for a message."""
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def near_miss(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, or None where none is near."""
    best = process.extractOne(
        name[:200],
        list(known),
        scorer=fuzz.ratio,
        processor=utils.default_process,
        score_cutoff=_SIMILAR,
    )
    return best[0] if best else None


def unknown_tool(name: str, offered: Iterable[str]) -> Finding:
    return Finding(
        "unknown_tool",
        f'No tool named "{shorten(name)}" was offered',
        suggestion=near_miss(name, offered),
    )


def malformed(reason: str, position: int) -> Finding:
    return Finding("malformed_json", f"{reason}, at character {position}", pointer="")


def not_an_object(kind: Kind) -> Finding:
    return Finding(
        "not_an_object", f"The arguments are {_article(kind)}, not an object", pointer=""
    )


def duplicate_key(pointer: str, key: str) -> Finding:
    return Finding("duplicate_key", f'The key "{shorten(key)}" occurs twice', pointer=pointer)


def unexpected(pointer: str, key: str, near: Iterable[str]) -> Finding:
    return Finding(
        "unexpected_parameter",
        f'The tool has no parameter "{shorten(key)}" here',
        pointer=pointer,
        keyword="additionalProperties",
        suggestion=near_miss(key, near),
    )


def missing(pointer: str, name: str) -> Finding:
    return Finding(
        "missing_required",
        f'The required parameter "{name}" is absent',
        pointer=pointer,
        keyword="required",
        detail={"property": name},
    )


def wrong_start(pointer: str, kind: Kind, node: Node) -> Finding:
    """Why no valid value here begins like this one."""
    if node.forbidden:
        return Finding("schema_other", "No value may stand here", pointer=pointer)
    if kind not in node.declared_kinds:
        wanted = ", ".join(sorted(node.declared_kinds)) or "nothing"
        return Finding(
            "wrong_type",
            f"The value is {_article(kind)}, declared is {wanted}",
            pointer=pointer,
            keyword="type",
        )
    if kind not in node.listed_kinds:
        return not_listed(pointer, node)
    return Finding(
        "wrong_type",
        f"The value is {_article(kind)}, which no alternative allows",
        pointer=pointer,
        keyword="anyOf",
    )


def not_listed(pointer: str, node: Node, value: str | None = None) -> Finding:
    shown = ", ".join(str(member) for member in (node.listed or [])[:8])
    strings = [member for member in node.listed or [] if isinstance(member, str)]
    return Finding(
        "not_in_enum",
        f"The value is none of: {shorten(shown)}",
        pointer=pointer,
        keyword="enum",
        suggestion=near_miss(value, strings) if value else None,
    )


def from_validator(error: jsonschema_rs.ValidationError, base: str) -> Finding:
    """A finding for an error that jsonschema-rs reported below the pointer ``base``."""
    keyword = error.kind.name
    pointer = base + "".join(f"/{escape(token)}" for token in error.instance_path)
    detail: dict[str, Any] = {}
    if keyword in ("additionalProperties", "unevaluatedProperties"):
        pointer += f"/{escape(error.kind.value[0])}" if error.kind.value else ""
    if keyword == "required":
        return missing(pointer, str(error.kind.value))
    return Finding(
        _CODES.get(keyword, "schema_other"),
        shorten_message(error.message),
        pointer=pointer,
        keyword=keyword,
        detail=detail,
    )


def shorten_message(message: str) -> str:
    return message if len(message) <= 300 else message[:299] + "…"


def _article(kind: Kind) -> str:
    if kind == "null":
        return "null"
    return f"an {kind}" if kind[0] in "ao" else f"a {kind}"
