"""Requests and answers of OpenAI Responses as the guard changes them. Pure.

https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from console.lib import json
from conversations.assembly.payload import items, number, obj, text
from conversations.guard.wording import Body, Rejected, explain, tell_held, without
from conversations.ingest.native import HOSTED
from conversations.parts import Answer, Call

_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}


def why_unsupported(body: Mapping[str, Any]) -> str:
    if not isinstance(body.get("input"), str | list):
        return "requests without input"
    for name in ("previous_response_id", "conversation"):
        if body.get(name):
            # Calls are judged by the messages before them, and the provider alone has those.
            return f"{name}: send the items before as input"
    return "answers in the background" if body.get("background") else ""


def name_of(tool: Any) -> str:
    is_ours = obj(tool).get("type") in ("function", "custom")
    return text(obj(tool).get("name")) if is_ours else ""


def without_tools(body: Mapping[str, Any]) -> Body:
    return without(body, "tools", "tool_choice", "parallel_tool_calls")


def whole_of(answer: Answer, payloads: Sequence[Body]) -> Body:
    found = (obj(one.get("response")) or one for one in reversed(payloads))
    response = next((one for one in found if one.get("object") == "response"), {})
    # Some providers end a stream without the items in its last event.
    output = items(response.get("output")) or _done(payloads)
    calls = [call for call in answer.calls if call.type not in HOSTED]
    if len(_calls(output)) != len(calls):
        output = [*_said(answer.first.text), *map(_item, calls)]
    named = {"id": answer.response_id or _new("resp"), "object": "response"}
    return named | {"model": answer.model or "", "status": "completed"} | response | {
        "output": output
    }  # fmt: skip


def _done(payloads: Iterable[Body]) -> list[Any]:
    ended = (one for one in payloads if one.get("type") == "response.output_item.done")
    return [obj(one.get("item")) for one in ended]


def _item(call: Call) -> Body:
    kind = "custom_tool_call" if call.type in ("custom", "custom_tool_call") else "function_call"
    named = {"type": kind, "id": _new("fc"), "call_id": call.id, "name": call.name}
    return named | {"status": "completed", _CALLS[kind]: call.arguments}


def _said(said: str) -> list[Body]:
    """A text as an item of the answer, none for no text."""
    if not said:
        return []
    part = {"type": "output_text", "text": said, "annotations": [], "logprobs": []}
    named = {"type": "message", "id": _new("msg"), "role": "assistant"}
    return [{**named, "status": "completed", "content": [part]}]


def _new(kind: str) -> str:
    return f"{kind}_{uuid.uuid4().hex}"


def _calls(output: Iterable[Any]) -> list[Body]:
    return [item for item in map(obj, output) if item.get("type") in _CALLS]


def rest_of(answer: Body, before: Body) -> Body:
    return {**answer, "output": answer["output"][len(before["output"]) :]}


def answer_back(body: Mapping[str, Any], answer: Body, rejected: Rejected) -> Body:
    given = body["input"]
    asked = [{"role": "user", "content": given}] if isinstance(given, str) else given
    output = answer["output"]
    if body.get("store") is False:
        # What the provider did not keep it knows only by its encrypted content.
        output = [
            item
            for item in output
            if item.get("type") != "reasoning" or item.get("encrypted_content")
        ]
    told = [
        {
            "type": f"{call['type']}_output",
            "call_id": call.get("call_id"),
            "output": explain(rejected.get(place)),
        }
        for place, call in enumerate(_calls(output))
    ]
    return {**body, "input": [*asked, *output, *told]}


def hold(answer: Body, rejected: Rejected) -> Body:
    calls = _calls(answer["output"])
    gone = {id(calls[place]) for place in rejected}
    output = [item for item in answer["output"] if id(item) not in gone]
    if len(gone) == len(calls):
        # Reasoning is refused without the call that it led to.
        output = [item for item in output if item.get("type") != "reasoning"]
    told = tell_held([text(call.get("name")) for call in calls], rejected)
    first = next((at for at, one in enumerate(output) if one.get("type") in _CALLS), len(output))
    return {**answer, "output": [*output[:first], *_said(told), *output[first:]]}


def to_stream(answer: Body, before: Sequence[Body], asked: Mapping[str, Any]) -> bytes:
    last = max((number(event.get("sequence_number")) or 0 for event in before), default=-1)
    numbered = (
        {**event, "sequence_number": at}
        for at, event in enumerate(_events(answer, before), last + 1)
    )
    return "".join(
        f"event: {event['type']}\ndata: {json.dump(event)}\n\n" for event in numbered
    ).encode()


def _events(answer: Body, before: Sequence[Body]) -> Iterator[Body]:
    begun = next((obj(one["response"]) for one in before if "response" in one), answer)
    if not before:
        open_one = {**answer, "output": [], "status": "in_progress", "usage": None}
        yield {"type": "response.created", "response": open_one}
        yield {"type": "response.in_progress", "response": open_one}
    given = _done(before)
    for index, item in enumerate(answer["output"], len(given)):
        yield from ({**event, "output_index": index} for event in _item_events(item))
    status = answer.get("status")
    kind = "response.incomplete" if status == "incomplete" else "response.completed"
    whole = {**answer, "id": begun.get("id"), "output": [*given, *answer["output"]]}
    yield {"type": kind, "response": whole}


def _item_events(item: Body) -> Iterator[Body]:
    kind = text(item.get("type"))
    open_one = {**item, "status": "in_progress"} if "status" in item else item
    if kind in _CALLS:
        open_one = {**open_one, _CALLS[kind]: ""}
    elif kind == "message":
        open_one = {**open_one, "content": []}
    yield {"type": "response.output_item.added", "item": open_one}
    if kind in _CALLS:
        name = _CALLS[kind]
        stem = f"response.{kind}_{name}"
        yield {"type": f"{stem}.delta", "item_id": item.get("id"), "delta": item[name]}
        yield {"type": f"{stem}.done", "item_id": item.get("id"), name: item[name]}
    elif kind == "message":
        for at, part in enumerate(items(item.get("content"))):
            place = {"item_id": item.get("id"), "content_index": at}
            yield from ({**event, **place} for event in _part_events(obj(part)))
    yield {"type": "response.output_item.done", "item": item}


def _part_events(part: Body) -> Iterator[Body]:
    kind = text(part.get("type"))
    name = "refusal" if kind == "refusal" else "text"
    said = text(part.get(name))
    yield {"type": "response.content_part.added", "part": {**part, name: ""}}
    yield {"type": f"response.{kind}.delta", "delta": said, "logprobs": []}
    yield {"type": f"response.{kind}.done", name: said, "logprobs": []}
    yield {"type": "response.content_part.done", "part": part}
