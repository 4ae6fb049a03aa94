"""Amazon Bedrock's Converse: content blocks, each told by its one key, to chat messages.

Reference: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.payload import items, obj, text
from conversations.ingest.native.canonical import (
    NativeAnswer,
    NativeRequest,
    Saying,
    content_of,
    named_choice,
    read_tools,
    tool_message,
    without,
)
from conversations.ingest.native.openai_chat import said_error

SPOKEN = ("messages", "system", "toolConfig", "modelId")


def read_request(body: Mapping[str, Any]) -> NativeRequest:
    messages: list[dict[str, Any]] = []
    system = [_part(obj(block)) for block in items(body.get("system"))]
    if system:
        messages.append({"role": "system", "content": content_of(system)})
    for message in items(body.get("messages")):
        messages.extend(read_message(obj(message)))
    config = obj(body.get("toolConfig"))
    tools, notes = read_tools(items(config.get("tools")))
    return NativeRequest(
        messages=messages,
        tools=tools if config else None,
        tool_choice=_choice(obj(config.get("toolChoice"))),
        parameters=without(body, *SPOKEN),
        model=text(body.get("modelId")),
        notes=notes,
    )


def _choice(choice: dict[str, Any]) -> Any:
    if "tool" in choice:
        return named_choice(obj(choice["tool"]).get("name"))
    return "required" if "any" in choice else "auto" if "auto" in choice else None


def read_message(message: dict[str, Any]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    saying = Saying(text(message.get("role")) or "user")
    for block in items(message.get("content")):
        _take_block(obj(block), saying, results)
    return results if saying.empty and results else [*results, saying.message()]


def _take_block(block: dict[str, Any], saying: Saying, results: list[dict[str, Any]]) -> None:
    use, result = obj(block.get("toolUse")), obj(block.get("toolResult"))
    if use:
        saying.call(text(use.get("toolUseId")) or None, text(use.get("name")), use.get("input"))
    elif result:
        parts = [_part(obj(part)) for part in items(result.get("content"))]
        failed = True if result.get("status") == "error" else None
        call_id = text(result.get("toolUseId")) or None
        results.append(tool_message(call_id, content_of(parts), is_error=failed))
    elif "reasoningContent" in block:
        thought = obj(obj(block["reasoningContent"]).get("reasoningText"))
        saying.reasoning.append(text(thought.get("text")))
    else:
        saying.parts.append(_part(block))


def _part(block: dict[str, Any]) -> dict[str, Any]:
    if set(block) == {"text"}:
        return {"type": "text", "text": text(block["text"])}
    return block if "type" in block else {"type": next(iter(block), "part"), **block}


def read_answer(body: Mapping[str, Any]) -> NativeAnswer:
    message = obj(obj(body.get("output")).get("message"))
    return NativeAnswer(
        message=read_message(message)[-1] if message else None,
        finish_reason=text(body.get("stopReason")) or None,
        usage=obj(body.get("usage")) or None,
        error=None if message else said_error(dict(body)),
    )
