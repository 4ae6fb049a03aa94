"""Requests of the story as spans, sent by OpenTelemetry's own exporter over OTLP/HTTP.

Attributes are those of the GenAI semantic conventions. Times are real: a request's spans end when
it is handed over, and began as long before as a model would have taken.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from console.drill.story import Call, Exchange, Request

SECOND = 1_000_000_000
QUEUE = 20_000
"""Spans that wait for the exporter; what would not fit is lost, as in any application."""


class Telemetry:
    """The exporter with its own batching, as an application sets it up."""

    def __init__(self, url: str, key: str, environment: str = "production") -> None:
        resource = Resource.create(
            {"service.name": "misfire-drill", "deployment.environment.name": environment}
        )
        self._provider = TracerProvider(resource=resource)
        exporter = OTLPSpanExporter(
            f"{url}/v1/traces", headers={"Authorization": f"Bearer {key}"}, timeout=20
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=QUEUE))
        self._tracer = self._provider.get_tracer("misfire.drill")

    def send(self, request: Request) -> None:
        """Hand over a request that has just ended."""
        began = time.time_ns() - round(request.lasts * SECOND)
        root = self._tracer.start_span("answer", start_time=began)
        within = trace.set_span_in_context(root)
        end = began
        for exchange in request.exchanges:
            start = began + round(exchange.begins * SECOND)
            end = start + round(exchange.lasts * SECOND)
            span = self._tracer.start_span(
                f"chat {exchange.model}",
                context=within,
                kind=SpanKind.CLIENT,
                start_time=start,
                attributes=write_chat(request, exchange),
            )
            span.end(end)
            if exchange.call is not None and not exchange.refused:
                end = self._execute(within, exchange, exchange.call, end)
        root.end(end)

    def _execute(self, within: Any, exchange: Exchange, call: Call, start: int) -> int:
        """The tool ran; what the application refused never did, and stands in the next request."""
        end = start + 12_000_000
        span = self._tracer.start_span(
            f"execute_tool {call.name}",
            context=within,
            start_time=start,
            attributes={
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": call.name,
                "gen_ai.tool.call.id": call.id,
                "gen_ai.tool.call.arguments": call.arguments,
                "gen_ai.tool.call.result": exchange.result,
            },
        )
        span.end(end)
        return end

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def write_chat(request: Request, exchange: Exchange) -> dict[str, Any]:
    """The attributes of one model call."""
    read, written = exchange.tokens
    if exchange.call is not None:
        answer = [_call_part(exchange.call.id, exchange.call.name, exchange.call.arguments)]
    else:
        answer = [_text_part(exchange.text)]
    reason = "tool_calls" if exchange.call is not None else "stop"
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.conversation.id": request.conversation,
        "gen_ai.request.model": exchange.model,
        "gen_ai.response.model": exchange.model,
        "gen_ai.response.finish_reasons": [reason],
        "gen_ai.usage.input_tokens": read,
        "gen_ai.usage.output_tokens": written,
        "gen_ai.tool.definitions": json.dumps(exchange.tools),
        "gen_ai.input.messages": json.dumps([_write_message(m) for m in exchange.messages]),
        "gen_ai.output.messages": json.dumps(
            [{"role": "assistant", "parts": answer, "finish_reason": reason}]
        ),
        "user.id": request.user,
    }


def _write_message(message: Mapping[str, Any]) -> dict[str, Any]:
    """A chat message in the conventions' form of parts."""
    if message["role"] == "tool":
        part = {"type": "tool_call_response", "id": message["tool_call_id"]}
        return {"role": "tool", "parts": [part | {"response": message["content"]}]}
    parts: list[dict[str, Any]] = []
    if message.get("content"):
        parts.append(_text_part(message["content"]))
    calls: Sequence[Mapping[str, Any]] = message.get("tool_calls", ())
    parts += [
        _call_part(one["id"], one["function"]["name"], one["function"]["arguments"])
        for one in calls
    ]
    return {"role": message["role"], "parts": parts}


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "text", "content": text}


def _call_part(key: str, name: str, arguments: str) -> dict[str, Any]:
    return {"type": "tool_call", "id": key, "name": name, "arguments": arguments}
