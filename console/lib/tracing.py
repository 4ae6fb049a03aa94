"""Our own spans, in OpenTelemetry's form. Without an exporter (``console.telemetry``) they are
not made, and cost next to nothing."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span

_tracer = trace.get_tracer("misfire")


def span(name: str, **attributes: Any) -> AbstractContextManager[Span]:
    """A span around a piece of work; it is the parent of those within. Names of attributes are
    given with ``_`` for their dots."""
    told = {key.replace("_", "."): value for key, value in attributes.items()}
    return _tracer.start_as_current_span(name, attributes=told)
