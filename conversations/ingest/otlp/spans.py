"""One span to one fragment of a turn, whatever dialect its attributes are in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from conversations.assembly.payload import text
from conversations.ingest.otlp import events, genai, logfire, openinference, openllmetry
from conversations.ingest.otlp.content import Content
from conversations.ingest.otlp.fragments import (
    Ignored,
    LogFragment,
    Refused,
    SpanFragment,
    TurnFragment,
)
from conversations.ingest.otlp.memory import Memory
from conversations.ingest.otlp.results import read_result
from conversations.ingest.otlp.turns import build_turn
from conversations.ingest.otlp.values import Log, Span
from conversations.ingest.record import LIMITS, BadRecord, Limits

ASKING = frozenset(
    ["chat", "text_completion", "generate_content", "completion", "response", "responses"]
)


def read_spans(spans: Iterable[Span]) -> list[SpanFragment]:
    """The fragments of a body's spans; what they have in common is the same objects."""
    memory = Memory()
    return [read_span(span, memory=memory) for span in spans]


def read_span(span: Span, *, limits: Limits = LIMITS, memory: Memory | None = None) -> SpanFragment:
    """The fragment of one span: a turn, a tool's result, or nothing that we store."""
    role = role_of(span)
    try:
        if role == "turn":
            return _turn(span, limits, memory or Memory())
        if role == "result":
            return read_result(span)
    except BadRecord as error:
        return Refused(span.trace_id, span.span_id, error.code, error.detail)
    except RecursionError:
        return Refused(span.trace_id, span.span_id, "too_deep", "Its values nest too deep.")
    return Ignored(role)


def read_log(log: Log) -> LogFragment | Ignored:
    """The fragment of one log record: one message or answer of the span that it names."""
    if not events.speaks(log.event):
        return Ignored("log")
    if len(log.trace_id) != 32 or len(log.span_id) != 16:
        return Ignored("log_without_span")
    content = events.read_event(log.event, log.body, log.attributes)
    return LogFragment(log.trace_id, log.span_id, log.time_ns, content)


def role_of(span: Span) -> str:
    """``turn``, ``result``, or a word for what else the span is: ``agent``, ``other``…"""
    attributes = span.attributes
    kind = text(attributes.get(openinference.KIND)).upper()
    if kind:
        return {"LLM": "turn", "TOOL": "result"}.get(kind, kind.lower())
    operation = text(attributes.get("gen_ai.operation.name")).lower()
    if operation == "execute_tool" or attributes.get("traceloop.span.kind") == "tool":
        return "result"
    if operation in ASKING:
        return "turn"
    if operation or "traceloop.span.kind" in attributes:
        return operation or text(attributes["traceloop.span.kind"]) or "other"
    if text(attributes.get("llm.request.type")) in ("chat", "completion"):
        return "turn"
    if "gen_ai.tool.name" in attributes and "gen_ai.tool.call.id" in attributes:
        return "result"
    return "turn" if _holds_content(attributes) else "other"


def _holds_content(attributes: Mapping[str, Any]) -> bool:
    """Content without a word for what the span is: older instrumentations."""
    if attributes.get("gen_ai.tool.name") or attributes.get("agent_name"):
        return False
    asked = "gen_ai.request.model" in attributes
    return (
        "gen_ai.input.messages" in attributes
        or "gen_ai.prompt.0.role" in attributes
        or "gen_ai.completion.0.role" in attributes
        or (asked and ("request_data" in attributes or "events" in attributes))
    )


def dialect_of(span: Span) -> str:
    """The name of the dialect that the span's content is in, for people and for counting."""
    attributes = span.attributes
    if openinference.KIND in attributes:
        return "openinference"
    if any(name.startswith(("gen_ai.prompt.", "gen_ai.completion.")) for name in attributes):
        return "openllmetry"
    if "request_data" in attributes or "pydantic_ai.all_messages" in attributes:
        return "logfire"
    if "gen_ai.input.messages" in attributes or "gen_ai.output.messages" in attributes:
        return "genai"
    return "genai-events"


def _content(span: Span, memory: Memory) -> Content:
    attributes = span.attributes
    if openinference.KIND in attributes:
        content = openinference.read_content(attributes, memory=memory)
        if content.message is not None or content.messages is not None:
            return content
        return content.filled_by(genai.read_content(attributes))
    talk = text(attributes.get("gen_ai.conversation.id")) or span.trace_id
    content = genai.read_content(attributes, memory=memory, talk=talk)
    if content.messages is None or content.message is None:
        content = content.filled_by(openllmetry.read_content(attributes))
    if content.messages is None or content.message is None:
        content = content.filled_by(events.read_content(span))
    if content.messages is None or content.message is None or content.tools is None:
        content = content.filled_by(logfire.read_content(attributes))
    return content


def _turn(span: Span, limits: Limits, memory: Memory) -> TurnFragment:
    content = _content(span, memory)
    for values in (content.messages, content.tools):
        memory.check_depth(values or (), limits.max_depth - 1)
    memory.check_depth((content.message, content.parameters), limits.max_depth)
    if len(content.messages or ()) > limits.max_messages:
        raise BadRecord("too_many_messages", f"{len(content.messages or ())} messages in one span.")
    return TurnFragment(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=span.parent_id,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        content=content,
        record=build_turn(span, content),
    )
