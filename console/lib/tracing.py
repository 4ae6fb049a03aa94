"""Our own spans, in OpenTelemetry's form. Without an exporter (``console.telemetry``) they are
not made, and cost next to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_tracer = trace.get_tracer("misfire")


def span(
    name: str, parent: Context | None = None, **attributes: Any
) -> AbstractContextManager[Span]:
    """A span around a piece of work; it is the parent of those within. Names of attributes are
    given with ``_`` for their dots."""
    told = {key.replace("_", "."): value for key, value in attributes.items()}
    return _tracer.start_as_current_span(name, context=parent, attributes=told)


def record(
    name: str, begin_ns: int, end_ns: int, attributes: Mapping[str, Any], *, error: str = ""
) -> None:
    """A span of work that is over, within the current one; times in nanoseconds since 1970."""
    span = _tracer.start_span(name, start_time=begin_ns, attributes=attributes)
    if error:
        span.set_attribute("error.type", error)
        span.set_status(Status(StatusCode.ERROR))
    span.end(end_time=end_ns)


def read_parent(headers: Mapping[str, str]) -> Context:
    """The caller's span that ``traceparent`` names (https://www.w3.org/TR/trace-context/)."""
    names = ("traceparent", "tracestate")
    given = {name: value for name in names if (value := headers.get(name))}
    return TraceContextTextMapPropagator().extract(given)
