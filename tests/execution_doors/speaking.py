"""Whole and streamed answers of each protocol that the guard speaks, for its tests."""

from __future__ import annotations

import json
from typing import Any

from conversations.parts import WireProtocol

PROTOCOLS: tuple[WireProtocol, ...] = ("openai.chat", "openai.responses", "anthropic.messages")
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": False}  # fmt: skip


def tool(protocol: WireProtocol, name: str) -> dict[str, Any]:
    if protocol == "openai.chat":
        return {"type": "function", "function": {"name": name, "parameters": CITY}}
    if protocol == "openai.responses":
        return {"type": "function", "name": name, "parameters": CITY}
    return {"name": name, "input_schema": CITY}


def request(protocol: WireProtocol, *names: str, **more: Any) -> dict[str, Any]:
    """A request that offers these tools."""
    said = [{"role": "user", "content": "The weather in Lisbon"}]
    body: dict[str, Any] = {"model": "m", "tools": [tool(protocol, name) for name in names]}
    body["input" if protocol == "openai.responses" else "messages"] = said
    if protocol == "anthropic.messages":
        body["max_tokens"] = 100
    return body | more


def answer(protocol: WireProtocol, text: str, *calls: tuple[str, str]) -> dict[str, Any]:
    """A whole answer with a text, "" for none, and calls: name and arguments."""
    ids = [f"c{place}" for place in range(len(calls))]
    if protocol == "openai.chat":
        message: dict[str, Any] = {"role": "assistant", "content": text or None}
        if calls:
            message["tool_calls"] = [
                {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
                for id, (name, arguments) in zip(ids, calls, strict=True)
            ]
        reason = "tool_calls" if calls else "stop"
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        head = {"id": "r", "object": "chat.completion", "created": 1, "model": "m"}
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        return {**head, "choices": [choice], "usage": usage}
    usage = {"input_tokens": 3, "output_tokens": 2}
    if protocol == "anthropic.messages":
        content: list[Any] = [{"type": "text", "text": text}] if text else []
        content += [
            {"type": "tool_use", "id": id, "name": name, "input": json.loads(arguments)}
            for id, (name, arguments) in zip(ids, calls, strict=True)
        ]
        return {
            "id": "r", "type": "message", "role": "assistant", "model": "m", "content": content,
            "stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None,
            "usage": usage,
        }  # fmt: skip
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    said = {"type": "message", "id": "m0", "role": "assistant", "status": "completed"}
    output: list[Any] = [{**said, "content": [part]}] if text else []
    output += [
        {"type": "function_call", "id": f"f{id}", "call_id": id, "name": name,
         "arguments": arguments, "status": "completed"}
        for id, (name, arguments) in zip(ids, calls, strict=True)
    ]  # fmt: skip
    return {
        "id": "r", "object": "response", "created_at": 1, "status": "completed", "model": "m",
        "output": output, "usage": {**usage, "total_tokens": 5}, "parallel_tool_calls": True,
        "tool_choice": "auto", "tools": [],
    }  # fmt: skip
