"""What the outside is told of executed calls: spans, counters, and metrics for CloudWatch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings
from django.http import HttpResponse
from django.test import Client, RequestFactory
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from console import telemetry
from console.lib import tracing
from tests.execution_doors.making import make_runnable
from tests.factories import make_key, make_project
from tools_registry.execution.cache import Hit
from tools_registry.execution.metric_format import write_line
from tools_registry.execution.outcomes import Outcome
from tools_registry.validation.findings import Finding

OUTER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def store() -> Iterator[None]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
    yield


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("test"))
    return exporter


def run(tool: str = "get_weather", city: Any = "Oslo", times: int = 1, **more: Any) -> None:
    project = make_project(slug="acme")
    make_runnable(project, **more)
    api = Client(headers={"Authorization": f"Bearer {make_key(project, ['execute'])[1]}"})
    body = {"calls": [{"id": "c-1", "tool": tool, "arguments": {"city": city}}]}
    for _ in range(times):
        answer = api.post("/api/v1/execute", json.dumps(body), content_type="application/json")
        assert answer.status_code == 200


@pytest.mark.django_db
def test_each_call_is_a_span_within_that_of_its_turn(spans: InMemorySpanExporter) -> None:
    run(city="a-secret-place")
    call, turn = spans.get_finished_spans()
    assert (call.name, turn.name) == ("execute_tool get_weather", "execute turn")
    assert call.parent and turn.context and call.parent.span_id == turn.context.span_id
    told = dict(call.attributes or {})
    assert told["gen_ai.tool.call.id"] == "c-1"
    assert told["misfire.status"] == "ok"
    assert "a-secret-place" not in call.to_json()


@pytest.mark.django_db
def test_a_refused_call_says_why_in_its_span(spans: InMemorySpanExporter) -> None:
    run(city=5)
    call = spans.get_finished_spans()[0]
    assert (call.attributes or {})["error.type"] == "wrong_type"


def test_a_programs_trace_goes_on(
    spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    traced = telemetry.trace_requests(lambda request: HttpResponse())
    for path in ("/api/v1/execute", "/p/acme/"):
        request = RequestFactory().get(path, headers={"traceparent": OUTER})
        request.resolver_match = None
        traced(request)
    api, page = spans.get_finished_spans()
    assert api.parent and f"{api.parent.trace_id:032x}" == OUTER.split("-")[1]
    assert page.parent is None


@pytest.mark.django_db
def test_metrics_count_executions_of_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "only-for-prometheus")
    run(times=3, cache_ttl=60)
    answer = Client().get("/metrics", headers={"Authorization": "Bearer only-for-prometheus"})
    lines = answer.content.decode().splitlines()
    told = 'outcome="ok",project="acme",tool="get_weather"}'
    assert f"misfire_executions_total{{{told} 3.0" in lines
    assert 'misfire_execution_cache_hits_total{project="acme",tool="get_weather"} 2.0' in lines
    assert any(line.startswith(f"misfire_execution_seconds_total{{{told}") for line in lines)


@pytest.mark.django_db
def test_a_name_that_a_model_made_up_is_not_counted() -> None:
    run(tool="ghost")
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        assert not client.exists("execution:counts")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("setting", "count"), [("", 0), ("1", 1)])
def test_cloudwatch_is_told_where_that_is_set(
    setting: str, count: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXECUTION_EMF", setting)
    run()
    lines = [line for line in capfd.readouterr().out.splitlines() if '"_aws"' in line]
    assert [json.loads(line)["Project"] for line in lines] == ["acme"] * count


OK = Outcome(
    "c", "find", "ok", "{}", begin_ms=1, end_ms=13.5, attempts=2, executor="http", cost=0.5
)
NEVER = Outcome("c", "find", "refused", "", findings=(Finding("rate_limited", "too many"),))
HIT = Outcome("c", "find", "ok", "", begin_ms=0, end_ms=1, hit=Hit(3, 20), cost=0.0)


@pytest.mark.parametrize(
    ("outcome", "values"),
    [
        (OK, {"Executions": 1, "CacheHits": 0, "Attempts": 2, "Latency": 12.5, "Cost": 0.5}),
        (NEVER, {"Executions": 1, "CacheHits": 0, "Attempts": 0}),
        (HIT, {"Executions": 1, "CacheHits": 1, "Attempts": 0, "Latency": 1.0, "Cost": 0.0}),
    ],
)
def test_a_line_of_the_embedded_metric_format_measures_what_is_known(
    outcome: Outcome, values: dict[str, float]
) -> None:
    line = json.loads(write_line("acme", outcome, 1_700_000_000_000))
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert line["_aws"]["Timestamp"] == 1_700_000_000_000
    assert {one["Name"]: line[one["Name"]] for one in directive["Metrics"]} == values
    assert all(name in line for names in directive["Dimensions"] for name in names)
    assert line["Codes"] == [finding.code for finding in outcome.findings]


@pytest.mark.parametrize(
    ("name", "told"),
    [("wétter", "w\\xe9tter"), ("", "-"), (":x", "x"), ("a\nb", "a?b"), ("x" * 2000, "x" * 1024)],
)
def test_a_dimension_is_what_cloudwatch_takes(name: str, told: str) -> None:
    outcome = Outcome("c", name, "ok", "")
    assert json.loads(write_line("p", outcome, 0))["Tool"] == told
