"""Ollama's native chat: OpenAI's messages but for arguments as objects and no ids of old.

Reference: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.payload import items, obj, text
from conversations.ingest.native.canonical import (
    NativeRequest,
    argument_text,
    read_tools,
    with_role,
    without,
)

SPOKEN = ("messages", "tools", "model")


def read_request(body: Mapping[str, Any]) -> NativeRequest:
    tools, notes = read_tools(items(body.get("tools")))
    return NativeRequest(
        messages=[_message(one) for one in items(body.get("messages")) if isinstance(one, dict)],
        tools=tools if "tools" in body else None,
        parameters=without(body, *SPOKEN),
        model=text(body.get("model")),
        notes=notes,
    )


def _message(message: dict[str, Any]) -> dict[str, Any]:
    read = dict(with_role(message))
    if isinstance(message.get("tool_calls"), list):
        read["tool_calls"] = [_call(obj(call)) for call in message["tool_calls"]]
    if "tool_name" in read:
        read.setdefault("name", read["tool_name"])
    if "thinking" in read:
        read["reasoning_content"] = read.pop("thinking")
    return read


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = obj(call.get("function"))
    written = {
        "name": text(function.get("name")),
        "arguments": argument_text(function.get("arguments")),
    }
    return {"id": call.get("id"), "type": "function", "function": written}
