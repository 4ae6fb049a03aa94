"""Small records, exchanges and spans of our own that the tests start from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from conversations.ingest.otlp import Span, SpanEvent

TRACE = "0af7651916cd43dd8448eb211c80319c"
START = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather now",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def record(**changes: Any) -> dict[str, Any]:
    """A whole canonical record as JSON; None removes a field."""
    whole: dict[str, Any] = {
        "id": "turn-1",
        "conversation": "talk-1",
        "at": "2026-01-01T00:00:00Z",
        "model": "m-1",
        "request": {"messages": [{"role": "user", "content": "Weather in Oslo?"}]},
        "response": {"message": answer(), "finish_reason": "tool_calls"},
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def answer(call_id: str | None = "call_1", arguments: str = '{"city": "Oslo"}') -> dict[str, Any]:
    function = {"name": "get_weather", "arguments": arguments}
    calls = [{"id": call_id, "type": "function", "function": function}]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def span(
    attributes: Mapping[str, Any],
    *,
    number: int = 1,
    start: int = 0,
    milliseconds: int = 100,
    events: tuple[SpanEvent, ...] = (),
    **fields: Any,
) -> Span:
    """A span of one trace; ``start`` is milliseconds after ``START``."""
    begin = START + start * 1_000_000
    return Span(
        trace_id=TRACE,
        span_id=f"{number:016x}",
        name=fields.pop("name", "chat m-1"),
        start_ns=begin,
        end_ns=begin + milliseconds * 1_000_000,
        attributes=attributes,
        events=events,
        **fields,
    )


def chat(*calls: tuple[str, str], **attributes: Any) -> dict[str, Any]:
    """Attributes of a chat span of the current conventions that called these (id, city)."""
    parts = [
        {"type": "tool_call", "id": call_id, "name": "get_weather", "arguments": {"city": city}}
        for call_id, city in calls
    ]
    asked = [{"role": "user", "parts": [{"type": "text", "content": "Weather?"}]}]
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m-1",
        "gen_ai.input.messages": json.dumps(asked),
        "gen_ai.output.messages": json.dumps(
            [{"role": "assistant", "parts": parts, "finish_reason": "tool_call"}]
        ),
        "gen_ai.tool.definitions": json.dumps([WEATHER]),
        **attributes,
    }


def tool(**attributes: Any) -> dict[str, Any]:
    return {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_weather"} | {
        name.replace("__", "."): value for name, value in attributes.items()
    }
