"""The plan of a stored turn's calls, and when they ran: as it was for those that were executed,
else as it would be from the latencies that were logged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from console.lib import json
from conversations.executions import waits_of
from conversations.models import ToolCall
from conversations.rounds import Body
from tools_registry.execution.plan import Dependency, Plan, Step, make_plan
from tools_registry.execution.schedule import Schedule, Span, foresee, measure
from tools_registry.validation import CompiledPolicy
from tools_registry.validation.syntax import NOTHING, read_arguments

Policies = Mapping[str, CompiledPolicy]
KeyOf = Callable[[int], str]


@dataclass(frozen=True)
class TurnPlan:
    """``is_foreseen`` says that the schedule is no record: each call takes its logged latency and
    begins as soon as the plan lets it. It is None where no latency is known."""

    plan: Plan
    schedule: Schedule | None
    is_foreseen: bool
    notes: Mapping[str, str]

    def to_json(self) -> Body:
        return {
            "plan": self.plan.to_json(),
            "schedule": self.schedule.to_json() if self.schedule else None,
            "foreseen": self.is_foreseen,
            "notes": dict(self.notes),
        }


def plan_of(rows: Sequence[ToolCall], policies: Policies, key_of: KeyOf = str) -> TurnPlan:
    """The plan of a turn's calls, by their positions; ``rows`` in that order."""
    steps = [_step_of(row, policies, key_of) for row in rows]
    executed = [row for row in rows if row.execution]
    notes = {key_of(row.position): _note(row) for row in rows}
    if not executed:
        plan = make_plan(steps)
        took = {key_of(row.position): row.latency_ms for row in rows if row.latency_ms is not None}
        return TurnPlan(plan, foresee(plan, took) if took else None, True, notes)
    kept = [_read(one, row, key_of) for row in executed for one in waits_of(row)]
    plan = Plan(tuple(steps), tuple(kept))
    spans = {key_of(row.position): span for row in executed if (span := _span(row))}
    return TurnPlan(plan, measure(plan, spans) if spans else None, False, notes)


def _step_of(row: ToolCall, policies: Policies, key_of: KeyOf) -> Step:
    value, _ = read_arguments(row.arguments)
    version, policy = row.tool_version, policies.get(row.name)
    return Step(
        key_of(row.position),
        row.name,
        {} if value is NOTHING else value,
        version.spec if version else None,
        policy.spec if policy else None,
        version.number if version else None,
    )


def _read(one: Body, row: ToolCall, key_of: KeyOf) -> Dependency:
    return Dependency(key_of(row.position), key_of(one["on"]), one["kind"], one["reason"])


def _span(row: ToolCall) -> Span | None:
    kept = json.load(row.execution)
    return (kept["begin_ms"], kept["end_ms"]) if {"begin_ms", "end_ms"} <= kept.keys() else None


def _note(row: ToolCall) -> str:
    """What became of a call, in a word or two; "" where it was answered as usual."""
    if row.cached:
        return "from the cache"
    code = next((one.code for one in row.found if one.layer == "execution"), "")
    return code or (row.status if row.status not in ("", "ok") else "")
