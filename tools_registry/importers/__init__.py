"""Definitions out of any format, item by item, with what was changed or lost. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tools_registry.definitions import entries
from tools_registry.importers import (
    anthropic,
    bedrock,
    gemini,
    json_schema,
    mcp,
    openai,
    openapi,
)
from tools_registry.importers.documents import Document, read_document
from tools_registry.importers.items import (
    CannotRead,
    Imported,
    Note,
    Reading,
    tell_repeats,
)
from tools_registry.importers.wire import Dialect, find_dialect, own_tool, read_entries

DIALECTS: tuple[Dialect, ...] = (
    openai.CHAT,
    bedrock.DIALECT,
    anthropic.DIALECT,
    mcp.DIALECT,
    gemini.DIALECT,
    openai.RESPONSES,
    openai.FUNCTIONS,
)
FORMATS: dict[str, str] = {
    **{dialect.name: dialect.title for dialect in DIALECTS},
    "openapi": "OpenAPI 3 or Swagger 2",
    "json_schema": "JSON Schema",
    "pydantic": "Pydantic models (Python)",
}
"""Every format by the name that forces it, with the words for it."""


def detect(document: Document) -> str:
    """The format of a document, "" where none is recognised. Python is told by its file's name."""
    if openapi.fits(document.value):
        return "openapi"
    found: list[str] = []
    for at, entry in entries(document.value):
        dialect = find_dialect(entry, at, DIALECTS)
        if dialect:
            found.append(dialect.name)
    if found:
        return max(dict.fromkeys(found), key=found.count)
    return "json_schema" if json_schema.fits(document.value) else ""


def recognise(document: Document) -> str:
    """The same, "" only for nothing but providers' own tools. Raises ``CannotRead``."""
    found = detect(document)
    if not found and not any(own_tool(entry) for _, entry in entries(document.value)):
        raise CannotRead(_tell_unrecognised(document.value))
    return found


def count_entries(document: Document, format: str) -> int:
    """How many items ``read_items`` will give, near enough for progress."""
    if format == "openapi" and isinstance(document.value, Mapping):
        return openapi.count(document.value)
    return sum(1 for _ in entries(document.value))


def read_items(
    document: Document, format: str, *, forced: bool = False, hint: str = ""
) -> Iterator[Imported]:
    """The items of a document in a format, one at a time. Raises ``CannotRead``.

    Entries of other dialects are read too unless the format was ``forced``. ``hint`` names a
    schema that has no title.
    """
    if format == "openapi":
        if not openapi.fits(document.value):
            raise CannotRead('This is no OpenAPI document: it has no "openapi" and no "swagger"')
        return openapi.read(document)
    if format == "json_schema":
        return json_schema.read(document, hint=hint)
    chosen = tuple(dialect for dialect in DIALECTS if dialect.name == format)
    return read_entries(document, chosen if forced else DIALECTS)


def read(text: str, *, format: str = "", hint: str = "") -> Reading:
    """Everything that a text defines; with ``format`` it is read as that. Never raises."""
    document: Document | None = None
    try:
        document = read_document(text)
        found = format or recognise(document)
        items = tell_repeats([*read_items(document, found, forced=bool(format), hint=hint)])
    except CannotRead as error:
        line, column = error.line, error.column
        if not line:
            line, column = document.place_of(error.pointer) if document else (1, 1)
        return Reading(format, problem=error.detail, line=line, column=column)
    return Reading(found, items)


def _tell_unrecognised(value: Any) -> str:
    """What to say of a document that is in no known format."""
    if isinstance(value, Mapping | list) and not value:
        return "There is no definition in it"
    return (
        "No known format is recognised: give tools of OpenAI, Anthropic, Gemini, Bedrock or MCP,"
        " an OpenAPI document, or a JSON Schema"
    )


__all__ = [
    "FORMATS",
    "CannotRead",
    "Imported",
    "Note",
    "Reading",
    "count_entries",
    "read",
    "read_items",
    "recognise",
]
