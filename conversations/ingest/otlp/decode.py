"""OTLP/HTTP bodies to values: protobuf and its JSON mapping, traces and logs; and the answer.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from conversations.ingest.compression import BadBody
from conversations.ingest.otlp.values import Decoded, Log, Span, SpanEvent
from conversations.ingest.otlp.wire import explain
from conversations.ingest.record import LIMITS, BadRecord, Limits, check_depth, load_json

Signal = Literal["traces", "logs"]
Encoding = Literal["protobuf", "json"]

ENCODINGS: dict[str, Encoding] = {
    "application/x-protobuf": "protobuf",
    "application/protobuf": "protobuf",
    "application/json": "json",
}
REQUESTS: dict[Signal, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
}
ERROR_STATUS = (2, "STATUS_CODE_ERROR")


def encoding_of(content_type: str) -> Encoding:
    """Raises ``BadBody`` unsupported_media_type."""
    kind = content_type.split(";")[0].strip().lower()
    if kind not in ENCODINGS:
        raise BadBody(
            "unsupported_media_type",
            f"Content-Type {kind[:60]!r} is not taken. Send application/x-protobuf or "
            "application/json.",
        )
    return ENCODINGS[kind]


def decode(body: bytes, signal: Signal, encoding: Encoding, *, limits: Limits = LIMITS) -> Decoded:
    """The spans or log records of one request body; raises ``BadBody`` where it is none.

    A span or record without valid ids is rejected alone.
    """
    if encoding == "protobuf":
        return _collect(_of_protobuf(body, signal), signal)
    try:
        value = load_json(body, limits=Limits(max_record_bytes=len(body)))
        check_depth(value, limits.max_depth * 2)
    except BadRecord as error:
        code: Any = "too_deep" if error.code == "too_deep" else "not_json"
        raise BadBody(code, error.detail) from None
    if not isinstance(value, dict):
        raise BadBody("not_json", "The body is no JSON object with resourceSpans.")
    return _collect(_of_json(value, signal), signal)


Found = tuple[str, Any, Mapping[str, Any], str]


def _collect(found: Iterable[tuple[str, Span | Log | str]], signal: Signal) -> Decoded:
    kept: list[Any] = []
    rejected: list[str] = []
    for where, item in found:
        if isinstance(item, str):
            rejected.append(f"{where}: {item}")
        else:
            kept.append(item)
    if signal == "traces":
        return Decoded(spans=tuple(kept), rejected=tuple(rejected))
    return Decoded(logs=tuple(kept), rejected=tuple(rejected))


# Protobuf


def _of_protobuf(body: bytes, signal: Signal) -> Iterator[tuple[str, Span | Log | str]]:
    kind = REQUESTS[signal]
    try:
        request: Any = kind.FromString(body)
    except DecodeError:
        raise explain(body, kind.DESCRIPTOR) from None
    number = 0
    for group in request.resource_spans if signal == "traces" else request.resource_logs:
        resource = _pairs(group.resource.attributes)
        for scope in group.scope_spans if signal == "traces" else group.scope_logs:
            for item in scope.spans if signal == "traces" else scope.log_records:
                if signal == "traces":
                    yield f"span {number}", _span(item, scope.scope.name, resource)
                else:
                    yield f"log record {number}", _log(item, resource)
                number += 1


def _span(span: Any, scope: str, resource: Mapping[str, Any]) -> Span | str:
    trace_id, span_id = span.trace_id.hex(), span.span_id.hex()
    wrong = _wrong_ids(trace_id, span_id)
    if wrong:
        return wrong
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=span.parent_span_id.hex().strip("0") and span.parent_span_id.hex(),
        name=span.name,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        attributes=_pairs(span.attributes),
        events=tuple(
            SpanEvent(event.name, event.time_unix_nano, _pairs(event.attributes))
            for event in span.events
        ),
        failed=span.status.code == 2,
        status_message=span.status.message,
        dropped_attributes=span.dropped_attributes_count,
        dropped_events=span.dropped_events_count,
        scope=scope,
        resource=resource,
    )


def _log(log: Any, resource: Mapping[str, Any]) -> Log | str:
    attributes = _pairs(log.attributes)
    return Log(
        trace_id=log.trace_id.hex(),
        span_id=log.span_id.hex(),
        time_ns=log.time_unix_nano or log.observed_time_unix_nano,
        event=log.event_name or _name(attributes.get("event.name")),
        body=_any(log.body) if log.HasField("body") else None,
        attributes=attributes,
        resource=resource,
    )


def _pairs(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _any(pair.value) for pair in pairs}


def _any(value: AnyValue) -> Any:
    if value.string_value:  # as most are
        return value.string_value
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_any(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _pairs(value.kvlist_value.values)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind)


# JSON


def _of_json(request: dict[str, Any], signal: Signal) -> Iterator[tuple[str, Span | Log | str]]:
    outer, inner, leaf = (
        ("resourceSpans", "scopeSpans", "spans")
        if signal == "traces"
        else ("resourceLogs", "scopeLogs", "logRecords")
    )
    number = 0
    for group in _list(request, outer):
        resource = _json_pairs(_list(_object(group, "resource"), "attributes"))
        for scope in _list(group, inner):
            for item in _list(scope, leaf):
                where = f"{leaf}[{number}]"
                number += 1
                try:
                    if signal == "traces":
                        name = _name(_object(scope, "scope").get("name"))
                        yield where, _json_span(item, name, resource)
                    else:
                        yield where, _json_log(item, resource)
                except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
                    yield where, f"not of the shape that OTLP gives it ({error})"


def _json_span(span: dict[str, Any], scope: str, resource: Mapping[str, Any]) -> Span | str:
    trace_id, span_id = _id(span.get("traceId"), 16), _id(span.get("spanId"), 8)
    wrong = _wrong_ids(trace_id, span_id)
    if wrong:
        return wrong
    status = _object(span, "status")
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=_id(span.get("parentSpanId"), 8),
        name=_name(span.get("name")),
        start_ns=int(span.get("startTimeUnixNano") or 0),
        end_ns=int(span.get("endTimeUnixNano") or 0),
        attributes=_json_pairs(_list(span, "attributes")),
        events=tuple(
            SpanEvent(
                _name(event.get("name")),
                int(event.get("timeUnixNano") or 0),
                _json_pairs(_list(event, "attributes")),
            )
            for event in _list(span, "events")
        ),
        failed=status.get("code") in ERROR_STATUS,
        status_message=_name(status.get("message")),
        dropped_attributes=int(span.get("droppedAttributesCount") or 0),
        dropped_events=int(span.get("droppedEventsCount") or 0),
        scope=scope,
        resource=resource,
    )


def _json_log(log: dict[str, Any], resource: Mapping[str, Any]) -> Log | str:
    attributes = _json_pairs(_list(log, "attributes"))
    body = log.get("body")
    return Log(
        trace_id=_id(log.get("traceId"), 16),
        span_id=_id(log.get("spanId"), 8),
        time_ns=int(log.get("timeUnixNano") or 0) or int(log.get("observedTimeUnixNano") or 0),
        event=_name(log.get("eventName")) or _name(attributes.get("event.name")),
        body=None if body is None else _json_any(body),
        attributes=attributes,
        resource=resource,
    )


def _list(holder: Any, name: str) -> list[Any]:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else []


def _object(holder: Any, name: str) -> dict[str, Any]:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, dict) else {}


def _name(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _json_pairs(pairs: list[Any]) -> dict[str, Any]:
    return {
        pair["key"]: _json_any(pair.get("value"))
        for pair in pairs
        if isinstance(pair, dict) and isinstance(pair.get("key"), str)
    }


def _json_any(value: Any) -> Any:
    if not isinstance(value, dict) or not value:
        return None
    kind, inner = next(iter(value.items()))
    if kind == "intValue":
        return int(inner)
    if kind == "doubleValue":
        return float(inner)
    if kind == "arrayValue":
        return [_json_any(item) for item in _list(inner, "values")]
    if kind == "kvlistValue":
        return _json_pairs(_list(inner, "values"))
    return inner


def _id(value: Any, size: int) -> str:
    """Hexadecimal as OTLP has it, or base64 as protobuf's plain JSON mapping would."""
    if not isinstance(value, str) or not value.strip("0"):
        return ""
    if len(value) == 2 * size:
        return value.lower()
    try:
        return base64.b64decode(value, validate=True).hex()
    except binascii.Error:
        return value.lower()


def _wrong_ids(trace_id: str, span_id: str) -> str:
    for name, value, length in (("trace id", trace_id, 32), ("span id", span_id, 16)):
        if len(value) != length or not value.strip("0") or value.strip("0123456789abcdef"):
            return f"the {name} {value[:40]!r} is not {length} hexadecimal digits other than 0"
    return ""


# The answer


def partial_success(
    rejected: int, message: str, *, signal: Signal = "traces", encoding: Encoding = "protobuf"
) -> bytes:
    """The body of a 200: empty success where nothing is rejected and nothing is to be said."""
    counted = "rejectedSpans" if signal == "traces" else "rejectedLogRecords"
    if encoding == "json":
        said: dict[str, Any] = {counted: str(rejected)} if rejected else {}
        said |= {"errorMessage": message} if message else {}
        return json.dumps({"partialSuccess": said} if said else {}).encode()
    answer: Any = (
        ExportTraceServiceResponse() if signal == "traces" else ExportLogsServiceResponse()
    )
    if rejected or message:
        if signal == "traces":
            answer.partial_success.rejected_spans = rejected
        else:
            answer.partial_success.rejected_log_records = rejected
        answer.partial_success.error_message = message
    return bytes(answer.SerializeToString())
