"""Requests and answers of Anthropic Messages as the guard changes them. Pure.

https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from console.lib import json
from conversations.assembly.payload import items, obj, text
from conversations.guard.wording import Body, Rejected, explain, tell_held
from conversations.ingest.native import HOSTED
from conversations.parts import Answer, Call, Part, Reasoning
from tools_registry.validation.syntax import NOTHING, read_arguments


def why_unsupported(body: Mapping[str, Any]) -> str:
    return "" if isinstance(body.get("messages"), list) else "requests without messages"


def name_of(tool: Any) -> str:
    # The provider's own tools have a type with a date: web_search_20250305.
    own = obj(tool).get("type") not in (None, "custom", "tool")
    return "" if own else text(obj(tool).get("name"))


def without_tools(body: Mapping[str, Any]) -> Body:
    # Messages that speak of calls are refused without tools.
    return {**body, "tool_choice": {"type": "none"}}


def whole_of(answer: Answer, payloads: Sequence[Body]) -> Body:
    calls = [call for call in answer.calls if call.type not in HOSTED]
    if len(payloads) == 1 and len(_calls(payloads[0])) == len(calls):
        return payloads[0]
    parts = (part for part in answer.first.parts if getattr(part, "type", "") not in HOSTED)
    return {
        "id": answer.response_id or f"msg_{uuid.uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": answer.model or "",
        "content": [block for part in parts if (block := _block(part))],
        "stop_reason": answer.first.finish_reason,
        "stop_sequence": None,
        "usage": dict(answer.usage.raw) if answer.usage else {},
    }


def _block(part: Part) -> Body | None:
    """A part as the block that it was; None for an empty text, which no request may hold."""
    if isinstance(part, Call):
        value, _ = read_arguments(part.arguments or "{}")
        value = value if value is not NOTHING and isinstance(value, dict) else {}
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": value}
    if isinstance(part, Reasoning):
        details = dict(part.provider_details)
        if details.get("type") == "redacted_thinking":
            return details
        signature = details.get("signature", "")
        return {"type": "thinking", "thinking": part.text, "signature": signature}
    return {"type": "text", "text": part.text} if part.text else None


def _calls(answer: Mapping[str, Any]) -> list[Body]:
    blocks = map(obj, items(answer.get("content")))
    return [block for block in blocks if block.get("type") == "tool_use"]


def rest_of(answer: Body, before: Body) -> Body:
    return {**answer, "content": answer["content"][len(before["content"]) :]}


def answer_back(body: Mapping[str, Any], answer: Body, rejected: Rejected) -> Body:
    told = [
        {
            "type": "tool_result",
            "tool_use_id": call.get("id"),
            "content": explain(rejected.get(place)),
            "is_error": True,
        }
        for place, call in enumerate(_calls(answer))
    ]
    said = {"role": "assistant", "content": answer["content"]}
    return {**body, "messages": [*body["messages"], said, {"role": "user", "content": told}]}


def hold(answer: Body, rejected: Rejected) -> Body:
    calls = _calls(answer)
    gone = {id(calls[place]) for place in rejected}
    content = [block for block in answer["content"] if id(block) not in gone]
    told = tell_held([text(call.get("name")) for call in calls], rejected)
    # Calls come last: their results follow.
    first = next((at for at, one in enumerate(content) if one["type"] == "tool_use"), len(content))
    content.insert(first, {"type": "text", "text": told})
    reason = "tool_use" if len(calls) > len(gone) else "end_turn"
    return {**answer, "content": content, "stop_reason": reason}


def to_stream(answer: Body, before: Sequence[Body], asked: Mapping[str, Any]) -> bytes:
    return "".join(
        f"event: {event['type']}\ndata: {json.dump(event)}\n\n" for event in _events(answer, before)
    ).encode()


def _events(answer: Body, before: Sequence[Body]) -> Iterator[Body]:
    if not before:
        begun = {**answer, "content": [], "stop_reason": None, "stop_sequence": None}
        yield {"type": "message_start", "message": begun}
    first = sum(event.get("type") == "content_block_start" for event in before)
    for index, block in enumerate(answer["content"], first):
        begun, deltas = _open(block)
        yield {"type": "content_block_start", "index": index, "content_block": begun}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ended = {name: answer.get(name) for name in ("stop_reason", "stop_sequence")}
    yield {"type": "message_delta", "delta": ended, "usage": answer.get("usage") or {}}
    yield {"type": "message_stop"}


def _open(block: Body) -> tuple[Body, list[Body]]:
    """How a block begins in a stream, and what fills it."""
    match block.get("type"):
        case "text":
            return {**block, "text": ""}, [{"type": "text_delta", "text": block["text"]}]
        case "tool_use":
            given = {"type": "input_json_delta", "partial_json": json.dump(block.get("input", {}))}
            return {**block, "input": {}}, [given]
        case "thinking":
            thought = {"type": "thinking_delta", "thinking": block["thinking"]}
            signed = {"type": "signature_delta", "signature": block.get("signature", "")}
            return {**block, "thinking": "", "signature": ""}, [thought, signed]
        case _:
            return block, []
