"""What becomes of an executed call, and what is told while it runs: values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from console.lib import json
from tools_registry.execution.cache import Hit
from tools_registry.policies import Change
from tools_registry.validation.findings import Finding

Status = Literal["ok", "error", "refused", "held", "skipped", "cancelled"]
"""ok and error: it ran. refused: by its verdict, or a bound bit. held: nobody confirmed it.
skipped: a call that it waits for brought nothing."""
EventType = Literal["started", "retried", "cached", "held", "finished"]


@dataclass(frozen=True)
class Event:
    """``at`` in ms after the plan began; ``detail`` is told in docs/execution.md."""

    type: EventType
    key: str
    at: float
    detail: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, "call": self.key, "at": round(self.at, 1), **self.detail}


@dataclass(frozen=True)
class Outcome:
    """``content`` is what a model would be given, ``value`` its JSON, ``arguments`` what was sent
    once references were filled and ``changes`` of sanitisers made. Times are ms after the plan
    began, None where it never ran. ``cost`` in US dollars, None where it is not known."""

    key: str
    name: str
    status: Status
    content: str
    value: Any = None
    arguments: Any = None
    findings: tuple[Finding, ...] = ()
    changes: tuple[Change, ...] = ()
    begin_ms: float | None = None
    end_ms: float | None = None
    attempts: int = 0
    executor: str = ""
    hit: Hit | None = None
    cost: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def span(self) -> tuple[float, float] | None:
        if self.begin_ms is None or self.end_ms is None:
            return None
        return self.begin_ms, self.end_ms

    @property
    def latency_ms(self) -> float | None:
        return None if self.span is None else round(self.span[1] - self.span[0], 1)

    def to_json(self) -> dict[str, Any]:
        """What is set of it."""
        whole = {
            "call": self.key,
            "name": self.name,
            "status": self.status,
            "content": self.content,
            "arguments": self.arguments,
            "findings": [finding.to_json() for finding in self.findings],
            "sanitised": [change.to_json() for change in self.changes],
            "begin_ms": None if self.begin_ms is None else round(self.begin_ms, 1),
            "end_ms": None if self.end_ms is None else round(self.end_ms, 1),
            "attempts": self.attempts,
            "executor": self.executor,
            "cached": self.hit.to_json() if self.hit else None,
            "cost": self.cost,
            "notes": list(self.notes),
        }
        return {name: value for name, value in whole.items() if value not in (None, [], "")}


def tell_error(message: str, code: str = "") -> str:
    """The content of a call that brought no result, as a model reads it."""
    return json.dump({"error": message} | ({"code": code} if code else {}))
