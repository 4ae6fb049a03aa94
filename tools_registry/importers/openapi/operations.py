"""One operation as a tool: its parameters and its body become one object of arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools_registry.dialects import UnreadableTool
from tools_registry.importers.documents import Document
from tools_registry.importers.extraction import Extraction
from tools_registry.importers.items import Imported, Notes
from tools_registry.importers.names import take_name
from tools_registry.importers.openapi.api import Api
from tools_registry.importers.openapi.schemas import Converter
from tools_registry.importers.wire import finish
from tools_registry.specs import ToolSpec
from tools_registry.validation import check_schema
from tools_registry.validation.pointers import append

EXTENSION = "x-tool"
"""What our exporter adds to an operation for what OpenAPI has no word for."""
_PLAIN_BODY = frozenset(
    ["type", "properties", "required", "additionalProperties", "description", "title", "examples"]
)
# Of Swagger 2.0's parameter, what is no schema.
_NO_SCHEMA = frozenset(
    ["name", "in", "required", "description", "allowEmptyValue", "collectionFormat", "schema"]
)
# RFC 9110, section 9.2: what the methods themselves promise.
_HINTS: dict[str, dict[str, bool]] = {
    "get": {"readOnlyHint": True},
    "head": {"readOnlyHint": True},
    "options": {"readOnlyHint": True},
    "put": {"idempotentHint": True},
    "delete": {"destructiveHint": True, "idempotentHint": True},
}


@dataclass
class _Operation:
    """One operation while it is read; ``at`` is its pointer."""

    api: Api
    value: Mapping[str, Any]
    at: str
    notes: Notes
    extraction: Extraction
    properties: dict[str, Any] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, schema: Any, source: str, at: str, *, required: bool) -> None:
        """One argument, under another name where a parameter of another kind has its own."""
        free = name
        if free in self.properties:
            free = f"{name}_{source}"
            while free in self.properties:
                free += "_"
            message = f"{name} occurs twice: the one of the {source} is called {free}"
            self.notes.add("changed", "parameter_renamed", message, at)
        self.properties[free] = schema
        self.places[free] = at
        if required:
            self.required.append(free)


def read_operation(
    document: Document,
    api: Api,
    path: str,
    method: str,
    item: Mapping[str, Any],
    item_at: str,
    taken: set[str],
) -> Imported:
    """The tool that an operation is. Raises ``UnreadableTool`` at what cannot be read."""
    at = append(item_at, method)
    value = item[method]
    if not isinstance(value, Mapping):
        raise UnreadableTool(at, "An operation is an object")
    title, notes = f"{method.upper()} {path}", Notes()
    if isinstance(value.get(EXTENSION), Mapping):
        return _read_own(document, api, value, at, title)
    converter = Converter(api, notes, is_request=True)
    extraction = Extraction(api.value, notes, convert=converter)
    operation = _Operation(api, value, at, notes, extraction)
    body = _read_inputs(operation, item, item_at)
    parameters, locate = _compose(operation, body)
    name = _name(value, path, method, taken, at, notes)
    message = "Method, address and where each argument goes are left to the application"
    notes.add("lost", "address", message, at)
    spec = ToolSpec(
        name,
        _describe(value, at, notes),
        parameters,
        output_schema=_read_output(operation),
        annotations=_HINTS.get(method),
    )
    if method in _HINTS:
        hints = ", ".join(_HINTS[method])
        notes.add("told", "hints_taken", f"{hints}, as {method.upper()} promises", at)
    if value.get("deprecated") is True:
        notes.add("told", "deprecated", "The operation is deprecated", append(at, "deprecated"))
    return finish(document, at, title, spec, notes, locate)


def _read_inputs(
    operation: _Operation, item: Mapping[str, Any], item_at: str
) -> tuple[Any, str, bool] | None:
    """Parameters into the operation's arguments; the body, where it has one."""
    body = _find_body(operation)
    for parameter, place in _parameters(operation, item, item_at):
        kind, name = str(parameter.get("in")), parameter.get("name")
        if kind == "body":
            body = (
                parameter.get("schema") or {},
                append(place, "schema"),
                bool(parameter.get("required")),
            )
        elif not isinstance(name, str) or not name:
            raise UnreadableTool(place, "A parameter needs a name")
        elif operation.api.is_credential(parameter):
            message = f"{name} is a credential: the application adds it, no model should know it"
            operation.notes.add("lost", "credential", message, place)
        else:
            required = parameter.get("required") is True
            schema = _parameter_schema(operation, parameter, place)
            operation.add(
                name, schema, "form" if kind == "formData" else kind, place, required=required
            )
    return body


