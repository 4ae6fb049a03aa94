"""One span to one fragment of a turn, whatever dialect its attributes are in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from conversations.assembly.payload import items, text
from conversations.ingest.native import clean
from conversations.ingest.notes import Note
from conversations.ingest.otlp import events, genai, logfire, openinference, openllmetry
from conversations.ingest.otlp.content import CALLING, Content, structured
from conversations.ingest.otlp.fragments import (
    Ignored,
    LogFragment,
    Refused,
    ResultFragment,
    SpanFragment,
    TurnFragment,
)
from conversations.ingest.otlp.values import Log, Span
from conversations.ingest.record import (
    LIMITS,
    BadRecord,
    Limits,
    ResultStatus,
    ToolResult,
    TurnRecord,
    build_record,
    check_depth,
)

ASKING = frozenset(
    ["chat", "text_completion", "generate_content", "completion", "response", "responses"]
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ATTRIBUTE_LIMIT = 128  # the SDKs' default
CHUNKS = frozenset(
    [
        "First Token Stream Event",
        "gen_ai.content.completion.chunk",
        "llm.content.completion.chunk",
    ]
)
TIMEOUT = re.compile(r"time.?out|timed.out|deadline", re.IGNORECASE)
RATE_LIMIT = re.compile(r"rate.?limit|too.many.requests|\b429\b", re.IGNORECASE)


def read_span(span: Span, *, limits: Limits = LIMITS) -> SpanFragment:
    """The fragment of one span: a turn, a tool's result, or nothing that we store."""
    role = role_of(span)
    try:
        if role == "turn":
            return _turn(span, limits)
        if role == "result":
            return _result(span)
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


def _content(span: Span) -> Content:
    attributes = span.attributes
    if openinference.KIND in attributes:
        content = openinference.read_content(attributes)
        if content.message is not None or content.messages is not None:
            return content
        return content.filled_by(genai.read_content(attributes))
    content = genai.read_content(attributes)
    if content.messages is None or content.message is None:
        content = content.filled_by(openllmetry.read_content(attributes))
    if content.messages is None or content.message is None:
        content = content.filled_by(events.read_content(span))
    if content.messages is None or content.message is None or content.tools is None:
        content = content.filled_by(logfire.read_content(attributes))
    return content


def _turn(span: Span, limits: Limits) -> TurnFragment:
    content = _content(span)
    for value in (content.messages, content.tools, content.message, content.parameters):
        check_depth(value, limits.max_depth)
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


def build_turn(span: Span, content: Content) -> TurnRecord:
    """The record of a span with this content; raises ``BadRecord``."""
    attributes = span.attributes
    model = _first(
        attributes, "gen_ai.response.model", "llm.response.model_name", "llm.model_name",
        "gen_ai.request.model", "llm.request.model_name", "llm.request.model",
    )  # fmt: skip
    asked = _first(attributes, "gen_ai.request.model", "llm.request.model_name")
    parameters = content.parameters
    if asked and asked != model:
        parameters = {"model": asked, **parameters}
    error = _error(span)
    record = build_record(
        {
            "id": f"{span.trace_id}-{span.span_id}",
            "conversation": _conversation(span),
            "at": _moment(span.start_ns),
            "provider": _provider(attributes),
            "model": model or "unknown",
            "request": {
                "messages": content.messages or [],
                "tools": content.tools,
                "tool_choice": content.tool_choice,
                "parameters": parameters,
            },
            "response": _response(content, _usage(attributes), error),
            "error": error,
            "latency_ms": _milliseconds(span.end_ns - span.start_ns),
            "first_token_ms": _first_token(span),
            "user": _first(
                attributes, "enduser.id", "user.id", "traceloop.association.properties.user_id"
            ),
            "tags": _tags(span),
            "environment": _first(
                span.resource, "deployment.environment.name", "deployment.environment", longest=60
            ),
        }
    )
    notes = [*content.notes, *notes_of(span, content, error is not None)]
    if not model:
        notes.append(Note("model_unknown", "The span does not name the model."))
    return record.with_notes(notes)


def _response(
    content: Content, usage: dict[str, Any], error: dict[str, Any] | None
) -> dict[str, Any] | None:
    """None only where there is an error and nothing was answered before it."""
    if content.message is None and error is not None:
        return None
    return {
        "message": content.message or {"role": "assistant", "content": None},
        "finish_reason": content.finish_reason and clean(content.finish_reason, 200),
        "usage": usage or None,
    }


def notes_of(span: Span, content: Content, failed: bool) -> list[Note]:
    """What the span lacks, in notes."""
    notes = []
    if span.dropped_attributes:
        notes.append(
            Note("attributes_dropped", f"The span lost {span.dropped_attributes} attributes.")
        )
    elif len(span.attributes) == ATTRIBUTE_LIMIT:
        notes.append(
            Note(
                "attribute_limit_reached", f"The span has {ATTRIBUTE_LIMIT} attributes, the limit."
            )
        )
    if span.dropped_events:
        notes.append(Note("events_dropped", f"The span lost {span.dropped_events} events."))
    if span.end_ns < span.start_ns:
        notes.append(Note("time_reversed", "The span ends before it begins."))
    hidden = openinference.redacted(span.attributes)
    if hidden:
        notes.append(hidden)
    return [*notes, *missing(content, failed)]


