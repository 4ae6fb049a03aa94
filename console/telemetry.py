"""Our own traces, sent by OTLP where an endpoint is set in the environment.

The endpoint, its headers and the service's name are OpenTelemetry's own variables
(https://opentelemetry.io/docs/specs/otel/protocol/exporter/). Spans name routes, never addresses
or what was in a request.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from celery import signals
from django.http import HttpRequest, HttpResponse
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from console.lib import env, tracing

SILENT = ("/v1/traces", "/v1/logs", "/healthz", "/readyz", "/metrics", "/static/")
"""Beginnings of paths without spans: a console that sends to itself would never be done."""
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_tasks: dict[str, Any] = {}


def is_wanted() -> bool:
    """Whether an endpoint is set, and tracing not switched off."""
    off = env.text("OTEL_SDK_DISABLED").lower() == "true"
    return not off and any(map(env.text, _ENDPOINTS))


def start() -> None:
    """Send spans from now on, where that is wanted. Once in a process."""
    if not is_wanted():
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    os.environ.setdefault("OTEL_SERVICE_NAME", "misfire")
    provider = TracerProvider(resource=Resource.create())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    signals.task_prerun.connect(_begin_task)
    signals.task_postrun.connect(_end_task)


def trace_requests(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: a span for each request, named by its route; within the caller's trace where a
    program names one."""
    if not is_wanted():
        return get_response

    def traced(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(SILENT):
            return get_response(request)
        is_program = request.path.startswith("/api/")
        parent = tracing.read_parent(request.headers) if is_program else None
        with tracing.span(request.method or "", parent, http_request_method=request.method) as span:
            response = get_response(request)
            if request.resolver_match:
                span.update_name(f"{request.method} /{request.resolver_match.route}")
                span.set_attribute("http.route", f"/{request.resolver_match.route}")
            span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                span.set_status(Status(StatusCode.ERROR))
            return response

    return traced


def _begin_task(task_id: str, task: Any, **_: Any) -> None:
    tracer = trace.get_tracer("misfire")
    _tasks[task_id] = tracer.start_span(f"task {task.name}", kind=SpanKind.CONSUMER)


def _end_task(task_id: str, state: str = "", **_: Any) -> None:
    span = _tasks.pop(task_id, None)
    if span is None:
        return
    if state == "FAILURE":
        span.set_status(Status(StatusCode.ERROR))
    span.end()
