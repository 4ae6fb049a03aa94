"""MCP's dialect: what a server answers to ``tools/list``, and the registries' argument lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools_registry.importers.items import Notes
from tools_registry.importers.wire import Dialect, Entry
from tools_registry.validation.pointers import append

_TYPES = frozenset(["string", "number", "integer", "boolean", "array", "object", "null"])


def _fits(entry: Entry, at: str) -> bool:
    return "name" in entry and ("inputSchema" in entry or isinstance(entry.get("arguments"), list))


def _prepare(entry: Entry, at: str, notes: Notes) -> Entry:
    result = dict(entry)
    if "inputSchema" not in entry:
        result["inputSchema"] = _read_arguments(entry["arguments"], append(at, "arguments"), notes)
        del result["arguments"]
    title, annotations = entry.get("title"), entry.get("annotations") or {}
    if isinstance(title, str) and isinstance(annotations, Mapping) and "title" not in annotations:
        result["annotations"] = {"title": title, **annotations}
        del result["title"]
        message = "The title stands in the annotations"
        notes.add("changed", "title_moved", message, append(at, "title"))
    return result


def _read_arguments(listed: list[Any], at: str, notes: Notes) -> dict[str, Any]:
    """A schema of a registry's list, which names no required argument."""
    properties: dict[str, Any] = {}
    for index, one in enumerate(listed):
        if not isinstance(one, Mapping) or not isinstance(one.get("name"), str):
            notes.add("lost", "not_kept", "An argument without a name", append(at, index))
            continue
        properties[one["name"]] = _read_argument(one, append(at, index), notes)
    notes.add("changed", "arguments_read", "The list of arguments is written as a schema", at)
    required = [
        str(one["name"])
        for one in listed
        if isinstance(one, Mapping)
        and (one.get("optional") is False or one.get("required") is True)
    ]
    if properties and not required:
        message = "The list says of no argument that it must be given: all are optional"
        notes.add("told", "required_unknown", message, at)
    return {"type": "object", "properties": properties} | (
        {"required": required} if required else {}
    )


def _read_argument(one: Mapping[str, Any], at: str, notes: Notes) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    kind = one.get("type")
    if kind in _TYPES:
        schema["type"] = kind
    elif kind is not None:
        message = f"{str(kind)[:40]} is no type of JSON Schema: any value is allowed"
        notes.add("lost", "type_unknown", message, append(at, "type"))
    text = one.get("desc", one.get("description"))
    if isinstance(text, str) and text:
        schema["description"] = text
    for word in ("items", "enum", "default"):
        if word in one:
            schema[word] = one[word]
    known = {"name", "type", "desc", "description", "items", "enum", "default"}
    for key in sorted(one.keys() - known - {"optional", "required"}):
        notes.add("lost", "not_kept", f"{key} is no part of what a model is told", append(at, key))
    return schema


DIALECT = Dialect("mcp", "MCP tools/list", _fits, _prepare)
