"""Findings of the live check, worded as the layers word them once the call is whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jsonschema_rs

from tools_registry.validation.explain import Scope, explain, listing, tell_unexpected
from tools_registry.validation.findings import Finding
from tools_registry.validation.near import near
from tools_registry.validation.partial.scanner import Kind
from tools_registry.validation.partial.schema import Node

_LONGEST_NAME = 200


def shorten(text: str) -> str:
    """A hostile text, short enough for a message."""
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}…"


def unknown_tool(name: str, offered: Iterable[str]) -> Finding:
    suggestion = near(name[:_LONGEST_NAME], offered)
    message = f"No tool is called {shorten(name)}"
    if suggestion:
        message += f". Did you mean {suggestion}?"
    return Finding("unknown_tool", message, suggestion=suggestion)


def malformed(reason: str, offset: int, pointer: str) -> Finding:
    message = f"The arguments are not JSON: {reason} at character {offset + 1}"
    return Finding("malformed_json", message, pointer, detail={"offset": offset, "reason": reason})


def not_an_object(kind: Kind) -> Finding:
    message = f"The arguments are of type {kind}, not an object"
    detail = {"expected": "object", "given": kind}
    return Finding("not_an_object", message, "", detail=detail)


def duplicate_key(pointer: str, key: str) -> Finding:
    message = f"{shorten(key)} occurs more than once; the last value counts"
    return Finding("duplicate_key", message, pointer)


def unexpected(
    pointer: str,
    key: str,
    node: Node,
    sent: Collection[str],
    owners: Mapping[str, Sequence[str]],
    *,
    forbidden: bool,
) -> Finding:
    """A key that is not declared: rejected where the schema forbids it, else flagged."""
    scope = Scope(None, dict.fromkeys(sent), owners)
    keyword = "additionalProperties" if forbidden else None
    finding = tell_unexpected(key, (), node.declared_names, scope, keyword)
    return replace(finding, pointer=pointer)


def missing(pointer: str, name: str) -> Finding:
    return Finding("missing_required", f"{name} is required and was not sent", pointer, "required")


def wrong_start(pointer: str, kind: Kind, node: Node) -> Finding:
    """Why no valid value here begins like this one."""
    if node.forbidden:
        return Finding("schema_other", "No value is allowed here", pointer)
    if kind in node.declared_kinds and kind not in node.listed_kinds:
        return not_listed(pointer, node)
    types = node.declared_types or sorted(node.kinds)
    keyword = "type" if kind not in node.declared_kinds else "anyOf"
    return Finding(
        "wrong_type",
        f"Expected {' or '.join(types) or 'nothing'}, got {kind}",
        pointer,
        keyword,
        detail={"expected": types, "given": kind},
    )


def not_listed(pointer: str, node: Node) -> Finding:
    """No listed value begins like this one."""
    message = f"No allowed value begins like this; allowed: {listing(node.listed)}"
    return Finding("not_in_enum", message, pointer, node.listed_by)


def first_error(
    validator: jsonschema_rs.Validator, schema: Any, value: Any, base: str
) -> Finding | None:
    """What a compiled schema has against a whole value that stands at the pointer ``base``."""
    for error in validator.iter_errors(value):
        for finding in explain(error, Scope(schema, value)):
            return replace(finding, pointer=base + (finding.pointer or ""))
    return None
