"""OpenLLMetry's older form: ``gen_ai.prompt.N…``, ``gen_ai.completion.N…``, flattened.

Its newer form is that of the semantic conventions. Reference:
https://github.com/traceloop/openllmetry (packages/opentelemetry-semantic-conventions-ai)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.payload import items, obj, text
from conversations.ingest.native.canonical import argument_text, read_tools
from conversations.ingest.notes import Note
from conversations.ingest.otlp.content import Content, structured, unflatten

GAP = Note("message_gap", "Messages are missing in between: the span lost some of them.")


def read_content(attributes: Mapping[str, Any]) -> Content:
    prompts, lost = unflatten(attributes, "gen_ai.prompt")
    answers, answers_lost = unflatten(attributes, "gen_ai.completion")
    functions, _ = unflatten(attributes, "llm.request.functions")
    tools, notes = read_tools([_function(obj(function)) for function in functions])
    first = obj(answers[0]) if answers else {}
    return Content(
        messages=[_message(obj(prompt), "user") for prompt in prompts] or None,
        tools=tools or None,
        message=_message(first, "assistant") if first else None,
        finish_reason=text(first.get("finish_reason")) or None,
        choices=len(answers),
        notes=(*notes, GAP) if lost or answers_lost else notes,
    )


def _function(function: dict[str, Any]) -> dict[str, Any]:
    return {key: structured(value) for key, value in function.items()}


def _message(fields: dict[str, Any], role: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": text(fields.get("role")) or role}
    if text(fields.get("tool_call_id")):
        message["tool_call_id"] = fields["tool_call_id"]
    message["content"] = _content(fields.get("content"))
    for key, name in (("refusal", "refusal"), ("reasoning", "reasoning_content")):
        if fields.get(key):
            message[name] = fields[key]
    calls = [_call(obj(call)) for call in items(fields.get("tool_calls"))]
    if calls:
        message["tool_calls"] = calls
    legacy = obj(fields.get("function_call"))
    if legacy.get("name"):
        arguments = argument_text(legacy.get("arguments", ""))
        message["function_call"] = {"name": legacy["name"], "arguments": arguments}
    return message


def _content(content: Any) -> Any:
    """Text; a list of parts was written as JSON text. Only that is read back, so that a text
    which happens to be JSON stays the text that it is."""
    parts = structured(content)
    if isinstance(parts, list) and parts and all("type" in obj(part) for part in parts):
        return parts
    return content


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = obj(call.get("function")) or call
    written = {"name": text(function.get("name"))}
    if "arguments" in function:
        written["arguments"] = argument_text(function["arguments"])
    return {"id": call.get("id"), "type": "function", "function": written}
