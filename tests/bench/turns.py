"""The turns that the ingest benchmark sends, as records and as spans. The same seed gives the same
turns; what makes their ids new is marked, and put in when they are sent."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

BATCH, LONG = 75, 5
"""Turns of a body, and of a conversation."""
WORDS = ["order", "status", "refund", "invoice", "parcel", "delay", "address", "item", "price"]


def text(words: random.Random, count: int) -> str:
    return " ".join(words.choices(WORDS, k=count))


def tool(name: str) -> dict[str, Any]:
    properties = {word: {"type": "string", "description": f"The {word}."} for word in WORDS[:6]}
    parameters = {"type": "object", "properties": properties, "required": WORDS[:1]}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def talks(seed: int) -> Iterator[tuple[int, int, list[Any], list[Any], Any, Any]]:
    """(conversation, turn, messages, tools, answer, the call's result) of a batch."""
    words = random.Random(seed)
    tools = [tool(f"find_{WORDS[(seed + n) % len(WORDS)]}") for n in range(3)]
    for talk in range(BATCH // LONG):
        messages: list[Any] = [{"role": "system", "content": text(words, 250)}]
        for turn in range(LONG):
            messages = [*messages, {"role": "user", "content": text(words, 40)}]
            name = tools[turn % 3]["function"]["name"]
            function = {"name": name, "arguments": json.dumps({"order": text(words, 6)})}
            call = {"id": f"call_{turn}", "type": "function", "function": function}
            answer = {"role": "assistant", "content": None, "tool_calls": [call]}
            result = {"role": "tool", "tool_call_id": f"call_{turn}", "content": text(words, 60)}
            yield talk, turn, messages, tools, answer, result
            messages = [*messages, answer, result]


def make_batch(seed: int) -> bytes:
    """Canonical records in any order; ``"@-`` begins what must be new."""
    at = datetime.now(UTC) - timedelta(hours=1)
    records = [
        {
            "id": f"@-{seed}-{talk}-{turn}",
            "conversation": f"@-{seed}-{talk}",
            "at": (at + timedelta(seconds=turn)).isoformat(),
            "provider": "openai",
            "model": "gpt-4.1-mini",
            "request": {"messages": messages, "tools": tools},
            "response": {
                "message": answer,
                "finish_reason": "tool_calls",
                "usage": {"prompt_tokens": 900, "completion_tokens": 40},
            },
            "latency_ms": 800,
        }
        for talk, turn, messages, tools, answer, _ in talks(seed)
    ]
    random.Random(seed).shuffle(records)
    return json.dumps(records).encode()


def make_spans(seed: int) -> bytes:
    """The same over OTLP, a trace a conversation, with a span of each tool and a root. Trace ids
    begin with the 8 bytes ``@@trace@``."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    begin = time.time_ns() - 3600 * 10**9
    for talk, turn, messages, tools, answer, result in talks(seed):
        trace = b"@@trace@" + seed.to_bytes(4, "big") + talk.to_bytes(4, "big")
        start = begin + turn * 10**9
        if turn == 0:
            _add(scope, trace, 1, start, {"gen_ai.operation.name": "invoke_agent"})
        call = answer["tool_calls"][0]
        asked = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4.1-mini",
            "gen_ai.usage.input_tokens": 900,
            "gen_ai.usage.output_tokens": 40,
            "gen_ai.input.messages": json.dumps([_spoken(message) for message in messages]),
            "gen_ai.output.messages": json.dumps([_spoken(answer)]),
            "gen_ai.tool.definitions": json.dumps(tools),
        }
        _add(scope, trace, 2 * turn + 2, start, asked)
        executed = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": call["function"]["name"],
            "gen_ai.tool.call.id": call["id"],
            "gen_ai.tool.call.result": result["content"],
        }
        _add(scope, trace, 2 * turn + 3, start + 8 * 10**8, executed)
    return bytes(request.SerializeToString())


def _add(scope: Any, trace: bytes, number: int, start: int, attributes: dict[str, Any]) -> None:
    span = scope.spans.add(
        trace_id=trace,
        span_id=number.to_bytes(8, "big"),
        name=attributes["gen_ai.operation.name"],
        start_time_unix_nano=start,
        end_time_unix_nano=start + 5 * 10**8,
    )
    for key, value in attributes.items():
        pair = span.attributes.add(key=key)
        if isinstance(value, int):
            pair.value.int_value = value
        else:
            pair.value.string_value = value


def _spoken(message: dict[str, Any]) -> dict[str, Any]:
    if message["role"] == "tool":
        part = {
            "type": "tool_call_response",
            "id": message["tool_call_id"],
            "response": message["content"],
        }
    elif message.get("tool_calls"):
        call = message["tool_calls"][0]
        part = {"type": "tool_call", "id": call["id"], **call["function"]}
    else:
        part = {"type": "text", "content": message["content"]}
    return {"role": message["role"], "parts": [part]}
