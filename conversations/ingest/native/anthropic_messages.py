"""Anthropic Messages: content blocks to chat messages.

Results stand before the rest of the user's turn, as OpenAI wants them right after their calls.
Reference: https://docs.anthropic.com/en/api/messages
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

SPOKEN = ("messages", "system", "tools", "tool_choice", "model", "metadata")
CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def read_request(body: Mapping[str, Any]) -> NativeRequest:
    messages: list[dict[str, Any]] = []
    notes: list[Note] = []
    if body.get("system"):
        messages.append({"role": "system", "content": _plain(body["system"])})
    for message in items(body.get("messages")):
        messages.extend(read_message(obj(message), notes))
    tools, tool_notes = read_tools(items(body.get("tools")))
    parameters = without(body, *SPOKEN)
    choice = body.get("tool_choice")
    if isinstance(choice, Mapping):
        if "disable_parallel_tool_use" in choice:
            parameters["parallel_tool_calls"] = not choice["disable_parallel_tool_use"]
        choice = _choice(choice)
    return NativeRequest(
        messages=messages,
        tools=tools if "tools" in body else None,
        tool_choice=choice,
        parameters=parameters,
        model=text(body.get("model")),
        user=text(obj(body.get("metadata")).get("user_id")),
        notes=(*dict.fromkeys(notes), *tool_notes),
    )


def _choice(choice: Mapping[str, Any]) -> Any:
    kind = text(choice.get("type"))
    return named_choice(choice.get("name")) if kind == "tool" else CHOICES.get(kind, dict(choice))


def read_message(message: Mapping[str, Any], notes: list[Note]) -> list[dict[str, Any]]:
    """One message as one or, where it holds results, several chat messages."""
    role, content = text(message.get("role")) or "user", message.get("content")
    if isinstance(content, str):
        return [{"role": role, "content": content}]
    results: list[dict[str, Any]] = []
    saying = Saying(role)
    for block in items(content):
        _take_block(obj(block), saying, results, notes)
    return results if saying.empty and results else [*results, saying.message()]


def _take_block(
    block: dict[str, Any], saying: Saying, results: list[dict[str, Any]], notes: list[Note]
) -> None:
    kind = text(block.get("type"))
    if kind == "tool_use":
        saying.call(text(block.get("id")) or None, text(block.get("name")), block.get("input"))
    elif kind == "tool_result":
        content = block.get("content")
        results.append(
            tool_message(
                text(block.get("tool_use_id")) or None,
                "" if content is None else _plain(content),
                is_error=block.get("is_error") or None,
            )
        )
    elif kind == "thinking":
        saying.reasoning.append(text(block.get("thinking")))
    elif kind == "redacted_thinking":
        notes.append(not_carried("redacted thinking"))
    else:
        saying.parts.append(_part(block))


def _plain(content: Any) -> Any:
    if isinstance(content, str):
        return content
    return content_of([_part(block) for block in items(content) if isinstance(block, dict)])


def _part(block: dict[str, Any]) -> dict[str, Any]:
    kind, source = block.get("type"), obj(block.get("source"))
    if kind == "text":
        return {"type": "text", "text": text(block.get("text"))}
    if kind == "image" and source.get("type") == "base64":
        url = f"data:{text(source.get('media_type'))};base64,{text(source.get('data'))}"
        return {"type": "image_url", "image_url": {"url": url}}
    if kind == "image" and source.get("type") == "url":
        return {"type": "image_url", "image_url": {"url": text(source.get("url"))}}
    return block
