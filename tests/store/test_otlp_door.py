"""``POST /v1/traces`` and ``/v1/logs``: whatever the order, each span is found again."""

from __future__ import annotations

import gzip
import json
import random
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from console.accounts.models import ApiKey
from conversations.custody import RedactionRule
from conversations.ingest.store.traces import settle_traces
from conversations.models import IngestTally, Quarantined, ToolCall, TraceFragment, Turn
from tests.factories import make_key

pytestmark = pytest.mark.django_db
TRACE = "0af7651916cd43dd8448eb211c80319c"
NOW = int(timezone.now().timestamp()) * 1_000_000_000 - 60_000_000_000


def attribute(name: str, value: Any) -> dict[str, Any]:
    return {
        "key": name,
        "value": {"stringValue": value if isinstance(value, str) else json.dumps(value)},
    }


def span(number: int, start: float, attributes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    begin = NOW + int(start * 1e9)
    return {
        "traceId": TRACE,
        "spanId": f"{number:016x}",
        "name": fields.pop("name", "chat"),
        "startTimeUnixNano": str(begin),
        "endTimeUnixNano": str(begin + 100_000_000),
        "attributes": [attribute(name, value) for name, value in attributes.items()],
        **fields,
    }


def chat(number: int, start: float, messages: list[Any] | None, answer: Any) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4.1",
        "gen_ai.provider.name": "openai",
    }
    if messages is not None:
        attributes["gen_ai.input.messages"] = messages
        attributes["gen_ai.output.messages"] = [answer]
    return span(number, start, attributes)


def said(text: str) -> dict[str, Any]:
    return {"role": "user", "parts": [{"type": "text", "content": text}]}


def called(*ids: str) -> dict[str, Any]:
    parts = [
        {"type": "tool_call", "id": one, "name": "get_weather", "arguments": {"city": one}}
        for one in ids
    ]
    return {"role": "assistant", "parts": parts, "finish_reason": "tool_call"}


def executed(number: int, start: float, call: str, result: str, **fields: Any) -> dict[str, Any]:
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "get_weather",
        "gen_ai.tool.call.id": call,
        "gen_ai.tool.call.result": result,
    }
    return span(number, start, attributes, name="execute_tool get_weather", **fields)


def message(number: int, event: str, body: dict[str, Any]) -> dict[str, Any]:
    content = {"kvlistValue": {"values": [attribute(name, text) for name, text in body.items()]}}
    return {
        "traceId": TRACE,
        "spanId": f"{number:016x}",
        "timeUnixNano": str(NOW),
        "eventName": event,
        "body": content,
    }


def body_of(items: list[dict[str, Any]], signal: str = "traces") -> dict[str, Any]:
    resource = {"attributes": [attribute("service.name", "shop")]}
    if signal == "traces":
        return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": items}]}]}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": items}]}]}


def post(
    items: list[dict[str, Any]] | bytes,
    signal: str = "traces",
    *,
    key: str,
    kind: str = "application/json",
    **headers: str,
) -> HttpResponse:
    data = items if isinstance(items, bytes) else json.dumps(body_of(items, signal)).encode()
    sent = {"Authorization": f"Bearer {key}", **headers}
    return Client().post(f"/v1/{signal}", data, content_type=kind, headers=sent)  # type: ignore[return-value]


@pytest.fixture
def key() -> str:
    return make_key(scopes=["ingest"])[1]


def spans() -> list[dict[str, Any]]:
    return [
        chat(1, 0, [said("Weather?")], called("c1", "c2")),
        executed(2, 1, "c1", "rain"),
        executed(3, 1, "c2", "no", status={"code": 2, "message": "deadline exceeded"}),
        chat(4, 2, [said("Again?")], called("c1")),
        span(5, 0, {"gen_ai.operation.name": "invoke_agent"}),
    ]


def test_spans_become_turns_and_results(key: str) -> None:
    response = post(spans(), key=key)
    assert response.status_code == 200 and response.json() == {}
    assert list(Turn.objects.order_by("number").values_list("number", "source")) == [
        (1, "otlp"),
        (2, "otlp"),
    ]
    calls = list(ToolCall.objects.order_by("at", "position"))
    assert [(call.result, call.status) for call in calls] == [
        ("rain", "ok"), ("no", "timeout"), (None, ""),
    ]  # fmt: skip
    assert calls[0].latency_ms == 100 and "timeout" in calls[1].codes
    tally = IngestTally.objects.get()
    assert (tally.sent, tally.stored, tally.beside) == (2, 2, 3)


@pytest.mark.parametrize("seed", range(6))
def test_order_and_batches_make_no_difference(key: str, seed: int) -> None:
    mixed = random.Random(seed).sample(spans(), 5)
    for one in mixed:
        assert post([one], key=key).status_code == 200
    calls = ToolCall.objects.order_by("at", "position")
    assert [call.result for call in calls] == ["rain", "no", None]
    assert [call.status for call in calls] == ["ok", "timeout", ""]
    again = post(spans(), key=key)
    assert again.status_code == 200 and Turn.objects.count() == 2
    assert [call.result for call in ToolCall.objects.order_by("at", "position")] == [
        "rain", "no", None,
    ]  # fmt: skip
    totals = [(one.sent, one.stored, one.duplicate) for one in IngestTally.objects.all()]
    assert tuple(map(sum, zip(*totals, strict=True))) == (4, 2, 2)


