"""Answers of tool calls that nobody types: fixed, sampled from the output schema, or recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.accounts.models import Project
from console.lib import json
from conversations.executions import UNUSED
from conversations.models import ToolCall
from tools_registry.samples import CannotSample, sample

_LOOKED_AT = 200


@dataclass(frozen=True)
class Found:
    """An answer and where it comes from; ``error`` where none could be given."""

    content: str
    answered_by: str
    note: str = ""
    error: bool = False


def fixed(content: str) -> Found:
    return Found(content, "mock")


def sampled(schema: Mapping[str, Any] | None, *, seed: int) -> Found:
    """A value that fits the tool's output schema; the same seed gives the same value."""
    if schema is None:
        return _none("The tool has no output schema to sample from.")
    try:
        return Found(json.dump(sample(schema, seed=seed)), "mock")
    except CannotSample as error:
        return _none(f"No value could be sampled: {error}")


def recorded(project: Project, name: str, arguments: str, *, exactly: bool = False) -> Found:
    """The last stored result of this tool with these arguments, else the last of this tool;
    ``exactly`` takes no other."""
    rows = list(
        ToolCall.objects.filter(project=project, name=name, result__isnull=False)
        .exclude(status__in=UNUSED)
        .order_by("-id")
        .values_list("arguments", "result", "at")[:_LOOKED_AT]
    )
    if not rows:
        return _none(f"No result of {name} is recorded yet; answer it by hand once.")
    wanted = _comparable(arguments)
    for stored, result, at in rows:
        if _comparable(stored) == wanted:
            return Found(
                str(result), "recorded", f"for the same arguments, {at:%Y-%m-%d %H:%M} UTC"
            )
    if exactly:
        return _none(f"No result of {name} with these arguments is recorded.")
    _, result, at = rows[0]
    return Found(str(result), "recorded", f"for other arguments, {at:%Y-%m-%d %H:%M} UTC")


def _none(reason: str) -> Found:
    return Found(json.dump({"error": reason}), "mock", reason, error=True)


def _comparable(arguments: str) -> Any:
    """Arguments as a value where they are JSON: key order and white space mean nothing."""
    try:
        return json.load(arguments or "{}")
    except (ValueError, RecursionError):
        return arguments