def _parameters(
    operation: _Operation, item: Mapping[str, Any], item_at: str
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Those of the path and of the operation, which count where both have one."""
    found: dict[tuple[str, str], tuple[Mapping[str, Any], str]] = {}
    for owner, at in ((item, item_at), (operation.value, operation.at)):
        listed = owner.get("parameters")
        for index, one in enumerate(listed if isinstance(listed, list) else ()):
            part, place = operation.api.resolve(one, append(append(at, "parameters"), index))
            found[str(part.get("name")), str(part.get("in"))] = (part, place)
    yield from found.values()


def _parameter_schema(operation: _Operation, parameter: Mapping[str, Any], at: str) -> Any:
    place = at
    content = parameter.get("content")
    if "schema" in parameter:
        schema, place = parameter["schema"], append(at, "schema")
    elif isinstance(content, Mapping) and content:
        kind, media = next(iter(content.items()))
        place = append(append(append(at, "content"), kind), "schema")
        schema = media.get("schema", {}) if isinstance(media, Mapping) else {}
    elif operation.api.version == (2, 0):
        schema = {k: v for k, v in parameter.items() if k not in _NO_SCHEMA}
    else:
        schema = {}
    copied = operation.extraction.copy(schema, place)
    result = dict(copied) if isinstance(copied, Mapping) else {}
    if isinstance(parameter.get("description"), str) and parameter["description"]:
        result["description"] = parameter["description"]
    if parameter.get("deprecated") is True:
        result["deprecated"] = True
    if "example" in parameter:
        result.setdefault("examples", [parameter["example"]])
    return result


def _find_body(operation: _Operation) -> tuple[Any, str, bool] | None:
    """OpenAPI 3's request body: its schema, where it stands, whether it must be sent."""
    if operation.value.get("requestBody") is None:
        return None
    body, at = operation.api.resolve(
        operation.value["requestBody"], append(operation.at, "requestBody")
    )
    content = body.get("content")
    if not isinstance(content, Mapping) or not content:
        return None
    kind = _pick_media(content)
    if len(content) > 1:
        others = ", ".join(str(other) for other in content if other != kind)
        message = f"Of its media types {kind} is taken; {others[:200]} is not"
        operation.notes.add("lost", "media_types", message, append(at, "content"))
    place = append(append(at, "content"), kind)
    media, place = operation.api.resolve(content[kind], place)
    return media.get("schema") or {}, append(place, "schema"), body.get("required") is True


def _pick_media(content: Mapping[str, Any]) -> str:
    ranks = (
        "application/json",
        "+json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    )
    for wanted in ranks:
        for kind in content:
            if wanted in kind:
                return kind
    return next(iter(content))


def _compose(
    operation: _Operation, body: tuple[Any, str, bool] | None
) -> tuple[dict[str, Any], Any]:
    """The object of all arguments, and what finds a pointer into it in the document."""
    rest: dict[str, Any] = {}
    root_at = ""
    if body is not None:
        schema, at, required = body
        resolved, at = operation.api.resolve(schema, at)
        if not operation.properties and _is_object(resolved):
            # Nothing but a body: it is the object of arguments itself.
            operation.extraction.base = root_at = at
            whole = operation.extraction.copy(resolved, at)
            rest = {k: v for k, v in whole.items() if k not in ("properties", "required")}
            operation.properties = dict(whole.get("properties") or {})
            operation.required = list(whole.get("required") or ())
            operation.places = {
                n: append(append(at, "properties"), n) for n in operation.properties
            }
        else:
            rest = _add_body(operation, operation.extraction.copy(resolved, at), at, required)
        if not required and operation.required and body is not None:
            message = (
                "The file says that the body may be left out; what it requires is required here"
            )
            operation.notes.add("changed", "body_required", message, body[1])
    parameters = {"type": "object", **rest, "properties": operation.properties}
    if operation.required:
        parameters["required"] = list(dict.fromkeys(operation.required))
    parameters = operation.extraction.close(parameters)

    def locate(pointer: str) -> str:
        inner = pointer.removeprefix("/parameters")
        first, _, after = inner.removeprefix("/properties/").partition("/")
        name = first.replace("~1", "/").replace("~0", "~")
        if inner.startswith("/properties/") and name in operation.places:
            return operation.places[name] + (f"/{after}" if after else "")
        return root_at + inner if root_at else operation.at

    return parameters, locate


def _is_object(schema: Mapping[str, Any]) -> bool:
    return schema.get("type", "object") == "object" and not schema.get("nullable")


def _add_body(operation: _Operation, schema: Any, at: str, required: bool) -> dict[str, Any]:
    """A plain object's properties beside the parameters; any other body as one argument."""
    extra = schema.get("additionalProperties", True)
    is_plain = schema.keys() <= _PLAIN_BODY and isinstance(extra, bool) and _is_object(schema)
    if not is_plain or not schema.get("properties"):
        operation.add("body", schema, "body", at, required=required)
        message = "The body is an argument of its own, called body"
        operation.notes.add("changed", "body_nested", message, at)
        return {}
    names = schema.get("required") or ()
    for name, part in schema["properties"].items():
        place = append(append(at, "properties"), name)
        operation.add(name, part, "body", place, required=name in names)
    message = "The body's properties stand beside the other parameters"
    operation.notes.add("changed", "body_flattened", message, at)
    return {"additionalProperties": False} if extra is False else {}


def _name(
    value: Mapping[str, Any], path: str, method: str, taken: set[str], at: str, notes: Notes
) -> str:
    named = value.get("operationId")
    if isinstance(named, str) and named.strip():
        return take_name(named, taken, append(at, "operationId"), notes)
    made = re.sub(r"[^a-zA-Z0-9]+", "_", f"{method} {path}").strip("_")
    name = take_name(made, taken, at, notes)
    message = f"There is no operationId: the tool is called {name}"
    notes.add("changed", "name_made", message, at)
    return name


def _describe(value: Mapping[str, Any], at: str, notes: Notes) -> str:
    parts = [value.get(key) for key in ("summary", "description")]
    texts = [part.strip() for part in parts if isinstance(part, str) and part.strip()]
    if len(texts) == 2 and texts[0] not in texts[1]:
        message = "The description follows the summary"
        notes.add("changed", "description_joined", message, append(at, "summary"))
        return "\n\n".join(texts)
    return texts[-1] if texts else ""


def _read_output(operation: _Operation) -> dict[str, Any] | None:
    """The schema of the first answer of success, None where it has none that is valid."""
    found = _find_answer(operation)
    if found is None:
        return None
    schema, at = found
    notes = Notes()
    converter = Converter(operation.api, notes, is_request=False)
    extraction = Extraction(operation.api.value, notes, convert=converter)
    try:
        resolved, place = operation.api.resolve(schema, at)
        extraction.base = place
        output = extraction.close(extraction.copy(resolved, place))
        wrong = check_schema(output)
    except (UnreadableTool, RecursionError) as error:
        message = f"The answer's schema cannot be read: {str(error)[:200]}"
        operation.notes.add("lost", "output", message, at)
        return None
    if wrong:
        message = f"The answer's schema is invalid at {wrong[0].pointer}: {wrong[0].message[:200]}"
        operation.notes.add("lost", "output", message, at)
        return None
    operation.notes.merge(notes.to_tuple())
    return output or None


def _find_answer(operation: _Operation) -> tuple[Any, str] | None:
    answers = operation.value.get("responses")
    if not isinstance(answers, Mapping):
        return None
    codes = sorted(str(code) for code in answers if str(code).startswith("2"))
    for code in codes:
        answer, at = operation.api.resolve(
            answers[code], append(append(operation.at, "responses"), code)
        )
        if operation.api.version == (2, 0) and isinstance(answer.get("schema"), Mapping):
            return answer["schema"], append(at, "schema")
        content = answer.get("content")
        for kind, media in content.items() if isinstance(content, Mapping) else ():
            if (
                "json" in kind
                and isinstance(media, Mapping)
                and isinstance(media.get("schema"), Mapping)
            ):
                return media["schema"], append(append(append(at, "content"), kind), "schema")
    return None


def _read_own(
    document: Document, api: Api, value: Mapping[str, Any], at: str, title: str
) -> Imported:
    """An operation that our exporter wrote: exactly the definition that it was made of."""
    kept, notes = value[EXTENSION], Notes()
    places = {"parameters": "", "output_schema": ""}
    schemas: dict[str, dict[str, Any] | None] = {"parameters": None, "output_schema": None}
    for key in schemas:
        reference = kept.get(key)
        if isinstance(reference, str):
            part, place = api.resolve({"$ref": reference}, append(at, EXTENSION))
            extraction = Extraction(api.value, notes, base=place)
            schemas[key], places[key] = extraction.copy(part, place), place
    spec = ToolSpec(
        str(kept.get("name") or value.get("operationId") or title),
        str(value.get("description") or ""),
        schemas["parameters"],
        kept.get("strict") is True or None,
        schemas["output_schema"],
        kept["annotations"] if isinstance(kept.get("annotations"), Mapping) else None,
    )

    def locate(pointer: str) -> str:
        key, _, inner = pointer[1:].partition("/")
        return places.get(key, at) + (f"/{inner}" if inner else "")

    return finish(document, at, title, spec, notes, locate)
