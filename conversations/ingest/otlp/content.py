"""What one span or log record says of a turn's request and answer, in canonical form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from console.lib import json
from conversations.assembly.payload import items, obj, text
from conversations.ingest.native.canonical import Saying, argument_text, tool_message
from conversations.ingest.notes import Note

CALLING = frozenset(["tool_calls", "tool_call", "tool_use", "function_call", "TOOL_CALL"])


@dataclass(slots=True)  # freezing would make each several times as dear
class Content:
    """``messages``, ``tools`` and ``message`` are None where the source does not hold them."""

    messages: list[dict[str, Any]] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Any = None
    parameters: dict[str, Any] = field(default_factory=dict)
    message: dict[str, Any] | None = None
    finish_reason: str | None = None
    choices: int = 0
    notes: tuple[Note, ...] = ()

    def filled_by(self, other: Content) -> Content:
        """This content with what it lacks taken from another."""
        return Content(
            messages=other.messages if self.messages is None else self.messages,
            tools=other.tools if self.tools is None else self.tools,
            tool_choice=other.tool_choice if self.tool_choice is None else self.tool_choice,
            parameters=other.parameters | self.parameters,
            message=other.message if self.message is None else self.message,
            finish_reason=self.finish_reason or other.finish_reason,
            choices=self.choices or other.choices,
            notes=tuple(dict.fromkeys((*self.notes, *other.notes))),
        )

    def noted(self, *notes: Note) -> Content:
        return replace(self, notes=tuple(dict.fromkeys((*self.notes, *notes))))

    def to_json(self) -> dict[str, Any]:
        whole = {name: getattr(self, name) for name in self.__dataclass_fields__}
        whole["notes"] = [note.to_json() for note in self.notes]
        return {name: value for name, value in whole.items() if value not in (None, [], {}, 0)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Content:
        notes = tuple(Note(**note) for note in data.get("notes", ()))
        return cls(**{**data, "notes": notes})


def structured(value: Any) -> Any:
    """An attribute's value; a text that holds a JSON array or object is read."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.load(value)
        except (ValueError, RecursionError):
            return value
    return value


def read_list(attributes: Mapping[str, Any], name: str) -> tuple[list[Any] | None, list[Note]]:
    """A list attribute, structured or as JSON text; a note where it is there but is no list."""
    if name not in attributes:
        return None, []
    value = structured(attributes[name])
    if isinstance(value, list):
        return value, []
    return None, [Note("attribute_unreadable", f"The attribute {name} holds no JSON array.")]


def unflatten(attributes: Mapping[str, Any], prefix: str) -> tuple[list[Any], bool]:
    """``prefix.0.a.b`` attributes as a list of nested values, and whether an index is missing."""
    root: dict[str, Any] = {}
    begin = prefix + "."
    for name, value in attributes.items():
        if name.startswith(begin):
            _put(root, name[len(begin) :].split("."), value)
    if not root:
        return [], False
    whole = _listed(root)
    if not isinstance(whole, list):
        return [], bool(root)
    return whole, sorted(int(key) for key in root) != list(range(len(root)))


def _put(node: dict[str, Any], path: list[str], value: Any) -> None:
    last = path.pop()
    for step in path:
        below = node.get(step)
        if below is None:
            below = node.setdefault(step, {})
        if not isinstance(below, dict):
            return
        node = below
    node.setdefault(last, value)


def _is_index(key: str) -> bool:
    return key.isdecimal() and key.isascii()


def _listed(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    below = {
        key: _listed(value) if isinstance(value, dict) else value for key, value in node.items()
    }
    if next(iter(node), "").isdecimal() and all(map(_is_index, node)):
        return [below[key] for key in sorted(below, key=int)]
    return below


def read_parts_message(message: Any) -> tuple[list[dict[str, Any]], list[Note]]:
    """One message of the semantic conventions, ``{role, parts}``, as chat messages.

    Results stand before the rest of their message. A message that has ``content`` instead of
    ``parts`` is one of OpenAI's already.
    """
    message = obj(message)
    role = text(message.get("role")) or "user"
    if "parts" not in message:
        return ([{**message, "role": role}] if message else []), []
    results: list[dict[str, Any]] = []
    notes: list[Note] = []
    saying = Saying(role)
    if text(message.get("name")):
        saying.extra["name"] = message["name"]
    for part in items(message.get("parts")):
        _take_part(obj(part), saying, results, notes)
    return (results if saying.empty and results else [*results, saying.message()]), notes


def _take_part(
    part: dict[str, Any], saying: Saying, results: list[dict[str, Any]], notes: list[Note]
) -> None:
    kind, call_id = text(part.get("type")), text(part.get("id")) or None
    if kind == "text":
        saying.say(text(part.get("content")))
    elif kind == "tool_call":
        if not isinstance(part.get("arguments"), str | None):
            notes.append(OBJECT_ARGUMENTS)
        called = text(part.get("name"))
        if "arguments" in part:
            saying.call(call_id, called, part["arguments"])
        else:
            notes.append(CONTENT_MISSING)
            saying.calls.append({"id": call_id, "type": "function", "function": {"name": called}})
    elif kind == "tool_call_response":
        content = part.get("response", part.get("result"))
        name = text(part.get("name")) or None
        results.append(tool_message(call_id, "" if content is None else content, name=name))
    elif kind in ("reasoning", "thinking"):
        saying.reasoning.append(text(part.get("content")))
    elif part:
        saying.parts.append(part)


OBJECT_ARGUMENTS = Note(
    "arguments_as_object", "The source holds arguments as objects; their text is not the model's."
)
CONTENT_MISSING = Note(
    "content_not_recorded", "The instrumentation recorded calls without their arguments."
)


def read_call(call: Any, notes: list[Note]) -> dict[str, Any]:
    """A call in OpenAI's form whose arguments may be an object or may be missing."""
    call = dict(obj(call))
    function = dict(obj(call.get("function")))
    if not function and "name" in call:
        function = {key: call.pop(key) for key in ("name", "arguments") if key in call}
    if "arguments" in function and not isinstance(function["arguments"], str):
        notes.append(OBJECT_ARGUMENTS)
        function["arguments"] = argument_text(function["arguments"])
    elif "arguments" not in function:
        notes.append(CONTENT_MISSING)
    return {"id": call.pop("id", None), "type": call.pop("type", "function"), **call} | {
        "function": function
    }