def missing(content: Content, failed: bool) -> list[Note]:
    if content.messages is None and content.message is None and not failed:
        return [Note("content_not_recorded", "Neither request nor answer is in the span.")]
    notes = []
    if content.messages is None:
        notes.append(Note("request_not_recorded", "The request's messages are not in the span."))
    if content.message is None:
        if not failed:
            notes.append(Note("response_not_recorded", "The answer is not in the span."))
        return notes
    called = content.message.get("tool_calls") or content.message.get("function_call")
    if not called and content.finish_reason in CALLING:
        detail = f"The answer ended in {content.finish_reason}, but no call is in the source."
        notes.append(Note("calls_not_recorded", detail))
    if called and content.tools is None:
        notes.append(Note("tools_not_recorded", "The tools that were offered are not in the span."))
    if content.choices > 1:
        notes.append(Note("choices_left_out", f"The first of {content.choices} answers is stored."))
    return notes


def _first(attributes: Mapping[str, Any], *names: str, longest: int = 200) -> str:
    for name in names:
        value = attributes.get(name)
        if isinstance(value, str | int) and value != "" and not isinstance(value, bool):
            return clean(str(value), longest)
    return ""


def _conversation(span: Span) -> str:
    named = _first(
        span.attributes, "gen_ai.conversation.id", "session.id",
        "traceloop.association.properties.session_id",
        "traceloop.association.properties.conversation_id", longest=300,
    )  # fmt: skip
    return named or span.trace_id


def _moment(nanoseconds: int) -> datetime:
    if nanoseconds <= 0:
        raise BadRecord("bad_time", "The span has no start time.")
    try:
        return EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        raise BadRecord("bad_time", "The span's start time is out of the calendar.") from None


def _milliseconds(nanoseconds: int) -> float | None:
    return nanoseconds / 1e6 if nanoseconds >= 0 else None


def _provider(attributes: Mapping[str, Any]) -> str:
    return _first(
        attributes,
        "gen_ai.provider.name",
        "llm.provider",
        "gen_ai.system",
        "llm.system",
        longest=60,
    )


def _usage(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return genai.read_usage(attributes) or openinference.read_usage(attributes)


def _tags(span: Span) -> tuple[str, ...]:
    listed = items(structured(span.attributes.get("tag.tags")))
    tags = [clean(tag, 200) for tag in listed if isinstance(tag, str) and tag]
    service = _first(span.resource, "service.name", longest=190)
    return tuple(dict.fromkeys([*tags, *([f"service:{service}"] if service else [])]))


def _first_token(span: Span) -> float | None:
    for name in ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"):
        seconds = span.attributes.get(name)
        if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds >= 0:
            return seconds * 1000
    times = [event.time_ns for event in span.events if event.name in CHUNKS]
    return _milliseconds(min(times) - span.start_ns) if times else None


def _error(span: Span) -> dict[str, Any] | None:
    kind = _first(span.attributes, "error.type")
    if not span.failed and not kind:
        return None
    raised = next((event for event in span.events if event.name == "exception"), None)
    said = raised.attributes if raised else {}
    return {
        "code": kind or _first(said, "exception.type") or "error",
        "message": span.status_message or text(said.get("exception.message")),
    }


def _result(span: Span) -> ResultFragment:
    attributes = span.attributes
    name = _first(
        attributes, "gen_ai.tool.name", "tool.name", "tool_call.function.name",
        "traceloop.entity.name", longest=1000,
    )  # fmt: skip
    call_id = _first(
        attributes, "gen_ai.tool.call.id", "tool_call.id", "tool.id", "tool.call_id", longest=1000
    )
    given = _present(
        attributes, "gen_ai.tool.call.arguments", "tool_arguments",
        "tool_call.function.arguments", "tool.parameters", "input.value", "traceloop.entity.input",
    )  # fmt: skip
    content = _present(
        attributes, "gen_ai.tool.call.result", "tool_response", "output.value",
        "traceloop.entity.output",
    )  # fmt: skip
    error = _error(span)
    if content is None and error:
        content = error["message"] or error["code"]
    return ResultFragment(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=span.parent_id,
        start_ns=span.start_ns,
        arguments=given,
        result=ToolResult(
            call_id=call_id or None,
            name=name or span.name.removeprefix("execute_tool ") or "unknown",
            status=_status(error),
            content=content,
            latency_ms=_milliseconds(span.end_ns - span.start_ns),
        ),
    )


def _status(error: dict[str, Any] | None) -> ResultStatus:
    if error is None:
        return "ok"
    said = f"{error['code']} {error['message']}"
    return (
        "timeout"
        if TIMEOUT.search(said)
        else "rate_limited"
        if RATE_LIMIT.search(said)
        else "error"
    )


def _present(attributes: Mapping[str, Any], *names: str) -> Any:
    return next((attributes[name] for name in names if attributes.get(name) is not None), None)
