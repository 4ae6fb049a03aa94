"""OpenAI Responses: input items to chat messages.

Calls in a row are one assistant message; reasoning goes with what it led to. Reference:
https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.payload import items, obj, text
from conversations.ingest.native.canonical import (
    NativeRequest,
    Saying,
    content_of,
    named_choice,
    not_carried,
    read_tools,
    tool_message,
    without,
)
from conversations.ingest.notes import Note

SPOKEN = ("input", "instructions", "tools", "tool_choice", "model", "user")
OUTPUTS = ("function_call_output", "custom_tool_call_output")


def read_request(body: Mapping[str, Any]) -> NativeRequest:
    reader = _Items()
    instructions = body.get("instructions")
    if isinstance(instructions, str) and instructions:
        reader.messages.append({"role": "system", "content": instructions})
    given = body.get("input")
    for item in [given] if isinstance(given, str) else items(given):
        reader.take({"role": "user", "content": item} if isinstance(item, str) else obj(item))
    reader.close()
    notes = list(reader.notes)
    if body.get("previous_response_id") or body.get("conversation"):
        notes.append(
            Note("request_not_recorded", "Earlier messages are kept by the provider alone.")
        )
    tools, tool_notes = read_tools(items(body.get("tools")))
    return NativeRequest(
        messages=reader.messages,
        tools=tools if "tools" in body else None,
        tool_choice=_choice(body.get("tool_choice")),
        parameters=without(body, *SPOKEN),
        model=text(body.get("model")),
        user=text(body.get("user")),
        notes=(*dict.fromkeys(notes), *tool_notes),
    )


def _choice(choice: Any) -> Any:
    if isinstance(choice, Mapping) and choice.get("type") == "function":
        return named_choice(choice.get("name"))
    return choice


class _Items:
    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.notes: list[Note] = []
        self.open: Saying | None = None

    def take(self, item: dict[str, Any]) -> None:
        kind = text(item.get("type")) or "message"
        if kind in ("function_call", "custom_tool_call", "mcp_call"):
            self._take_call(item, kind)
        elif kind in OUTPUTS:
            self.close()
            content = item.get("output")
            self.messages.append(tool_message(_id(item.get("call_id")), _content(content)))
        elif kind == "reasoning":
            self.assistant().reasoning.extend(_thoughts(item))
        elif kind == "message" and item.get("role") == "assistant":
            if self.open and (self.open.parts or self.open.calls):
                self.close()
            self.assistant().parts.extend(_parts(item.get("content")))
        elif kind == "message":
            self.close()
            role = text(item.get("role")) or "user"
            self.messages.append({"role": role, "content": _content(item.get("content"))})
        else:
            self.notes.append(not_carried(f"an input item of type {kind}"))

    def _take_call(self, item: dict[str, Any], kind: str) -> None:
        call_id, name = _id(item.get("call_id") or item.get("id")), text(item.get("name"))
        if kind == "custom_tool_call":
            custom = {"name": name, "input": text(item.get("input"))}
            self.assistant().calls.append({"id": call_id, "type": "custom", "custom": custom})
            return
        self.assistant().call(call_id, name, item.get("arguments"))
        if kind == "mcp_call" and item.get("output") is not None:
            self.close()
            self.messages.append(tool_message(call_id, _content(item["output"])))

    def assistant(self) -> Saying:
        if self.open is None:
            self.open = Saying("assistant")
        return self.open

    def close(self) -> None:
        if self.open is not None and not self.open.empty:
            self.messages.append(self.open.message())
        self.open = None


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _thoughts(item: Mapping[str, Any]) -> list[str]:
    said = [*items(item.get("summary")), *items(item.get("content"))]
    return [thought for part in said if (thought := text(obj(part).get("text")))]


def _parts(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [_part(part) for part in items(content) if isinstance(part, dict)]


def _content(content: Any) -> Any:
    return content if isinstance(content, str) else content_of(_parts(content))


def _part(part: dict[str, Any]) -> dict[str, Any]:
    kind = part.get("type")
    if kind in ("input_text", "output_text"):
        return {"type": "text", "text": text(part.get("text"))}
    if kind == "input_image" and isinstance(part.get("image_url"), str):
        detail = {"detail": part["detail"]} if part.get("detail") else {}
        return {"type": "image_url", "image_url": {"url": part["image_url"], **detail}}
    return part
