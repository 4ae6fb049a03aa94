"""What every protocol's request and answer become: OpenAI chat messages and tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conversations.assembly.payload import compact
from conversations.ingest.notes import Note
from tools_registry.dialects import UnreadableTool, read_tool, to_openai_chat


@dataclass(frozen=True, slots=True)
class NativeRequest:
    """A request in canonical form; ``tools`` is None where none were offered."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None
    tool_choice: Any = None
    parameters: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    user: str = ""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class NativeAnswer:
    """An answer in canonical form: ``message``, ``error`` or both; ``usage`` as it was sent."""

    message: dict[str, Any] | None
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    model: str = ""
    error: Any = None
    notes: tuple[Note, ...] = ()


@dataclass(slots=True)
class Saying:
    """Collects what one message says, whatever the blocks of its protocol."""

    role: str
    parts: list[Any] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    def say(self, text: str) -> None:
        self.parts.append({"type": "text", "text": text})

    def call(self, call_id: str | None, name: str, arguments: Any, **extra: Any) -> None:
        """Add a call; arguments that are no text become their compact JSON."""
        function = {"name": name, "arguments": argument_text(arguments)}
        self.calls.append({"id": call_id, "type": "function", "function": function, **extra})

    @property
    def empty(self) -> bool:
        return not (self.parts or self.calls or self.reasoning)

    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": self.role, "content": content_of(self.parts)}
        if not self.parts:
            message["content"] = None if self.calls else ""
        if self.reasoning:
            message["reasoning_content"] = "\n".join(self.reasoning)
        if self.calls:
            message["tool_calls"] = self.calls
        return message | self.extra


def argument_text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else compact(arguments)


def content_of(parts: list[Any]) -> Any:
    """One text alone is a string, as OpenAI's clients write it; anything else stays a list."""
    if len(parts) == 1 and set(parts[0]) == {"type", "text"} and parts[0]["type"] == "text":
        return parts[0]["text"]
    return parts


def tool_message(call_id: str | None, content: Any, **extra: Any) -> dict[str, Any]:
    """A result; what is neither text nor a list of parts becomes compact JSON."""
    message: dict[str, Any] = {"role": "tool"}
    if call_id is not None:
        message["tool_call_id"] = call_id
    message["content"] = content if isinstance(content, str | list) else compact(content)
    return message | {key: value for key, value in extra.items() if value is not None}


def with_role(message: dict[str, Any], role: str = "") -> dict[str, Any]:
    """The message itself, or a copy with a role that is a text."""
    return message if isinstance(message.get("role"), str) else {**message, "role": role}


def named_choice(name: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def read_tools(tools: Iterable[Any]) -> tuple[list[dict[str, Any]], tuple[Note, ...]]:
    """Tools of any dialect in OpenAI form.

    One that is in that form already is the same object. Of the others the definition as it was
    sent stays under ``native``; an entry that is no function stays as it is.
    """
    read: list[dict[str, Any]] = []
    notes: list[Note] = []
    for tool in tools:
        if not isinstance(tool, Mapping):
            notes.append(Note("part_not_carried", "A tool that is no JSON object was left out."))
        elif isinstance(tool.get("function"), Mapping) and tool.get("type") == "function":
            read.append(tool if isinstance(tool, dict) else dict(tool))
        else:
            read.append(_read_tool(tool, notes))
    return read, tuple(dict.fromkeys(notes))


def _read_tool(tool: Mapping[str, Any], notes: list[Note]) -> dict[str, Any]:
    try:
        spec = read_tool(tool)
    except (UnreadableTool, RecursionError) as error:
        notes.append(Note("part_not_carried", f"A tool stays as it was sent: {error}."))
        return dict(tool)
    if spec is None:
        return dict(tool)
    converted = to_openai_chat(spec)
    sent = next((tool[key] for key in ("parameters", "input_schema") if key in tool), None)
    if sent is not None and spec.parameters != sent:
        notes.append(
            Note("schema_normalised", f"The schema of {spec.name} was rewritten into JSON Schema.")
        )
    return converted | {"native": dict(tool)}


def without(body: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The members that are not ``names``: what a request says beyond messages and tools."""
    return {key: value for key, value in body.items() if key not in names}


def not_carried(what: str) -> Note:
    return Note("part_not_carried", f"Not carried over: {what[:200]}.")
