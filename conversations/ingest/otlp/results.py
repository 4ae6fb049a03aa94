"""A span that ran a tool, as the result of a call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from conversations.ingest.otlp.fragments import ResultFragment
from conversations.ingest.otlp.turns import error_of_span, first_text, milliseconds
from conversations.ingest.otlp.values import Span
from conversations.ingest.record import ResultStatus, ToolResult

TIMEOUT = re.compile(r"time.?out|timed.out|deadline", re.IGNORECASE)
RATE_LIMIT = re.compile(r"rate.?limit|too.many.requests|\b429\b", re.IGNORECASE)


def read_result(span: Span) -> ResultFragment:
    attributes = span.attributes
    name = first_text(
        attributes, "gen_ai.tool.name", "tool.name", "tool_call.function.name",
        "traceloop.entity.name", longest=1000,
    )  # fmt: skip
    call_id = first_text(
        attributes, "gen_ai.tool.call.id", "tool_call.id", "tool.id", "tool.call_id", longest=1000
    )
    given = _present(
        attributes, "gen_ai.tool.call.arguments", "tool_arguments",
        "tool_call.function.arguments", "tool.parameters", "input.value", "traceloop.entity.input",
    )  # fmt: skip
    content = _present(
        attributes, "gen_ai.tool.call.result", "tool_response", "output.value",
        "traceloop.entity.output",
    )  # fmt: skip
    error = error_of_span(span)
    if content is None and error:
        content = error["message"] or error["code"]
    return ResultFragment(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=span.parent_id,
        start_ns=span.start_ns,
        arguments=given,
        result=ToolResult(
            call_id=call_id or None,
            name=name or span.name.removeprefix("execute_tool ") or "unknown",
            status=_status(error),
            content=content,
            latency_ms=milliseconds(span.end_ns - span.start_ns),
        ),
    )


def _status(error: dict[str, Any] | None) -> ResultStatus:
    if error is None:
        return "ok"
    said = f"{error['code']} {error['message']}"
    return (
        "timeout"
        if TIMEOUT.search(said)
        else "rate_limited"
        if RATE_LIMIT.search(said)
        else "error"
    )


def _present(attributes: Mapping[str, Any], *names: str) -> Any:
    return next((attributes[name] for name in names if attributes.get(name) is not None), None)
