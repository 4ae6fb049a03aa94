"""Spans and log records as small values, free of the encoding in which they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Attributes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SpanEvent:
    name: str
    time_ns: int
    attributes: Attributes = field(default_factory=dict)


@dataclass(slots=True)  # freezing would make each four times as dear
class Span:
    """Ids are lower-case hexadecimal, ``parent_id`` is "" for a root; times are nanoseconds.

    ``failed`` says that the status is an error, ``status_message`` why. ``resource`` are the
    attributes of what sent the span.
    """

    trace_id: str
    span_id: str
    name: str
    start_ns: int
    end_ns: int
    parent_id: str = ""
    attributes: Attributes = field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()
    failed: bool = False
    status_message: str = ""
    dropped_attributes: int = 0
    dropped_events: int = 0
    scope: str = ""
    resource: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Log:
    """One log record; ``event`` is its event name, from the field or the older attribute."""

    trace_id: str
    span_id: str
    time_ns: int
    event: str
    body: Any = None
    attributes: Attributes = field(default_factory=dict)
    resource: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a body holds. ``rejected`` says, for each item that is none, where and why."""

    spans: tuple[Span, ...] = ()
    logs: tuple[Log, ...] = ()
    rejected: tuple[str, ...] = ()
