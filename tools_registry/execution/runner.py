"""Runs a plan: each call as soon as those that it waits for are done, within its bounds.

A call goes through these steps, and ends at the first that does not let it on: what it waits
for, its arguments and their verdict, its confirmation, its bounds, the cache, the executor with
its retries.
Whatever happens is an ``Outcome``; nothing is raised but cancellation.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools_registry import canonical
from tools_registry.execution import cache, confirmation, limits, valkey, watching
from tools_registry.execution.arguments import prepare
from tools_registry.execution.attempts import Attempts
from tools_registry.execution.caller import Caller, Proposal
from tools_registry.execution.effects import is_destructive
from tools_registry.execution.executors import Answer, Executor, Fault, Job, load
from tools_registry.execution.outcomes import Event, EventType, Outcome, Status, tell_error
from tools_registry.execution.plan import CARRYING, Plan, Step
from tools_registry.execution.references import Unresolved
from tools_registry.execution.schedule import Schedule, measure
from tools_registry.policies import Change
from tools_registry.policies.execution import Execution
from tools_registry.policies.execution import Executor as Settings
from tools_registry.validation.findings import Finding

_log = logging.getLogger(__name__)
MOST_AT_ONCE = 20
"""Calls of one plan that run at the same time."""


Emit = Callable[[Event], None]


@dataclass(frozen=True)
class Executed:
    """The outcomes of a plan's calls by their keys, in the plan's order."""

    plan: Plan
    outcomes: Mapping[str, Outcome]

    @property
    def schedule(self) -> Schedule:
        """When each call ran, the critical path, and the time saved against one after the other."""
        spans = {key: one.span for key, one in self.outcomes.items() if one.span is not None}
        return measure(self.plan, spans)


async def execute(
    plan: Plan,
    caller: Caller,
    emit: Emit = lambda event: None,
    *,
    done: Mapping[str, Outcome] | None = None,
    stop: asyncio.Event | None = None,
) -> Executed:
    """Run the plan. ``done`` are outcomes of calls that ran before and are not run again; setting
    ``stop`` ends what still runs, with what it brought until then."""
    running = _Running(plan, caller, emit, done or {})
    began_ns = time.time_ns()
    with watching.watching_turn(plan, caller):
        outcomes = await running.all(stop)
        fresh = {key: one for key, one in outcomes.items() if key not in (done or {})}
        await watching.report(plan, caller, fresh, began_ns)
    return Executed(plan, {step.key: outcomes[step.key] for step in plan.steps})


class _Ended(Exception):
    """A call ends here, with this status and findings."""

    def __init__(self, status: Status, *findings: Finding, note: str = "") -> None:
        super().__init__(status)
        self.status, self.findings, self.note = status, findings, note


@dataclass
class _Told:
    """What is known of a call so far."""

    arguments: Any
    changes: tuple[Change, ...] = ()
    begin_ms: float | None = None
    attempts: int = 0
    executor: str = ""
    hit: cache.Hit | None = None
    cost: float | None = None
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def fingerprint(execution: Execution) -> str:
    """What executes a tool, as a hash: a result of other settings is another result."""
    settings = execution.runs
    told = settings.model_dump(mode="json") if settings else {}
    return hashlib.sha256(canonical.dumps(told)).hexdigest()


class _Running:
    def __init__(self, plan: Plan, caller: Caller, emit: Emit, done: Mapping[str, Outcome]) -> None:
        self._plan, self._caller, self._emit = plan, caller, emit
        self._began = time.monotonic()
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._told = {step.key: _Told(step.arguments) for step in plan.steps}
        self._done = {key: one for key, one in done.items() if key in plan.by_key}
        self._tasks: dict[str, asyncio.Task[Outcome]] = {}

    async def all(self, stop: asyncio.Event | None) -> dict[str, Outcome]:
        for stage in self._plan.stages:
            for key in stage:
                if key not in self._done:
                    step = self._plan.by_key[key]
                    self._tasks[key] = asyncio.create_task(self._run(step), name=f"call {key}")
        stopping = asyncio.create_task(stop.wait()) if stop else None
        everything: asyncio.Future[Any] = asyncio.gather(
            *self._tasks.values(), return_exceptions=True
        )
        try:
            waited = [everything, stopping] if stopping else [everything]
            await asyncio.wait(waited, return_when="FIRST_COMPLETED")
        finally:
            await self._end(everything, stopping)
        ended = {key: self._outcome_of(key, task) for key, task in self._tasks.items()}
        return {**self._done, **ended}

    async def _end(
        self, everything: asyncio.Future[Any], stopping: asyncio.Task[Any] | None
    ) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.wait([everything])
        if stopping:
            stopping.cancel()

    def _outcome_of(self, key: str, task: asyncio.Task[Outcome]) -> Outcome:
        if task.cancelled():
            return self._finish(self._plan.by_key[key], "cancelled", "The call was cancelled")
        return task.result()

    def _now(self) -> float:
        return (time.monotonic() - self._began) * 1000

    def _say(self, type: EventType, key: str, **detail: Any) -> None:
        self._emit(Event(type, key, self._now(), detail))

    # One call.

    async def _run(self, step: Step) -> Outcome:
        told = self._told[step.key]
        try:
            before = await self._wait(step)
            told.arguments, told.changes = prepare(self._plan, step, before)
            self._judge(step, told)
            executor, execution = self._find_executor(step, told)
            job = self._make_job(step, told, execution)
            if is_destructive(step.spec, step.policy):
                await self._confirm(step, executor, job)
            async with self._room:
                told.begin_ms = self._now()
                await self._bound(step, told, execution)
                answer = await self._fetch(step, told, executor, execution, job)
        except _Ended as ended:
            told.findings += ended.findings
            told.notes += [ended.note] if ended.note else []
            message = "; ".join(one.message for one in ended.findings) or ended.note
            return self._finish(step, ended.status, message)
        except Fault as fault:
            return self._fail(step, fault.message, fault.code, **fault.detail)
        except Unresolved as error:
            return self._fail(step, f"{step.name} cannot be called: {error}", plan=True)
        except Exception as error:
            _log.exception("the call of %s could not be executed", step.name)
            message = f"Misfire itself failed: {type(error).__name__}. See the server's log."
            return self._fail(step, message, internal=True)
        told.notes += [answer.note] if answer.note else []
        return self._finish(step, "ok", "", answer)

    async def _wait(self, step: Step) -> dict[str, Outcome]:
        """The outcomes of the calls that it waits for. Raises ``_Ended``."""
        if problem := self._plan.problems.get(step.key):
            raise _Ended("error", Finding("tool_error", problem, detail={"plan": True}))
        found: dict[str, Outcome] = dict(self._done)
        for one in self._plan.waits_for(step.key):
            if one.on not in found:
                # Shielded: the call itself is not ended where one that waits for it is.
                found[one.on] = await asyncio.shield(self._tasks[one.on])
            needed = one.kind in CARRYING or one.kind == "destructive_last"
            if needed and found[one.on].status != "ok":
                name = self._plan.by_key[one.on].name
                raise _Ended(
                    "skipped", note=f"Not run: {name}, which it waits for, brought nothing"
                )
        return found

    def _judge(self, step: Step, told: _Told) -> None:
        """Raises ``_Ended`` for a call that is rejected."""
        if self._caller.judge is None:
            return
        findings = self._caller.judge(step, told.arguments).findings
        if grave := [one for one in findings if one.severity == "rejected"]:
            raise _Ended("refused", *grave)

    def _find_executor(self, step: Step, told: _Told) -> tuple[Executor, Execution]:
        execution = step.policy.execution if step.policy else Execution()
        settings: Settings | None = execution.runs
        if settings is None:
            message = f"{step.name} has no executor: choose one in its policy"
            raise _Ended("error", Finding("tool_error", message, detail={"executor": None}))
        told.executor = settings.kind
        return load(settings), execution

    def _make_job(self, step: Step, told: _Told, execution: Execution) -> Job:
        return Job(
            step.name,
            told.arguments,
            step.spec,
            execution.timeout_of(step.version) / 1000,
            self._caller.hosts,
            self._caller.recorded,
            self._caller.seed + list(self._plan.by_key).index(step.key),
            self._caller.project,
        )

    async def _confirm(self, step: Step, executor: Executor, job: Job) -> None:
        """Have a destructive call confirmed for exactly what would be sent. Raises ``_Ended``."""
        caller = self._caller
        if caller.replaying:
            message = f"{step.name} is destructive and never runs in a replay"
            finding = Finding("confirmation_missing", message, detail={"replaying": True})
            raise _Ended("held", finding)
        subject = confirmation.Subject(caller.project, caller.user, step.identity, job.arguments)
        proposal = Proposal(step.key, step.name, executor.preview(job), subject)
        self._say("held", step.key, name=step.name, preview=proposal.preview.to_json())
        token = await caller.confirm(proposal) if caller.confirm else None
        try:
            await confirmation.spend(token, subject)
        except confirmation.Unconfirmed as error:
            message = f"{step.name} is destructive and was not run: {error}"
            raise _Ended("held", Finding("confirmation_missing", message)) from None

    async def _bound(self, step: Step, told: _Told, execution: Execution) -> None:
        """Count the call against its rate and budget. Raises ``_Ended``."""
        if not self._caller.bounded:
            return
        caller = self._caller
        whose = limits.Whose(caller.project, step.name, caller.user, caller.conversation)
        try:
            finding = await limits.admit(whose, execution)
        except valkey.Away:
            told.notes.append("Rate and budget were not checked: Valkey does not answer")
            return
        if finding is not None:
            told.begin_ms = None
            raise _Ended("refused", finding)

    async def _fetch(
        self, step: Step, told: _Told, executor: Executor, execution: Execution, job: Job
    ) -> Answer:
        """The answer from the cache, or of executing. Raises ``Fault`` and ``_Ended``."""

        def tell(attempt: int, wait_ms: float, fault: Fault | None) -> None:
            told.attempts = attempt
            if fault is None:
                self._say("started", step.key, attempt=attempt, executor=told.executor)
            else:
                more = {"code": fault.code, "message": fault.message, "wait_ms": round(wait_ms)}
                self._say("retried", step.key, attempt=attempt, **more)

        attempts = Attempts(step, execution, executor, self._caller.project, tell, told.notes)

        async def run() -> Answer:
            told.cost = execution.cost
            return await attempts.run(job)

        is_reading = not (is_destructive(step.spec, step.policy) or execution.effect == "write")
        if not (self._caller.cached and execution.cache_ttl and is_reading):
            return await run()
        slot = cache.Slot(
            self._caller.project,
            step.name,
            step.identity,
            dict(job.arguments),
            execution.cache_ttl,
            fingerprint(execution),
            attempts.patience_ms,
            execution.cost,
        )
        answer, told.hit = await cache.fetch(slot, run)
        if told.hit is not None:
            told.cost = 0.0
            self._say("cached", step.key, **told.hit.to_json())
        return answer

    def _fail(self, step: Step, message: str, code: str = "tool_error", **detail: Any) -> Outcome:
        self._told[step.key].findings.append(Finding(code, message, detail=detail))
        return self._finish(step, "error", message)

    def _finish(
        self, step: Step, status: Status, message: str, answer: Answer | None = None
    ) -> Outcome:
        told = self._told[step.key]
        code = told.findings[0].code if told.findings else status
        outcome = Outcome(
            key=step.key,
            name=step.name,
            status=status,
            content=answer.text if answer else tell_error(message, code),
            value=answer.value if answer else None,
            arguments=told.arguments,
            findings=tuple(told.findings),
            changes=told.changes,
            begin_ms=told.begin_ms,
            end_ms=None if told.begin_ms is None else self._now(),
            attempts=told.attempts,
            executor=told.executor,
            hit=told.hit,
            cost=told.cost,
            notes=tuple(told.notes),
        )
        self._say("finished", step.key, outcome=outcome.to_json())
        return outcome
