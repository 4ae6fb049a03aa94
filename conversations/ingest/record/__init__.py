"""The canonical turn record: one model call as a value, whatever door it came through.

``docs/record.md`` is the reference for those who send records.
"""

from __future__ import annotations

from conversations.ingest.record.clock import clock_skew
from conversations.ingest.record.limits import LIMITS, BadCode, BadRecord, Limits, check_depth
from conversations.ingest.record.model import (
    RFC_3339,
    Request,
    Response,
    ResultStatus,
    ToolResult,
    TurnRecord,
)
from conversations.ingest.record.reading import build_record, load_json, read_record

__all__ = [
    "LIMITS",
    "RFC_3339",
    "BadCode",
    "BadRecord",
    "Limits",
    "Request",
    "Response",
    "ResultStatus",
    "ToolResult",
    "TurnRecord",
    "build_record",
    "check_depth",
    "clock_skew",
    "load_json",
    "read_record",
]
