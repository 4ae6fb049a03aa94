"""What the outside is told of executed calls: a span each, counts, and CloudWatch's metrics.

Nothing of arguments or results is told.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from console.accounts.models import Project
from console.lib import env, tracing
from console.lib.threads import in_thread
from tools_registry.execution import counting
from tools_registry.execution.caller import Caller
from tools_registry.execution.metric_format import write_line
from tools_registry.execution.outcomes import Outcome
from tools_registry.execution.plan import Plan


@contextmanager
def watching_turn(plan: Plan, caller: Caller) -> Iterator[None]:
    """A span around a turn's calls, the parent of theirs."""
    told: dict[str, str | int] = {"misfire.project": caller.project}
    told["misfire.calls"] = len(plan.steps)
    if caller.conversation:
        told["gen_ai.conversation.id"] = caller.conversation
    with tracing.span("execute turn") as span:
        span.set_attributes(told)
        yield


async def report(
    plan: Plan, caller: Caller, outcomes: Mapping[str, Outcome], began_ns: int
) -> None:
    """Tell of the calls that have ended; ``began_ns`` is when the plan began, since 1970.

    Only tools that something executes are counted: others may be names that a model made up.
    """
    for outcome in outcomes.values():
        _record_span(outcome, began_ns)
    runs = {step.key for step in plan.steps if step.policy and step.policy.execution.runs}
    counted = [outcome for key, outcome in outcomes.items() if key in runs]
    if not counted:
        return
    await counting.count(caller.project, counted)
    if env.flag("EXECUTION_EMF", default=False):
        project = await in_thread(_slug_of)(caller.project)
        for outcome in counted:
            print(write_line(project, outcome, time.time_ns() // 1_000_000), flush=True)


def _record_span(outcome: Outcome, began_ns: int) -> None:
    """By OpenTelemetry's conventions for GenAI: an ``execute_tool`` span.
    https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/#execute-tool-span"""
    begin, end = outcome.span or (0.0, 0.0)
    told: dict[str, str | int | bool] = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": outcome.name,
        "gen_ai.tool.call.id": outcome.key,
        "misfire.status": outcome.status,
        "misfire.executor": outcome.executor,
        "misfire.attempts": outcome.attempts,
        "misfire.cached": outcome.hit is not None,
    }
    failed = outcome.findings[0].code if outcome.findings and outcome.status != "ok" else ""
    times = began_ns + round(begin * 1e6), began_ns + round(end * 1e6)
    tracing.record(f"execute_tool {outcome.name}", *times, told, error=failed)


@functools.lru_cache(maxsize=1024)
def _slug_of(project: int) -> str:
    return Project.objects.filter(pk=project).values_list("slug", flat=True).first() or "-"
