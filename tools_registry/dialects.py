"""Tool definitions as the providers write them: every dialect in, the common ones out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tools_registry.specs import ToolSpec

LONGEST_NAME = 256
_PARAMETERS = (
    "parameters",
    "input_schema",
    "inputSchema",
    "parametersJsonSchema",
    "parameters_json_schema",
)
_OUTPUT = ("output_schema", "outputSchema", "responseJsonSchema", "response")
KEYS = frozenset(("type", "name", "description", "strict", "annotations", *_PARAMETERS, *_OUTPUT))
"""What is read of a definition."""
_DECLARATIONS = ("functionDeclarations", "function_declarations")
# Gemini's Type, as the name or as the number of its protobuf enumeration.
_GEMINI_NAMES = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")
_GEMINI_TYPES: dict[str | int, str] = {
    **{name: name.lower() for name in _GEMINI_NAMES},
    **{number: name.lower() for number, name in enumerate(_GEMINI_NAMES, 1)},
}
_GEMINI_COUNTS = frozenset(
    ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"]
)
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


class UnreadableTool(ValueError):
    """A definition that cannot be read: where in it (a JSON pointer), and what to do."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(f"{pointer or 'the tool'}: {detail}")
        self.pointer, self.detail = pointer, detail


def read_tool(data: object) -> ToolSpec | None:
    """Read one definition; None for an entry that is no function (``web_search``…).

    Accepts OpenAI chat, legacy functions and Responses, Anthropic, MCP, Gemini's function
    declarations (their upper-case types are lowered), Bedrock's ``toolSpec``, Ollama, and our
    own ``to_json()``. ``strict: false`` is the default and reads as unset.
    """
    if not isinstance(data, Mapping):
        raise UnreadableTool("", 'Give one JSON object with at least a "name"')
    kind = data.get("type")
    if isinstance(data.get("function"), Mapping) and kind in (None, "function"):
        return _read_fields(data["function"], "/function", data)
    if isinstance(data.get("toolSpec"), Mapping):
        return _read_bedrock(data["toolSpec"])
    for key in _DECLARATIONS:
        if key in data:
            return _read_single(data[key], f"/{key}")
    if kind in (None, "function") or (kind == "custom" and "input_schema" in data):
        return _read_fields(data, "", data)
    return None


def read_tools(data: object) -> list[ToolSpec | None]:
    """Read several definitions: an array, Gemini's groups of declarations, or an object whose
    ``tools`` or ``functions`` holds them (a request, MCP's ``tools/list``). Else one definition.
    """
    if isinstance(data, Mapping):
        for key in ("tools", "functions"):
            if isinstance(data.get(key), list):
                return [_read_at(entry, f"/{key}{at}") for at, entry in _entries(data[key])]
        if not any(isinstance(data.get(key), list) for key in _DECLARATIONS):
            return [read_tool(data)]
        data = [data]
    if not isinstance(data, list):
        raise UnreadableTool("", "Give a JSON object or an array of them")
    return [_read_at(entry, at) for at, entry in _entries(data)]


def read_offer(tools: list[Any]) -> dict[str, ToolSpec | None]:
    """The tools of a request by name, for validation. None stands for what has no definition:
    a provider's own tool (by its name, else its type), or an entry that cannot be read.
    """
    offer: dict[str, ToolSpec | None] = {}
    for _, entry in _entries(tools):
        try:
            spec = read_tool(entry)
        except UnreadableTool:
            spec = None
        named = entry if isinstance(entry, Mapping) else {}
        name = spec.name if spec else named.get("name") or named.get("type")
        if isinstance(name, str):
            offer[name] = spec
    return offer


def _entries(entries: list[Any]) -> Iterator[tuple[str, Any]]:
    """Each definition with its pointer, groups of declarations opened."""
    for index, entry in enumerate(entries):
        grouped = False
        for key in _DECLARATIONS:
            group = entry.get(key) if isinstance(entry, Mapping) else None
            if isinstance(group, list):
                grouped = True
                yield from ((f"/{index}/{key}/{n}", item) for n, item in enumerate(group))
        if not grouped:
            yield f"/{index}", entry


def _read_at(entry: Any, pointer: str) -> ToolSpec | None:
    try:
        return read_tool(entry)
    except UnreadableTool as error:
        raise UnreadableTool(pointer + error.pointer, error.detail) from None


def schema_pointers(data: Mapping[str, Any]) -> tuple[str, str]:
    """Where in a definition that ``read_tool`` reads its two schemas stand; "" where unknown."""
    at, inner = "", data
    for key in ("function", "toolSpec"):
        if isinstance(data.get(key), Mapping):
            at, inner = f"/{key}", data[key]
    found = [
        next((f"{at}/{key}" for key in keys if inner.get(key) is not None), "")
        for keys in (_PARAMETERS, _OUTPUT)
    ]
    return (f"{found[0]}/json" if at == "/toolSpec" else found[0]), found[1]


def _read_single(declarations: Any, pointer: str) -> ToolSpec | None:
    if isinstance(declarations, list) and len(declarations) == 1:
        return _read_at(declarations[0], f"{pointer}/0")
    raise UnreadableTool(pointer, "Give one declaration at a time")


