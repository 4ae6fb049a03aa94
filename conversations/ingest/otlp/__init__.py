"""OpenTelemetry traces as turns: decode, read each span on its own, join.

``docs/ingest.md`` says which dialects are read and what each of them lacks.
"""

from __future__ import annotations

from conversations.ingest.otlp.decode import decode, encoding_of, partial_success
from conversations.ingest.otlp.fragments import (
    Ignored,
    LogFragment,
    Refused,
    ResultFragment,
    TurnFragment,
)
from conversations.ingest.otlp.join import (
    CallSite,
    Joined,
    complete,
    join,
    map_traces,
    match,
    sites_of,
    with_results,
)
from conversations.ingest.otlp.spans import dialect_of, read_log, read_span, read_spans
from conversations.ingest.otlp.values import Decoded, Log, Span, SpanEvent

__all__ = [
    "CallSite",
    "Decoded",
    "Ignored",
    "Joined",
    "Log",
    "LogFragment",
    "Refused",
    "ResultFragment",
    "Span",
    "SpanEvent",
    "TurnFragment",
    "complete",
    "decode",
    "dialect_of",
    "encoding_of",
    "join",
    "map_traces",
    "match",
    "partial_success",
    "read_log",
    "read_span",
    "read_spans",
    "sites_of",
    "with_results",
]
