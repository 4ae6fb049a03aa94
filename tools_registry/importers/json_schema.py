"""Plain JSON Schema: the parameters of one tool, or of several under ``$defs``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tools_registry.dialects import UnreadableTool
from tools_registry.importers.documents import Document
from tools_registry.importers.extraction import Extraction
from tools_registry.importers.items import Imported, Notes
from tools_registry.importers.names import take_name
from tools_registry.importers.wire import finish, refuse
from tools_registry.lint.providers import NAME
from tools_registry.specs import ToolSpec
from tools_registry.validation.pointers import append

_SHAPES = frozenset(
    ["type", "properties", "required", "anyOf", "oneOf", "allOf", "$ref", "additionalProperties"]
    + ["patternProperties", "minProperties", "propertyNames", "if", "not", "enum", "const"]
)
_TYPES = frozenset(["object", "array", "string", "number", "integer", "boolean", "null"])
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_LISTS = ("$defs", "definitions")


def fits(value: Any) -> bool:
    """Whether a document looks like a schema, or like a list of them under ``$defs``."""
    if not isinstance(value, Mapping) or "name" in value:
        return False
    if isinstance(value.get("type"), str) and value["type"] not in _TYPES:
        return False
    return "$schema" in value or bool(_SHAPES & value.keys()) or _list_of(value) is not None


def _list_of(value: Mapping[str, Any]) -> str | None:
    """The keyword whose members are the schemas, where the document is no schema itself."""
    if _SHAPES & value.keys():
        return None
    return next((key for key in _LISTS if isinstance(value.get(key), Mapping)), None)


def read(document: Document, *, hint: str = "") -> Iterator[Imported]:
    """Each schema as a tool, called by its title, its key under ``$defs``, or ``hint``."""
    value = document.value
    if not isinstance(value, Mapping):
        yield refuse(document, "", "", "A schema is a JSON object")
        return
    taken: set[str] = set()
    listed = _list_of(value)
    if listed is None:
        yield read_schema(document, "", value, _name_of(value, hint), taken)
        return
    # A definition without a draft is of this one already.
    draft = {"$schema": value["$schema"]} if value.get("$schema", _DRAFT) != _DRAFT else {}
    for key, schema in value[listed].items():
        at = append(f"/{listed}", key)
        whole = {**draft, **schema} if isinstance(schema, Mapping) else schema
        yield read_schema(document, at, whole, key, taken)


def _name_of(schema: Mapping[str, Any], hint: str) -> str:
    named = schema.get("title") or str(schema.get("$id", "")).rstrip("/#").rpartition("/")[2]
    return str(named or hint)


def read_schema(
    document: Document, at: str, schema: Any, name: str, taken: set[str], *, is_part: bool = False
) -> Imported:
    """One schema as a tool: its title becomes the name, its description the tool's."""
    if not isinstance(schema, Mapping):
        return refuse(document, at, name, "A schema is a JSON object")
    if not name:
        problem = 'Add a "title": it becomes the name by which a model calls the tool'
        return refuse(document, at, name, problem)
    if schema.get("type", "object") != "object":
        problem = "Arguments are an object: let the type be object"
        return refuse(document, at, name, problem, append(at, "type"))
    notes = Notes()
    parameters = dict(schema)
    title, text = parameters.get("title"), parameters.get("description")
    if title == name and NAME.fullmatch(name):
        del parameters["title"]
        notes.add("changed", "title_moved", "The title is the tool's name", append(at, "title"))
    if isinstance(text, str):
        del parameters["description"]
        message = "The description of the whole is the tool's"
        notes.add("changed", "description_moved", message, append(at, "description"))
    named = take_name(name, taken, append(at, "title") if "title" in schema else at, notes)
    try:
        extraction = Extraction(document.value, notes, base=at)
        parameters = extraction.close(extraction.copy(parameters, at)) if at else parameters
    except UnreadableTool as error:
        return refuse(document, at, name, error.detail, error.pointer)
    spec = ToolSpec(named, text if isinstance(text, str) else "", parameters)
    return finish(
        document,
        at,
        name,
        spec,
        notes,
        lambda inner: at + inner.removeprefix("/parameters"),
        is_part=is_part,
    )
