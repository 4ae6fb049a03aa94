"""Requests and answers of OpenAI chat completions as the guard changes them. Pure.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from console.lib import json
from conversations.assembly import message_of
from conversations.guard.wording import Body, Rejected, explain, tell_held, without
from conversations.parts import Answer


def why_unsupported(body: Mapping[str, Any]) -> str:
    if not isinstance(body.get("messages"), list):
        return "requests without messages"
    if body.get("functions"):
        return "legacy functions: send them as tools"
    count = body.get("n")
    if isinstance(count, int) and count > 1:
        return "several choices: leave n out"
    return ""


def name_of(tool: Any) -> str:
    for kind in ("function", "custom"):
        inner = tool.get(kind) if isinstance(tool, Mapping) else None
        if isinstance(inner, Mapping) and isinstance(inner.get("name"), str):
            return str(inner["name"])
    return ""


def without_tools(body: Mapping[str, Any]) -> Body:
    return without(body, "tools", "tool_choice", "parallel_tool_calls")


def whole_of(answer: Answer, payloads: Sequence[Body]) -> Body:
    reason = answer.first.finish_reason
    choice = {"index": 0, "message": message_of(answer), "logprobs": None, "finish_reason": reason}
    told: Body = {
        "id": answer.response_id or f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": next((one["created"] for one in payloads if "created" in one), int(time.time())),
        "model": answer.model or "",
        "choices": [choice],
    }
    return told | ({"usage": dict(answer.usage.raw)} if answer.usage else {})


def rest_of(answer: Body, before: Body) -> Body:
    said, message = _message(before).get("content") or "", _message(answer)
    left = {"role": "assistant", "content": (message.get("content") or "").removeprefix(said)}
    left |= {"tool_calls": message["tool_calls"]} if "tool_calls" in message else {}
    return {**answer, "choices": [{**answer["choices"][0], "message": left}]}


def answer_back(body: Mapping[str, Any], answer: Body, rejected: Rejected) -> Body:
    message = _message(answer)
    # Results refer to calls by their ids, which some providers leave out.
    calls = [
        {**call, "id": call.get("id") or f"call_{place}"}
        for place, call in enumerate(message["tool_calls"])
    ]
    told = [
        {"role": "tool", "tool_call_id": call["id"], "content": explain(rejected.get(place))}
        for place, call in enumerate(calls)
    ]
    return {**body, "messages": [*body["messages"], {**message, "tool_calls": calls}, *told]}


def hold(answer: Body, rejected: Rejected) -> Body:
    message = _message(answer)
    calls = message["tool_calls"]
    kept = [call for place, call in enumerate(calls) if place not in rejected]
    told, said = tell_held([name_of(call) for call in calls], rejected), message.get("content")
    changed = without(message, "tool_calls") | {"content": f"{said}\n\n{told}" if said else told}
    changed |= {"tool_calls": kept} if kept else {}
    reason = "tool_calls" if kept else "stop"
    choice = {"index": 0, "message": changed, "logprobs": None, "finish_reason": reason}
    return {**answer, "choices": [choice]}


def _message(answer: Body) -> Body:
    message: Body = answer["choices"][0]["message"]
    return message


def to_stream(answer: Body, before: Sequence[Body], asked: Mapping[str, Any]) -> bytes:
    message = _message(answer)
    head = {name: (before or [answer])[0].get(name) for name in ("id", "created", "model")}
    head["object"] = "chat.completion.chunk"
    text = without(message, "tool_calls")
    if before:
        said = text.get("content")
        text = without(text, "role", "content") | ({"content": f"\n\n{said}"} if said else {})
    calls = [{"index": place, **call} for place, call in enumerate(message.get("tool_calls", []))]
    deltas = [*([text] if text else []), *({"tool_calls": [call]} for call in calls)]
    chunks = [{**head, "choices": [_chunk(delta, None)]} for delta in deltas]
    chunks.append({**head, "choices": [_chunk({}, answer["choices"][0]["finish_reason"])]})
    options = asked.get("stream_options")
    wants_usage = isinstance(options, dict) and options.get("include_usage") is True
    if wants_usage and answer.get("usage"):
        chunks.append({**head, "choices": [], "usage": answer["usage"]})
    events = [f"data: {json.dump(chunk)}\n\n" for chunk in chunks]
    return "".join([*events, "data: [DONE]\n\n"]).encode()


def _chunk(delta: Mapping[str, Any], reason: str | None) -> Body:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
