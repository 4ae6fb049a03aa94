"""Logfire's and Pydantic AI's own attributes: whole native requests, and ``all_messages``.

``request_data`` and ``response_data`` are what ``logfire.instrument_openai`` and
``instrument_anthropic`` write. https://logfire.pydantic.dev/docs/integrations/llms/openai/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.payload import obj, text
from conversations.ingest import native
from conversations.ingest.native.canonical import NativeRequest
from conversations.ingest.notes import Note
from conversations.ingest.otlp.content import Content, read_list, read_parts_message, structured


def read_content(attributes: Mapping[str, Any]) -> Content:
    request = obj(structured(attributes.get("request_data")))
    if request:
        answer = obj(structured(attributes.get("response_data")))
        message = obj(answer.get("message"))
        combined = text(answer.get("combined_chunk_content"))
        if not message and combined:
            message = {"role": "assistant", "content": combined}
        return of_request(request).filled_by(Content(message=message or None))
    return _whole_run(attributes)


def of_request(request: dict[str, Any]) -> Content:
    """The content of a provider-native request; empty where it is of no known protocol."""
    protocol = native.protocol_of_request(request)
    if protocol is None:
        return Content()
    asked: NativeRequest = native.REQUESTS[protocol](request)
    return Content(
        messages=asked.messages,
        tools=asked.tools,
        tool_choice=asked.tool_choice,
        parameters=asked.parameters,
        notes=asked.notes,
    )


def _whole_run(attributes: Mapping[str, Any]) -> Content:
    """``pydantic_ai.all_messages``: the request and, last, the answer."""
    listed, notes = read_list(attributes, "pydantic_ai.all_messages")
    messages: list[dict[str, Any]] = []
    for entry in listed or ():
        read, more = read_parts_message(entry)
        messages += read
        notes += more
    if not messages or messages[-1].get("role") != "assistant":
        return Content(messages=messages or None, notes=_unique(notes))
    return Content(messages=messages[:-1], message=messages[-1], choices=1, notes=_unique(notes))


def _unique(notes: list[Note]) -> tuple[Note, ...]:
    return tuple(dict.fromkeys(notes))
