"""Requests and answers of OpenAI chat completions as the guard changes them. Pure.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from console.lib import json
from tools_registry.validation.findings import Finding

Body = dict[str, Any]
Rejected = Mapping[int, Sequence[Finding]]
"""Findings by the place of the call among those of the answer."""


def why_unsupported(body: Mapping[str, Any]) -> str:
    """Why such a request is not guarded, "" where it is."""
    if body.get("functions"):
        return "legacy functions: send them as tools"
    count = body.get("n")
    if isinstance(count, int) and count > 1:
        return "several choices: leave n out"
    return ""


def name_of(tool: Any) -> str:
    """The name of a tool's definition, "" for one of the provider's own."""
    for kind in ("function", "custom"):
        inner = tool.get(kind) if isinstance(tool, Mapping) else None
        if isinstance(inner, Mapping) and isinstance(inner.get("name"), str):
            return str(inner["name"])
    return ""


def names_of(body: Mapping[str, Any]) -> list[str]:
    """The names of the tools that are offered, each once."""
    tools = body.get("tools")
    named = map(name_of, tools if isinstance(tools, list) else [])
    return list(dict.fromkeys(name for name in named if name))


def demanded_by(body: Mapping[str, Any]) -> str:
    """The tool that the request's tool_choice demands, "" for none."""
    return name_of(body.get("tool_choice"))


def narrow(body: Mapping[str, Any], names: Collection[str]) -> Body:
    """The request with these tools only, and those of the provider's own."""
    tools = [tool for tool in body.get("tools") or [] if name_of(tool) in (*names, "")]
    if tools:
        return {**body, "tools": tools}
    without = ("tools", "tool_choice", "parallel_tool_calls")
    return {name: value for name, value in body.items() if name not in without}


def answer_back(body: Mapping[str, Any], message: Body, rejected: Rejected) -> Body:
    """The request that goes on from an answer whose calls were not made: each is told why."""
    message = with_ids(message)
    told = [
        {
            "role": "tool",
            "tool_call_id": call["id"],
            "content": json.dump(_explain(rejected.get(place))),
        }
        for place, call in enumerate(message["tool_calls"])
    ]
    return {**body, "messages": [*body["messages"], message, *told]}


def with_ids(message: Body) -> Body:
    """The message with an id for each of its calls, as results refer to them."""
    calls = [
        {**call, "id": call.get("id") or f"call_{place}"}
        for place, call in enumerate(message.get("tool_calls", []))
    ]
    return {**message, "tool_calls": calls}


def _explain(findings: Sequence[Finding] | None) -> Body:
    if findings is None:
        error = "Not made, because another call of this answer was rejected. Make it again."
        return {"error": error, "code": "not_made"}
    return {
        "error": "The call was rejected and not made. Correct it.",
        "findings": [one.to_json() for one in findings],
    }


def hold(answer: Mapping[str, Any], message: Body, rejected: Rejected) -> Body:
    """The completion that the application gets instead: without the rejected calls, which its
    text tells of. ``answer`` gives id, created, model and usage."""
    calls = message.get("tool_calls", [])
    kept = [call for place, call in enumerate(calls) if place not in rejected]
    told = [
        f"The call of {_called(calls[place])} was held back: "
        + "; ".join(one.message for one in findings)
        for place, findings in rejected.items()
    ]
    said = message.get("content")
    content = "\n\n".join([*([said] if said else []), *told])
    changed = {name: value for name, value in message.items() if name != "tool_calls"}
    changed |= {"content": content, **({"tool_calls": kept} if kept else {})}
    reason = "tool_calls" if kept else "stop"
    choice = {"index": 0, "message": changed, "logprobs": None, "finish_reason": reason}
    return {**answer, "object": "chat.completion", "choices": [choice]}


def _called(call: Mapping[str, Any]) -> str:
    return name_of(call) or "a tool without a name"


def to_stream(completion: Mapping[str, Any], *, with_usage: bool) -> bytes:
    """A completion as the events of a stream."""
    choice = completion["choices"][0]
    message = choice["message"]
    head = {name: completion[name] for name in ("id", "created", "model") if name in completion}
    head["object"] = "chat.completion.chunk"
    calls = [{"index": place, **call} for place, call in enumerate(message.get("tool_calls", []))]
    delta = {name: value for name, value in message.items() if name != "tool_calls"}
    deltas = [delta, *({"tool_calls": [call]} for call in calls)]
    chunks = [{**head, "choices": [_chunk(delta, None)]} for delta in deltas]
    chunks.append({**head, "choices": [_chunk({}, choice["finish_reason"])]})
    if with_usage and completion.get("usage"):
        chunks.append({**head, "choices": [], "usage": completion["usage"]})
    events = [f"data: {json.dump(chunk)}\n\n" for chunk in chunks]
    return "".join([*events, "data: [DONE]\n\n"]).encode()


def _chunk(delta: Mapping[str, Any], reason: str | None) -> Body:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
