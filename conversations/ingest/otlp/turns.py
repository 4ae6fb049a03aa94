"""A span's facts beside its messages, as the fields and the notes of a turn record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from conversations.assembly.payload import items, text
from conversations.ingest.native import clean
from conversations.ingest.notes import Note
from conversations.ingest.otlp import genai, openinference
from conversations.ingest.otlp.content import CALLING, Content, structured
from conversations.ingest.otlp.values import Span
from conversations.ingest.record import BadRecord, TurnRecord, build_record

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ATTRIBUTE_LIMIT = 128  # the SDKs' default
CHUNKS = frozenset(
    [
        "First Token Stream Event",
        "gen_ai.content.completion.chunk",
        "llm.content.completion.chunk",
    ]
)


def build_turn(span: Span, content: Content) -> TurnRecord:
    """The record of a span with this content; raises ``BadRecord``."""
    attributes = span.attributes
    model = first_text(
        attributes, "gen_ai.response.model", "llm.response.model_name", "llm.model_name",
        "gen_ai.request.model", "llm.request.model_name", "llm.request.model",
    )  # fmt: skip
    asked = first_text(attributes, "gen_ai.request.model", "llm.request.model_name")
    parameters = content.parameters
    if asked and asked != model:
        parameters = {"model": asked, **parameters}
    error = error_of_span(span)
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
            "latency_ms": milliseconds(span.end_ns - span.start_ns),
            "first_token_ms": _first_token(span),
            "user": first_text(
                attributes, "enduser.id", "user.id", "traceloop.association.properties.user_id"
            ),
            "tags": _tags(span),
            "environment": first_text(
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


def first_text(attributes: Mapping[str, Any], *names: str, longest: int = 200) -> str:
    for name in names:
        value = attributes.get(name)
        if isinstance(value, str | int) and value != "" and not isinstance(value, bool):
            return clean(str(value), longest)
    return ""


def _conversation(span: Span) -> str:
    named = first_text(
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


def milliseconds(nanoseconds: int) -> float | None:
    return nanoseconds / 1e6 if nanoseconds >= 0 else None


def _provider(attributes: Mapping[str, Any]) -> str:
    return first_text(
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
    service = first_text(span.resource, "service.name", longest=190)
    return tuple(dict.fromkeys([*tags, *([f"service:{service}"] if service else [])]))


def _first_token(span: Span) -> float | None:
    for name in ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"):
        seconds = span.attributes.get(name)
        if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds >= 0:
            return seconds * 1000
    times = [event.time_ns for event in span.events if event.name in CHUNKS]
    return milliseconds(min(times) - span.start_ns) if times else None


def error_of_span(span: Span) -> dict[str, Any] | None:
    kind = first_text(span.attributes, "error.type")
    if not span.failed and not kind:
        return None
    raised = next((event for event in span.events if event.name == "exception"), None)
    said = raised.attributes if raised else {}
    return {
        "code": kind or first_text(said, "exception.type") or "error",
        "message": span.status_message or text(said.get("exception.message")),
    }
