"""Executed calls in CloudWatch's embedded metric format. Pure.

A line of JSON on standard output, out of which CloudWatch Logs makes metrics:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

from typing import Any

from console.lib import json
from tools_registry.execution.outcomes import Outcome

NAMESPACE = "Misfire"
LONGEST = 1024
"""Characters of a dimension's value, which is ASCII and not blank, and begins with no colon."""
_DIMENSIONS = [["Project"], ["Project", "Tool"], ["Project", "Tool", "Status"]]
_UNITS = {
    "Executions": "Count",
    "CacheHits": "Count",
    "Attempts": "Count",
    "Latency": "Milliseconds",
    "Cost": "None",
}


def write_line(project: str, outcome: Outcome, at_ms: int) -> str:
    """The line of one call; ``at_ms`` is when it ended, in milliseconds since 1970. What is not
    known, such as the latency of a call that never ran, is left out."""
    measured: dict[str, float | None] = {
        "Executions": 1,
        "CacheHits": int(outcome.hit is not None),
        "Attempts": outcome.attempts,
        "Latency": outcome.latency_ms,
        "Cost": outcome.cost,
    }
    values = {name: value for name, value in measured.items() if value is not None}
    metrics = [{"Name": name, "Unit": _UNITS[name]} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": _DIMENSIONS, "Metrics": metrics}
    line: dict[str, Any] = {
        "_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [directive]},
        "Project": _dimension(project),
        "Tool": _dimension(outcome.name),
        "Status": outcome.status,
        "Executor": outcome.executor,
        "Call": outcome.key,
        "Codes": [finding.code for finding in outcome.findings],
        **values,
    }
    return json.dump(line)


def _dimension(text: str) -> str:
    plain = text.encode("ascii", "backslashreplace").decode()
    plain = "".join(one if one.isprintable() else "?" for one in plain).strip().lstrip(":")
    return plain[:LONGEST] or "-"
