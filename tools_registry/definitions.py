"""Tool definitions in JSON texts: every one of a file, with the line of each of its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools_registry.dialects import UnreadableTool, read_tool, schema_pointers
from tools_registry.specs import ToolSpec
from tools_registry.validation.positions import Position, json_positions
from tools_registry.validation.syntax import read_value

_GROUPS = ("functionDeclarations", "function_declarations")
_LISTS = ("tools", "functions")


@dataclass(frozen=True)
class Definition:
    """One entry of a text: its tool, or why it cannot be read.

    ``at`` is the entry's pointer in the text, ``value`` its JSON.
    """

    at: str
    spec: ToolSpec | None
    error: str = ""
    error_at: str = ""
    value: Any = None
    places: Mapping[str, Position] = field(default_factory=dict, repr=False, compare=False)

    def pointer_of(self, pointer: str) -> str:
        """Where in the text stands what ``pointer`` names in ``spec.to_json()``."""
        return self.at + translate(self.value, pointer)

    def place_of(self, pointer: str) -> Position:
        """Line and column of it, or of the nearest value around it."""
        return nearest(self.pointer_of(pointer), self.places)


def translate(value: Any, pointer: str) -> str:
    """A pointer into our own form as one into a definition of any dialect."""
    if not isinstance(value, Mapping):
        return pointer
    parameters, output = schema_pointers(value)
    for ours, theirs in (("/parameters", parameters), ("/output_schema", output)):
        if pointer == ours or pointer.startswith(f"{ours}/"):
            return (theirs or ours) + pointer[len(ours) :]
    inner = next((key for key in ("function", "toolSpec") if _is_inner(value, key)), None)
    is_inner = inner and pointer and pointer.split("/")[1] in value[inner]
    return f"/{inner}{pointer}" if is_inner else pointer


def _is_inner(value: Mapping[str, Any], key: str) -> bool:
    return isinstance(value.get(key), Mapping)


def nearest(pointer: str, places: Mapping[str, Position]) -> Position:
    while pointer and pointer not in places:
        pointer = pointer.rpartition("/")[0]
    return places.get(pointer, (1, 1))


def read_definitions(text: str) -> list[Definition]:
    """Every definition of a text: one tool, a list of them, ``{"tools": […]}``, MCP's answer to
    ``tools/list`` as a whole or its result, Gemini's groups. A provider's own tools are left out.
    Never raises.
    """
    value, finding = read_value(text)
    if finding:
        line = int(finding.detail.get("line", 1)), int(finding.detail.get("column", 1))
        reason = str(finding.detail.get("reason") or finding.message)
        return [Definition("", None, f"This is not JSON: {reason}", places={"": line})]
    places = json_positions(text)
    return [found for at, entry in entries(value) if (found := _read(at, entry, places))]


def _read(at: str, entry: Any, places: Mapping[str, Position]) -> Definition | None:
    try:
        spec = read_tool(entry)
    except UnreadableTool as error:
        return Definition(at, None, error.detail, at + error.pointer, entry, places)
    return Definition(at, spec, value=entry, places=places) if spec else None


def entries(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Each entry of a parsed text with its pointer, lists and groups opened."""
    if isinstance(value, list):
        for index, entry in enumerate(value):
            yield from entries(entry, f"{at}/{index}")
        return
    if isinstance(value, Mapping):
        if isinstance(value.get("result"), Mapping) and "name" not in value:
            yield from entries(value["result"], f"{at}/result")
            return
        for key in (*_LISTS, *_GROUPS):
            if isinstance(value.get(key), list) and not isinstance(
                value.get("inputSchema"), Mapping
            ):
                yield from entries(value[key], f"{at}/{key}")
                return
    yield at, value
