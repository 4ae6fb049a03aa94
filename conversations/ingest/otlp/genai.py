"""The GenAI semantic conventions, current form: content in attributes.

``gen_ai.input.messages``, ``gen_ai.output.messages``, ``gen_ai.system_instructions`` and
``gen_ai.tool.definitions``, each as JSON text or structured.
https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.payload import items, number, obj, text
from conversations.ingest.native.canonical import read_tools
from conversations.ingest.notes import Note
from conversations.ingest.otlp.content import (
    Content,
    read_list,
    read_parts_message,
    structured,
)
from conversations.ingest.otlp.memory import Memory, Read

PARAMETERS = {
    "gen_ai.request.temperature": "temperature",
    "gen_ai.request.top_p": "top_p",
    "gen_ai.request.top_k": "top_k",
    "gen_ai.request.max_tokens": "max_tokens",
    "gen_ai.request.seed": "seed",
    "gen_ai.request.stop_sequences": "stop",
    "gen_ai.request.frequency_penalty": "frequency_penalty",
    "gen_ai.request.presence_penalty": "presence_penalty",
    "gen_ai.request.choice.count": "n",
    "gen_ai.request.stream": "stream",
    "gen_ai.is_streaming": "stream",
    "llm.is_streaming": "stream",
    "gen_ai.openai.request.seed": "seed",
    "gen_ai.openai.request.service_tier": "service_tier",
    "gen_ai.openai.request.response_format": "response_format",
    "openai.request.service_tier": "service_tier",
    "gen_ai.request.parallel_tool_calls": "parallel_tool_calls",
    "gen_ai.request.reasoning_effort": "reasoning_effort",
}
USAGE = {
    "gen_ai.usage.input_tokens": "input_tokens",
    "gen_ai.usage.prompt_tokens": "input_tokens",
    "gen_ai.usage.output_tokens": "output_tokens",
    "gen_ai.usage.completion_tokens": "output_tokens",
    "gen_ai.usage.cache_read.input_tokens": "cached_input_tokens",
    "gen_ai.usage.cache_read_input_tokens": "cached_input_tokens",
    "gen_ai.usage.details.cache_read_tokens": "cached_input_tokens",
    "gen_ai.usage.cache_creation.input_tokens": "cache_write_tokens",
    "gen_ai.usage.cache_creation_input_tokens": "cache_write_tokens",
    "gen_ai.usage.details.cache_write_tokens": "cache_write_tokens",
    "gen_ai.usage.reasoning.output_tokens": "reasoning_tokens",
    "gen_ai.usage.reasoning_tokens": "reasoning_tokens",
    "gen_ai.usage.details.reasoning_tokens": "reasoning_tokens",
}


def read_content(
    attributes: Mapping[str, Any], *, memory: Memory | None = None, talk: str = ""
) -> Content:
    """``memory`` knows what other spans of the body said, ``talk`` names the conversation."""
    memory = memory or Memory()
    answered, notes = read_list(attributes, "gen_ai.output.messages")
    messages, message_notes = _messages(attributes, memory, talk)
    tools, tool_notes = _tools(attributes, memory)
    answer, answer_notes = _answer(answered)
    return Content(
        messages=messages,
        tools=tools,
        tool_choice=structured(attributes.get("gen_ai.request.tool_choice")),
        parameters=read_parameters(attributes),
        message=answer,
        finish_reason=read_finish_reason(attributes, answered),
        choices=len(answered or ()),
        notes=tuple(dict.fromkeys([*notes, *message_notes, *tool_notes, *answer_notes])),
    )


def _messages(attributes: Mapping[str, Any], memory: Memory, talk: str) -> Read:
    told, notes = _history(attributes, memory, talk)
    instructions = attributes.get("gen_ai.system_instructions")
    if not instructions:
        return told, notes
    is_text = isinstance(instructions, str)
    said, more = memory.read_value(instructions, _system) if is_text else _system(instructions)
    return ([*said, *(told or ())] if said else told), [*notes, *more]


def _history(attributes: Mapping[str, Any], memory: Memory, talk: str) -> Read:
    text = attributes.get("gen_ai.input.messages")
    told = memory.read_history(talk, text, read_parts_message) if isinstance(text, str) else None
    if told is not None:
        return told
    given, notes = read_list(attributes, "gen_ai.input.messages")
    if given is None:
        return None, notes
    read = [read_parts_message(message) for message in given]
    notes += [note for _, more in read for note in more]
    return [message for some, _ in read for message in some], notes


def _system(instructions: Any) -> tuple[list[dict[str, Any]], list[Note]]:
    system = structured(instructions)
    if not system:
        return [], []
    parts = [{"type": "text", "content": system}] if isinstance(system, str) else items(system)
    return read_parts_message({"role": "system", "parts": parts})


def _answer(answered: list[Any] | None) -> tuple[dict[str, Any] | None, list[Note]]:
    if not answered:
        return None, []
    read, notes = read_parts_message({"role": "assistant", **obj(answered[0])})
    message = read[-1] if read else None
    if message is not None and "parts" not in obj(answered[0]):
        message = {key: value for key, value in message.items() if key != "finish_reason"}
    return message, notes


def _tools(attributes: Mapping[str, Any], memory: Memory) -> Read:
    given = attributes.get("gen_ai.tool.definitions")
    if isinstance(given, str):
        known = memory.read_value(given, _definitions)
        if known[0] is not None:
            return known
    defined, notes = read_list(attributes, "gen_ai.tool.definitions")
    if defined is None:
        asked = obj(structured(attributes.get("model_request_parameters")))
        if asked:  # Pydantic AI before it wrote gen_ai.tool.definitions
            defined = [*items(asked.get("function_tools")), *items(asked.get("output_tools"))]
    if defined is None:
        return None, notes
    tools, more = read_tools([structured(tool) for tool in defined])
    return tools, [*notes, *more]


def _definitions(given: str) -> Read:
    defined = structured(given)
    if not isinstance(defined, list):
        return None, []
    tools, notes = read_tools([structured(tool) for tool in defined])
    return tools, [*notes]


def read_finish_reason(
    attributes: Mapping[str, Any], answered: list[Any] | None = None
) -> str | None:
    reasons = structured(attributes.get("gen_ai.response.finish_reasons"))
    for reason in items(reasons):
        if text(reason):
            return text(reason)
    return text(obj(answered[0]).get("finish_reason")) or None if answered else None


def read_parameters(attributes: Mapping[str, Any]) -> dict[str, Any]:
    if PARAMETERS.keys().isdisjoint(attributes):
        return {}
    return {
        name: structured(attributes[key])
        for key, name in PARAMETERS.items()
        if attributes.get(key) is not None
    }


def read_usage(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Token counts under our own names."""
    counts: dict[str, Any] = {}
    for key, name in USAGE.items():
        if key in attributes and (count := number(attributes[key])) is not None:
            counts.setdefault(name, count)
    return counts
