from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from conversations.ingest.compression import BadBody
from conversations.ingest.otlp import decode, encoding_of, partial_success
from tests.ingest.samples import START, TRACE

SPAN_ID = "00f067aa0ba902b7"


def as_json(**changes: Any) -> bytes:
    span = {
        "traceId": TRACE.upper(),
        "spanId": SPAN_ID,
        "parentSpanId": "",
        "name": "chat",
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": START + 5,
        "attributes": [
            {"key": "s", "value": {"stringValue": "\ud800\0"}},
            {"key": "i", "value": {"intValue": "9223372036854775807"}},
            {"key": "d", "value": {"doubleValue": 0.5}},
            {"key": "b", "value": {"boolValue": False}},
            {"key": "l", "value": {"arrayValue": {"values": [{"intValue": 1}, {}]}}},
            {"key": "o", "value": {"kvlistValue": {"values": [{"key": "x", "value": {}}]}}},
            {"key": "y", "value": {"bytesValue": "AAE="}},
            {"value": {"stringValue": "without a key"}},
        ],
        "status": {"code": 2, "message": "why"},
        "droppedAttributesCount": 3,
        **changes,
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    scoped = {"scope": {"name": "lib"}, "spans": [span]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scoped]}]}).encode()


def as_protobuf() -> bytes:
    request: Any = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    scoped = group.scope_spans.add()
    for number in range(3):
        span = scoped.spans.add(
            trace_id=bytes.fromhex(TRACE), span_id=bytes([number + 1] * 8), name="chat"
        )
        span.attributes.add(key="text", value=AnyValue(string_value="words " * 20))
    return bytes(request.SerializeToString())


def test_json_is_read_with_all_kinds_of_values() -> None:
    (span,) = decode(as_json(), "traces", "json").spans
    assert (span.trace_id, span.span_id, span.parent_id) == (TRACE, SPAN_ID, "")
    assert (span.start_ns, span.end_ns, span.scope) == (START, START + 5, "lib")
    assert (span.failed, span.status_message, span.dropped_attributes) == (True, "why", 3)
    assert span.resource == {"service.name": "shop"}
    assert span.attributes == {
        "s": "\ud800\0",
        "i": 9223372036854775807,
        "d": 0.5,
        "b": False,
        "l": [1, None],
        "o": {"x": None},
        "y": "AAE=",
    }


def test_ids_in_base64_are_read_too() -> None:
    body = as_json(traceId="Cvdlw==", spanId=SPAN_ID)
    assert decode(body, "traces", "json").rejected
    (span,) = decode(as_json(spanId="APBnqgupArc="), "traces", "json").spans
    assert span.span_id == SPAN_ID


@pytest.mark.parametrize(
    "changes", [{"traceId": "0" * 32}, {"spanId": "xyz"}, {"startTimeUnixNano": "soon"}]
)
def test_a_span_that_is_none_is_rejected_alone(changes: dict[str, Any]) -> None:
    body = json.loads(as_json())
    bad = json.loads(as_json(**changes))
    body["resourceSpans"] += bad["resourceSpans"]
    decoded = decode(json.dumps(body).encode(), "traces", "json")
    assert len(decoded.spans) == 1
    assert len(decoded.rejected) == 1 and decoded.rejected[0].startswith("spans[1]: ")


@pytest.mark.parametrize("shape", [{}, {"resourceSpans": 5}, {"resourceSpans": [1, {}, None]}])
def test_other_shapes_hold_no_spans(shape: Any) -> None:
    decoded = decode(json.dumps(shape).encode(), "traces", "json")
    assert decoded.spans == () and decoded.rejected == ()


def code_of(body: bytes, encoding: Any) -> tuple[str, str]:
    with pytest.raises(BadBody) as caught:
        decode(body, "traces", encoding)
    return caught.value.code, caught.value.detail


def test_json_that_cannot_be_read_is_told_apart() -> None:
    assert code_of(as_json()[:-9], "json")[0] == "not_json"
    assert code_of(b"[]", "json")[0] == "not_json"
    assert code_of(b"[" * 100_000, "json")[0] == "too_deep"
    value: Any = {"stringValue": "x"}
    for _ in range(80):
        value = {"arrayValue": {"values": [value]}}
    assert code_of(as_json(attributes=[{"key": "k", "value": value}]), "json")[0] == "too_deep"


def test_truncated_protobuf_says_where_it_ends() -> None:
    body = as_protobuf()
    assert len(decode(body, "traces", "protobuf").spans) == 3
    code, detail = code_of(body[:-5], "protobuf")
    assert code == "truncated_protobuf"
    assert f"after {len(body) - 5} bytes" in detail and "resource_spans[0]" in detail


def test_every_cut_of_a_protobuf_body_is_told() -> None:
    body = as_protobuf()
    codes = {code_of(body[:size], "protobuf")[0] for size in range(1, len(body), 7)}
    assert codes == {"truncated_protobuf"}


def test_protobuf_that_is_none_is_told_apart() -> None:
    assert code_of(b"\xff\xff\xff\xff", "protobuf")[0] in ("truncated_protobuf", "not_protobuf")
    assert code_of(b'{"resourceSpans": []}', "protobuf")[0] in (
        "truncated_protobuf",
        "not_protobuf",
    )
    broken = as_protobuf().replace(b"words ", b"\xff\xferds ", 1)
    code, detail = code_of(broken, "protobuf")
    assert code == "not_protobuf" and "string_value" in detail and "UTF-8" in detail


def field(number: int, content: bytes) -> bytes:
    """One length-delimited field, as protobuf writes it."""
    size, length = len(content), b""
    while size > 0x7F:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def test_protobuf_that_nests_too_deep_is_told() -> None:
    value = field(1, b"x")
    for _ in range(120):
        value = field(5, field(1, value))  # an array of one value
    attribute = field(9, field(1, b"k") + field(2, value))
    body = field(1, field(2, field(2, attribute)))
    assert code_of(body, "protobuf")[0] == "too_deep"


def test_content_types_are_told() -> None:
    assert encoding_of("application/x-protobuf") == "protobuf"
    assert encoding_of("Application/JSON; charset=utf-8") == "json"
    with pytest.raises(BadBody) as caught:
        encoding_of("text/plain")
    assert caught.value.code == "unsupported_media_type"


def test_the_answer_says_what_was_rejected() -> None:
    assert partial_success(0, "") == b""
    read = ExportTraceServiceResponse.FromString(partial_success(2, "span 1: no id"))
    assert read.partial_success.rejected_spans == 2
    assert read.partial_success.error_message == "span 1: no id"
    said = json.loads(partial_success(2, "why", signal="logs", encoding="json"))
    assert said == {"partialSuccess": {"rejectedLogRecords": "2", "errorMessage": "why"}}
    assert partial_success(0, "", encoding="json") == b"{}"
