"""When the calls of a plan run: what decides how long all take, and what is saved. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools_registry.execution.plan import Plan

Span = tuple[float, float]
"""When a call began and when it ended, in ms after the first began."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """``critical`` are the calls of the critical path, the first to run first; ``total_ms`` from
    the first beginning to the last end, ``serial_ms`` if each had waited for the one before."""

    spans: Mapping[str, Span]
    critical: tuple[str, ...]
    total_ms: float
    serial_ms: float

    @property
    def saved_ms(self) -> float:
        return max(0.0, self.serial_ms - self.total_ms)

    def to_json(self) -> dict[str, Any]:
        return {
            "spans": {key: [round(ms, 1) for ms in span] for key, span in self.spans.items()},
            "critical": list(self.critical),
            "total_ms": round(self.total_ms, 1),
            "serial_ms": round(self.serial_ms, 1),
            "saved_ms": round(self.saved_ms, 1),
        }


def foresee(plan: Plan, durations: Mapping[str, float]) -> Schedule:
    """The schedule if each call takes so many ms; one without a number takes none."""
    spans: dict[str, Span] = {}
    for stage in plan.stages:
        for key in stage:
            begin = max((spans[one.on][1] for one in plan.waits_for(key)), default=0.0)
            spans[key] = begin, begin + durations.get(key, 0.0)
    return measure(plan, spans)


def measure(plan: Plan, spans: Mapping[str, Span]) -> Schedule:
    """The schedule as it was. Calls without a span did not run."""
    first = min((begin for begin, _ in spans.values()), default=0.0)
    last = max((end for _, end in spans.values()), default=0.0)
    serial = sum(end - begin for begin, end in spans.values())
    return Schedule(dict(spans), _find_critical(plan, spans), last - first, serial)


def _find_critical(plan: Plan, spans: Mapping[str, Span]) -> tuple[str, ...]:
    """Back from the call that ended last, each time to the one that was waited for longest. Of
    those that ended at once it is the one of the latest stage: it waited for others."""
    stages = {key: number for number, stage in enumerate(plan.stages) for key in stage}
    path: list[str] = []
    waited = list(spans)
    while waited:
        path.append(max(waited, key=lambda key: (spans[key][1], stages[key])))
        waited = [one.on for one in plan.waits_for(path[-1]) if one.on in spans]
    return tuple(reversed(path))
