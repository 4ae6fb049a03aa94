"""OpenInference: messages flattened into attributes, and the request and answer as JSON beside.

``input.value`` and ``output.value`` are read where they are a provider's own request and
answer: they hold the wire, and no attribute limit cuts them. The flattened form fills what they
lack. https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.payload import items, number, obj, text
from conversations.ingest import native
from conversations.ingest.native.canonical import (
    Saying,
    argument_text,
    read_tools,
)
from conversations.ingest.notes import Note
from conversations.ingest.otlp.content import Content, structured, unflatten
from conversations.ingest.otlp.logfire import of_request
from conversations.ingest.otlp.memory import Memory
from conversations.ingest.otlp.openllmetry import GAP
from conversations.ingest.record import BadRecord

KIND = "openinference.span.kind"
USAGE = {
    "llm.token_count.prompt": "input_tokens",
    "llm.token_count.completion": "output_tokens",
    "llm.token_count.prompt_details.cache_read": "cached_input_tokens",
    "llm.token_count.prompt_details.cache_write": "cache_write_tokens",
    "llm.token_count.completion_details.reasoning": "reasoning_tokens",
}
SPOKEN = ("model", "messages", "tools", "tool_choice", "functions", "function_call")


def read_content(attributes: Mapping[str, Any], *, memory: Memory | None = None) -> Content:
    memory = memory or Memory()
    wire = of_request(obj(structured(attributes.get("input.value")))).filled_by(
        _of_answer(obj(structured(attributes.get("output.value"))))
    )
    reason = Content(finish_reason=text(attributes.get("llm.finish_reason")) or None)
    if wire.messages is None or wire.message is None:
        return wire.filled_by(_flattened(attributes, memory)).filled_by(reason)
    if _count(attributes) > len(wire.messages):  # the wire does not show all that was asked
        whole = Content(message=wire.message, tools=wire.tools, finish_reason=wire.finish_reason)
        return whole.filled_by(_flattened(attributes, memory)).filled_by(reason)
    return wire.filled_by(reason)


def _count(attributes: Mapping[str, Any]) -> int:
    return sum(
        name.startswith("llm.input_messages.") and name.endswith(".message.role")
        for name in attributes
    )


def _of_answer(answer: dict[str, Any]) -> Content:
    protocol = native.protocol_of_answer(answer)
    if protocol is None:
        return Content()
    try:
        read = native.read_value(protocol, answer)
    except (BadRecord, RecursionError):
        return Content()
    return Content(
        message=read.message,
        finish_reason=read.finish_reason,
        choices=1 if read.message else 0,
        notes=read.notes,
    )


def _flattened(attributes: Mapping[str, Any], memory: Memory) -> Content:
    given, lost = unflatten(attributes, "llm.input_messages")
    answered, answers_lost = unflatten(attributes, "llm.output_messages")
    listed, _ = unflatten(attributes, "llm.tools")
    defined = [
        _definition(obj(obj(tool).get("tool")).get("json_schema"), memory) for tool in listed
    ]
    tools, notes = read_tools(defined)
    asked = obj(structured(attributes.get("llm.invocation_parameters")))
    answer = _message(answered[0]) if answered else None
    return Content(
        messages=[_message(message) for message in given] or None,
        tools=tools or None,
        tool_choice=asked.get("tool_choice"),
        parameters={key: value for key, value in asked.items() if key not in SPOKEN},
        message=answer,
        choices=len(answered),
        notes=(*notes, GAP) if lost or answers_lost else notes,
    )


def _definition(schema: Any, memory: Memory) -> Any:
    return memory.read_value(schema, structured) if isinstance(schema, str) else structured(schema)


def _message(entry: Any) -> dict[str, Any]:
    fields = obj(obj(entry).get("message"))
    saying = Saying(text(fields.get("role")) or "user")
    for part in items(fields.get("contents")):
        _take_part(obj(part), saying)
    if not saying.parts and isinstance(fields.get("content"), str):
        saying.say(fields["content"])
    calls = [_call(obj(obj(call).get("tool_call"))) for call in items(fields.get("tool_calls"))]
    saying.calls = calls or saying.calls
    for key in ("tool_call_id", "name"):
        if text(fields.get(key)):
            saying.extra[key] = fields[key]
    if text(fields.get("function_call_name")):
        saying.extra["function_call"] = {
            "name": fields["function_call_name"],
            "arguments": argument_text(fields.get("function_call_arguments_json", "")),
        }
    message = saying.message()
    if saying.role == "tool" and not saying.parts:
        message["content"] = ""
    return message


def _take_part(part: dict[str, Any], saying: Saying) -> None:
    content = obj(part.get("message_content"))
    call = obj(content.get("tool_call")) or obj(part.get("tool_call"))
    kind = text(content.get("type"))
    if call:
        saying.calls.append(_call(call))
    elif kind == "text":
        saying.say(text(content.get("text")))
    elif kind == "reasoning":
        saying.reasoning.append(text(content.get("text")))
    elif kind == "image":
        url = text(obj(obj(content.get("image")).get("image")).get("url"))
        saying.parts.append({"type": "image_url", "image_url": {"url": url}})
    elif content and kind != "tool_use":
        saying.parts.append(content)


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = obj(call.get("function"))
    written = {"name": text(function.get("name"))}
    if "arguments" in function:
        written["arguments"] = argument_text(function["arguments"])
    return {"id": call.get("id"), "type": "function", "function": written}


def read_usage(attributes: Mapping[str, Any]) -> dict[str, Any]:
    counts = {name: number(attributes.get(key)) for key, name in USAGE.items()}
    return {name: count for name, count in counts.items() if count is not None}


def redacted(attributes: Mapping[str, Any]) -> Note | None:
    if "__REDACTED__" in (attributes.get("input.value"), attributes.get("output.value")):
        return Note("content_not_recorded", "The instrumentation was told to hide the messages.")
    return None