def _read_bedrock(data: Mapping[str, Any]) -> ToolSpec:
    schema = data.get("inputSchema")
    inner = schema.get("json") if isinstance(schema, Mapping) else None
    return _read_fields({**data, "inputSchema": inner}, "/toolSpec", data)


def _read_fields(data: Mapping[str, Any], at: str, outer: Mapping[str, Any]) -> ToolSpec:
    name = data.get("name")
    if not isinstance(name, str) or not name:
        raise UnreadableTool(f"{at}/name", 'Add a "name": the text by which a model calls the tool')
    if len(name) > LONGEST_NAME:
        raise UnreadableTool(f"{at}/name", f"Shorten the name to {LONGEST_NAME} characters")
    description = data.get("description")
    if description is not None and not isinstance(description, str):
        raise UnreadableTool(f"{at}/description", "Make the description a text in quotes")
    strict = data.get("strict", outer.get("strict"))
    if strict is not None and not isinstance(strict, bool):
        raise UnreadableTool(f"{at}/strict", "Make strict true or false")
    return ToolSpec(
        name=name,
        description=description or "",
        parameters=_read_schema(data, _PARAMETERS, at),
        strict=strict or None,
        output_schema=_read_schema(data, _OUTPUT, at),
        annotations=_read_object(data, "annotations", at) or None,
    )


def _read_schema(data: Mapping[str, Any], keys: tuple[str, ...], at: str) -> dict[str, Any] | None:
    for key in keys:
        if data.get(key) is not None:
            found = _read_object(data, key, at)
            return _lower(found) if _is_gemini(found) else found
    return None


def _read_object(data: Mapping[str, Any], key: str, at: str) -> dict[str, Any] | None:
    value = data.get(key)
    if value is not None and not isinstance(value, Mapping):
        raise UnreadableTool(f"{at}/{key}", f"Make {key} a JSON object")
    return None if value is None else dict(value)


def _is_gemini(schema: Any) -> bool:
    """Whether the schema's own type is written as Gemini does."""
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    return isinstance(kind, str | int) and kind in _GEMINI_TYPES


def _lower(schema: Any) -> Any:
    """Gemini's Schema object as JSON Schema: types in lower case, counts as numbers."""
    if not isinstance(schema, Mapping):
        return schema
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "type" and isinstance(value, str | int):
            result[key] = _GEMINI_TYPES.get(value, value)
        elif key in _GEMINI_COUNTS and isinstance(value, str) and value.isdecimal():
            result[key] = int(value)
        elif key == "properties" and isinstance(value, Mapping):
            result[key] = {name: _lower(part) for name, part in value.items()}
        elif key == "anyOf" and isinstance(value, list):
            result[key] = [_lower(part) for part in value]
        elif key == "items":
            result[key] = _lower(value)
        else:
            result[key] = value
    return admit_null(result) if result.get("nullable") is True else result


def admit_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What Gemini and OpenAPI 3.0 call nullable, in JSON Schema's words."""
    kind, listed = schema.get("type"), schema.get("anyOf")
    result: dict[str, Any] = {k: v for k, v in schema.items() if k != "nullable"}
    if kind is None and isinstance(listed, list):
        return {**result, "anyOf": [*listed, {"type": "null"}]}
    if not isinstance(kind, str) or kind == "null":
        return schema
    result["type"] = [kind, "null"]
    if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
        result["enum"] = [*schema["enum"], None]
    return result


def to_openai_chat(spec: ToolSpec) -> dict[str, Any]:
    """An entry of ``tools`` of OpenAI's chat completions, and of what is compatible with it."""
    function: dict[str, Any] = _head(spec)
    if spec.parameters is not None:
        function["parameters"] = spec.parameters
    if spec.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def to_openai_responses(spec: ToolSpec) -> dict[str, Any]:
    """An entry of ``tools`` of OpenAI's Responses, whose own default for ``strict`` is true."""
    tool: dict[str, Any] = {"type": "function", **_head(spec)}
    tool["parameters"] = spec.parameters
    tool["strict"] = bool(spec.strict)
    return tool


def to_anthropic(spec: ToolSpec) -> dict[str, Any]:
    """An entry of ``tools`` of Anthropic's messages, where a schema must be given."""
    tool: dict[str, Any] = {**_head(spec), "input_schema": _parameters(spec)}
    if spec.strict:
        tool["strict"] = True
    return tool


def to_ollama(spec: ToolSpec) -> dict[str, Any]:
    """An entry of ``tools`` of Ollama's native chat, which knows no ``strict``."""
    function = {**_head(spec), "parameters": _parameters(spec)}
    return {"type": "function", "function": function}


def to_legacy_function(spec: ToolSpec) -> dict[str, Any]:
    """An entry of the legacy ``functions`` of OpenAI's chat completions."""
    return {**_head(spec), "parameters": _parameters(spec)}


def _head(spec: ToolSpec) -> dict[str, Any]:
    return {"name": spec.name} | ({"description": spec.description} if spec.description else {})


def _parameters(spec: ToolSpec) -> Mapping[str, Any]:
    return _NO_PARAMETERS if spec.parameters is None else spec.parameters
