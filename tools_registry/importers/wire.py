"""What the providers' dialects share: each entry read, and told what was changed or left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from console.lib import json
from tools_registry.definitions import entries, translate
from tools_registry.dialects import KEYS, UnreadableTool, read_tool
from tools_registry.importers.documents import Document
from tools_registry.importers.items import Imported, Notes
from tools_registry.specs import ToolSpec
from tools_registry.validation import check_schema
from tools_registry.validation.pointers import append

Entry = Mapping[str, Any]
_WRAPPERS = ("function", "toolSpec")
_SAID = {
    "cache_control": "cache_control steers the provider's cache, not the model",
    "defer_loading": "defer_loading steers the provider's tool search, not the model",
    "allowed_callers": "allowed_callers steers the provider, not the model",
    "icons": "icons are shown to people, not to a model",
    "_meta": "_meta is the server's own",
}


def _change_nothing(entry: Entry, at: str, notes: Notes) -> Entry:
    return entry


@dataclass(frozen=True)
class Dialect:
    """``fits`` recognises an entry at a pointer; ``prepare`` gives what ``read_tool`` reads,
    and notes what it changed, at pointers into the source.
    """

    name: str
    title: str
    fits: Callable[[Entry, str], bool]
    prepare: Callable[[Entry, str, Notes], Entry] = _change_nothing


def read_entries(document: Document, dialects: tuple[Dialect, ...]) -> Iterator[Imported]:
    """Every entry of a document that is written in one of ``dialects``; the others say so."""
    for at, entry in entries(document.value):
        yield _read(document, at, entry, dialects)


def _read(document: Document, at: str, entry: Any, dialects: tuple[Dialect, ...]) -> Imported:
    title, notes = _title(entry), Notes()
    dialect = find_dialect(entry, at, dialects)
    if dialect is None:
        names = " or ".join(dialect.title for dialect in dialects)
        wanted = names if len(dialects) < 3 else "a definition in a known dialect"
        problem = own_tool(entry) or f"This is not {wanted}"
        return refuse(document, at, title, problem)
    try:
        prepared = dialect.prepare(entry, at, notes)
        spec = read_tool(prepared)
    except UnreadableTool as error:
        return refuse(document, at, title, error.detail, at + error.pointer)
    if spec is None:
        return refuse(document, at, title, own_tool(entry) or "This is no function")
    _tell_left_out(prepared, at, notes)
    return finish(document, at, title, spec, notes, lambda inner: at + translate(entry, inner))


def find_dialect(entry: Any, at: str, dialects: tuple[Dialect, ...]) -> Dialect | None:
    """The first dialect in which the entry may be written."""
    if not isinstance(entry, Mapping):
        return None
    return next((dialect for dialect in dialects if dialect.fits(entry, at)), None)


def _title(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return ""
    inner = next((entry[key] for key in _WRAPPERS if isinstance(entry.get(key), Mapping)), entry)
    return str(inner.get("name") or entry.get("type") or "")[:300]


def own_tool(entry: Any) -> str:
    """That an entry is a tool that the provider itself has, "" where it is not."""
    kind = entry.get("type") if isinstance(entry, Mapping) else None
    if not isinstance(kind, str) or kind in ("function", "object"):
        return ""
    return f"{kind} is the provider's own tool: there is no definition to keep"


def _tell_left_out(entry: Entry, at: str, notes: Notes) -> None:
    inner = next((key for key in _WRAPPERS if isinstance(entry.get(key), Mapping)), None)
    parts = [(at, entry)] + ([(f"{at}/{inner}", entry[inner])] if inner else [])
    for place, part in parts:
        for key in sorted(part.keys() - KEYS - {inner}):
            message = _SAID.get(key, f"{key} is no part of what a model is told")
            notes.add("lost", "not_kept", message, append(place, key))
        if part.get("strict") is False:
            message = "strict: false is what holds without it"
            notes.add("changed", "default_left_out", message, append(place, "strict"))


def refuse(
    document: Document, at: str, title: str, problem: str, problem_at: str | None = None
) -> Imported:
    """An entry that cannot be a tool, and the line that says why."""
    where = at if problem_at is None else problem_at
    line, column = document.place_of(where)
    return Imported(at, title, problem=problem, problem_at=where, line=line, column=column)


def finish(
    document: Document,
    at: str,
    title: str,
    spec: ToolSpec,
    notes: Notes,
    locate: Callable[[str], str],
    *,
    is_part: bool = False,
) -> Imported:
    """The entry with its definition, or with the first thing that is wrong with its schemas.

    ``locate`` turns a pointer into ``spec.to_json()`` into one into the document.
    """
    try:
        json.dump(spec.to_json())
    except TypeError:
        return refuse(document, at, title, "A number is too large to be kept")
    for inner, schema in (("/parameters", spec.parameters), ("/output_schema", spec.output_schema)):
        for wrong in check_schema(schema) if schema is not None else ():
            return refuse(document, at, title, wrong.message, locate(inner + wrong.pointer))
    line, column = document.place_of(at)
    found = notes.to_tuple()
    return Imported(at, title, spec, found, line=line, column=column, is_part=is_part)