def test_a_result_that_comes_beside_a_turn_sent_again_is_joined_to_the_turn_as_stored(
    key: str,
) -> None:
    turn, result = spans()[0], spans()[1]
    post([turn], key=key)
    assert post([turn, result], key=key).status_code == 200
    calls = ToolCall.objects.order_by("position")
    assert [(call.result, call.status) for call in calls] == [("rain", "ok"), (None, "")]


@pytest.mark.parametrize("logs_first", [True, False])
def test_messages_that_come_as_log_records_are_joined(key: str, logs_first: bool) -> None:
    records = [
        message(1, "gen_ai.user.message", {"content": "Weather?"}),
        message(1, "gen_ai.choice", {"message": "Rain.", "finish_reason": "stop"}),
    ]
    turn = chat(1, 0, None, None)
    steps = [lambda: post(records, "logs", key=key), lambda: post([turn], key=key)]
    for step in steps if logs_first else steps[::-1]:
        assert step().status_code == 200
    if not Turn.objects.exists():
        settle_traces(timezone.now() + timedelta(seconds=60))
    stored = Turn.objects.get()
    assert stored.new_messages[0]["content"] == "Weather?"
    assert not TraceFragment.objects.filter(kind__in=("turn", "log")).exists()


def test_a_turn_whose_messages_never_come_is_stored_as_it_is(key: str) -> None:
    post([chat(1, 0, None, None)], key=key)
    assert not Turn.objects.exists()
    assert IngestTally.objects.get().stored == 1
    assert settle_traces() == 0
    assert settle_traces(timezone.now() + timedelta(seconds=60)) == 1
    assert "content_not_recorded" in Turn.objects.get().notes
    again = post([chat(1, 0, None, None)], key=key)
    assert again.status_code == 200 and Turn.objects.count() == 1


def test_what_waits_for_its_other_half_is_redacted_too(key: str) -> None:
    """Spans and log records are rows of their own until they are joined."""
    project = ApiKey.objects.get().project
    RedactionRule.objects.create(
        project=project, name="email", kind="builtin", value="email", replacement="[email]"
    )
    post([chat(1, 0, [said("I am a@b.org")], called("c1"))], key=key)
    post([executed(2, 1, "c1", "sent to a@b.org")], key=key)
    post([chat(3, 2, None, None)], key=key)
    post([message(3, "gen_ai.user.message", {"content": "Or c@d.org?"})], "logs", key=key)
    kept = "".join(TraceFragment.objects.values_list("body", flat=True))
    settle_traces(timezone.now() + timedelta(seconds=60))
    kept += "".join(turn.messages + turn.notes for turn in Turn.objects.all())
    assert ToolCall.objects.get().result == "sent to [email]"
    assert "@" not in kept and "I am [email]" in kept and "Or [email]?" in kept
    assert all('"redacted"' in turn.notes for turn in Turn.objects.all())


def test_protobuf_is_answered_in_protobuf(key: str) -> None:
    request = ExportTraceServiceRequest()
    one = request.resource_spans.add().scope_spans.add().spans.add()
    one.trace_id, one.span_id = b"short", b"12345678"
    body = gzip.compress(request.SerializeToString())
    kind = "application/x-protobuf"
    response = post(body, key=key, kind=kind, **{"Content-Encoding": "gzip"})
    assert response.status_code == 200 and response["Content-Type"] == kind
    answer = ExportTraceServiceResponse.FromString(response.content)
    assert answer.partial_success.rejected_spans == 1
    assert answer.partial_success.error_message


def test_what_cannot_be_read_is_refused_with_where_it_ends(key: str) -> None:
    request = ExportTraceServiceRequest()
    one = request.resource_spans.add().scope_spans.add().spans.add()
    one.trace_id, one.span_id, one.name = b"1" * 16, b"2" * 8, "n" * 100
    response = post(request.SerializeToString()[:-20], key=key, kind="application/x-protobuf")
    assert response.status_code == 400
    assert b"truncated_protobuf" in response.content


@pytest.mark.parametrize(
    ("kind", "status"),
    [("text/plain", 415), ("application/json", 400), ("application/x-protobuf", 400)],
)
def test_other_bodies_are_refused(key: str, kind: str, status: int) -> None:
    response = post(b"\xff\xff", key=key, kind=kind)
    assert response.status_code == status
    assert response["Content-Type"] in ("application/json", "application/x-protobuf")


def test_a_missing_key_is_said_as_a_status() -> None:
    response = Client().post("/v1/traces", b"{}", content_type="application/json")
    assert response.status_code == 401 and response.json()["code"] == 16
    wrong = make_key(scopes=["read"])[1]
    response = post([], key=wrong, kind="application/x-protobuf")
    assert response.status_code == 403 and response.content[:2] == b"\x08\x07"


def test_a_clock_that_is_off_waits_in_quarantine(key: str) -> None:
    off = chat(1, 86400 * 30, [said("Hi")], called("c1"))
    response = post([off], key=key)
    assert "clock_skew" in response.json()["partialSuccess"]["errorMessage"]
    held = Quarantined.objects.get()
    assert held.reason == "clock_skew" and json.loads(bytes(held.body))["model"] == "gpt-4.1"
    assert not Turn.objects.exists()
