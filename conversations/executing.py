"""Executing the calls of a round: their plan, what is told while they run, and whom a person
lets run. docs/protocol.md describes the commands and events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from console.lib import json
from console.lib.threads import in_thread
from conversations import answers
from conversations.executions import EXECUTED
from conversations.recording import Result
from conversations.rounds import Body, Judged, Offered
from conversations.runs import Order
from tools_registry.execution import confirmation
from tools_registry.execution.caller import Caller, Proposal
from tools_registry.execution.effects import is_destructive
from tools_registry.execution.hosts import hosts_of
from tools_registry.execution.outcomes import Event, Outcome, tell_error
from tools_registry.execution.plan import BadPlan, Step, make_plan
from tools_registry.execution.runner import execute
from tools_registry.execution.schedule import Span, measure
from tools_registry.validation.findings import Finding
from tools_registry.validation.syntax import NOTHING, read_arguments

Emit = Callable[[Iterable[Body]], None]
Waiting = Callable[[str], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Setting:
    """What executing a round's calls needs of its run.

    ``results`` are those of all the round's calls, once they are there; ``land`` keeps the JSON
    of an outcome and puts its result there; within ``waiting`` the run waits for a person.
    """

    order: Order
    offered: Offered
    conversation: str
    number: int
    results: Mapping[str, asyncio.Future[Result]]
    emit: Emit
    land: Callable[[str, Body], Awaitable[None]]
    waiting: Waiting


class Executing:
    """The plan of one round's calls, and what of it runs."""

    def __init__(self, setting: Setting, judged: Sequence[Judged]) -> None:
        self._setting, self._judged = setting, {one.key: one for one in judged}
        self.plan = make_plan([_step_of(one, setting.offered) for one in judged])
        self.begun: set[str] = set()
        self._spans: dict[str, Span] = {}
        self._held: dict[str, asyncio.Future[tuple[bool, str]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._landing = asyncio.Lock()
        self._first: float | None = None

    @property
    def executable(self) -> list[str]:
        """The calls that a tool can be asked for."""
        return [key for key in self._judged if self._has_executor(key) and not self._refusal(key)]

    def _has_executor(self, key: str) -> bool:
        policy = self.plan.by_key[key].policy
        return bool(policy and policy.execution.runs)

    def _refusal(self, key: str) -> Finding | None:
        """Why a call may not be executed. A missing confirmation is asked of the person."""
        found = self._judged[key].verdict.findings
        grave = (one for one in found if one.severity == "rejected")
        return next((one for one in grave if one.code != "confirmation_missing"), None)

    def pauses(self, keys: Sequence[str]) -> bool:
        """Whether a person is to see the plan, and may change it, before these calls run.

        Unless the run says so, where the plan has several calls and a destructive one of them
        would run; a single one asks anyway.
        """
        if not keys or (asked := self._setting.order.checked.body.pause) is False:
            return False
        steps = [self.plan.by_key[key] for key in keys if key in self.executable]
        has_destructive = any(is_destructive(step.spec, step.policy) for step in steps)
        return bool(steps) and (asked or (len(self._judged) > 1 and has_destructive))

    # The plan.

    def tell_plan(self, refused: str = "") -> None:
        body = {"plan": self.plan.to_json(), "executable": self.executable}
        self._say("calls.planned", **body, **({"refused": refused} if refused else {}))

    def change(self, command: Body) -> None:
        """Change the plan as a person wants it, or say why not."""
        refused = ""
        if self.begun:
            refused = "The calls run already: their plan stays as it is."
        else:
            try:
                self.plan = self.plan.change(
                    remove=_pairs(command.get("remove")), add=_pairs(command.get("add"))
                )
            except BadPlan as error:
                refused = f"{error}."
        self.tell_plan(refused)

    # Running.

    def begin(self, keys: Iterable[str]) -> None:
        """Execute these calls, as the plan has it; those that run already are passed over."""
        fresh = [key for key in self._judged if key in set(keys) - self.begun]
        if fresh:
            self.begun |= set(fresh)
            task = asyncio.create_task(self._run(fresh), name="executing calls")
            self._tasks.add(task)

    async def stop(self) -> None:
        """End what runs; what it brought until then is kept."""
        self._stop.set()
        for held in self._held.values():
            held.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        for task in self._tasks:
            task.cancel()

    async def _run(self, keys: list[str]) -> None:
        setting, landing = self._setting, []
        for key in keys:
            self._step(key, "queued", 0.0)
        try:
            done = await self._find_done(keys)
            begun = time.monotonic()
            self._first = begun if self._first is None else self._first
            offset = (begun - self._first) * 1000

            def hear(event: Event) -> None:
                if event.type != "finished":
                    self._step(event.key, event.type, event.at + offset, **event.detail)
                    return
                told = self._told(event.key, event.detail["outcome"], offset)
                landing.append(asyncio.ensure_future(self._land(event.key, told)))

            caller = await self._caller()
            await execute(self.plan, caller, hear, done=done, stop=self._stop)
            await asyncio.gather(*landing)
            schedule = measure(self.plan, self._spans).to_json()
            self._say("calls.executed", schedule=schedule)
        except Exception as error:
            for key in keys:
                future = setting.results[key]
                if not future.done():
                    future.set_exception(error)

    async def _land(self, key: str, told: Body) -> None:
        """Keep an outcome: one after the other, in the order in which the calls ended."""
        async with self._landing:
            await self._setting.land(key, told)

    def _told(self, key: str, outcome: Body, offset: float) -> Body:
        """The outcome with times since the first call of the round began."""
        told = {name: value for name, value in outcome.items() if name not in ("call", "name")}
        if told.get("arguments") != self.plan.by_key[key].arguments:
            told["sent"] = told.get("arguments")
        told.pop("arguments", None)
        if "begin_ms" in told and "end_ms" in told:
            told["begin_ms"] = round(told["begin_ms"] + offset, 1)
            told["end_ms"] = round(told["end_ms"] + offset, 1)
            self._spans[key] = told["begin_ms"], told["end_ms"]
        return told

    async def _find_done(self, keys: list[str]) -> dict[str, Outcome]:
        """The outcomes of the calls that are not to be executed now.

        Those that an executed one waits for are waited for; the others count as not run.
        """
        needed = {one.on for one in self.plan.dependencies if one.key in keys} - set(keys)
        done: dict[str, Outcome] = {}
        for key, step in self.plan.by_key.items():
            if refusal := self._refusal(key) if key in keys else None:
                done[key] = await self._refuse(step, refusal)
            elif key in needed:
                done[key] = _outcome_of(step, await asyncio.shield(self._setting.results[key]))
            elif key not in keys:
                future = self._setting.results[key]
                known = future.done() and not future.cancelled() and not future.exception()
                done[key] = _outcome_of(step, future.result()) if known else _not_run(step)
        return done

    async def _refuse(self, step: Step, finding: Finding) -> Outcome:
        content = tell_error(f"The call was not executed: {finding.message}", finding.code)
        await self._setting.land(step.key, {"status": "refused", "content": content})
        return Outcome(step.key, step.name, "refused", content)

    async def _caller(self) -> Caller:
        order = self._setting.order
        return Caller(
            project=order.project.pk,
            user=order.user.email,
            conversation=self._setting.conversation,
            hosts=await in_thread(hosts_of)(order.project.pk),
            recorded=self._find_recorded,
            confirm=self._confirm,
            seed=order.checked.body.trial * 1000,
        )

    async def _find_recorded(self, name: str, arguments: Mapping[str, Any]) -> str | None:
        find = in_thread(answers.recorded)
        found = await find(self._setting.order.project, name, json.dump(dict(arguments)))
        return None if found.error else found.content

    # A person's word.

    def confirm(self, command: Body) -> None:
        """What a person says to a destructive call; to one that is not held it means nothing."""
        held = self._held.get(str(command.get("call")))
        if held is not None and not held.done():
            held.set_result((command.get("agree") is True, str(command.get("by", ""))))

    async def _confirm(self, proposal: Proposal) -> str | None:
        held: asyncio.Future[tuple[bool, str]] = asyncio.get_running_loop().create_future()
        self._held[proposal.key] = held
        try:
            async with self._setting.waiting(proposal.key):
                agreed, by = await held
        finally:
            del self._held[proposal.key]
        self._step(proposal.key, "agreed" if agreed else "declined", by=by)
        return confirmation.confirm(proposal.subject) if agreed else None

    # Events.

    def _step(self, key: str, step: str, ms: float | None = None, **more: Any) -> None:
        body = {"key": key, "mode": "execute", "step": step}
        times = {} if ms is None else {"ms": round(ms, 1)}
        self._say("call.executing", **body, **times, **more)

    def _say(self, kind: str, **more: Any) -> None:
        self._setting.emit([{"type": kind, "round": self._setting.number, **more}])


def _step_of(judged: Judged, offered: Offered) -> Step:
    call = judged.call
    value, _ = read_arguments(call.arguments)
    policy, version = offered.policies.get(call.name), offered.versions.get(call.name)
    return Step(
        judged.key,
        call.name,
        {} if value is NOTHING else value,
        offered.specs.get(call.name),
        policy.spec if policy else None,
        version[1] if version else None,
    )


def _pairs(given: Any) -> list[tuple[str, str]]:
    """Pairs of who waits and for whom, as a command has them."""
    pairs = given if isinstance(given, list) else []
    return [(str(pair[0]), str(pair[1])) for pair in pairs if isinstance(pair, list) and pair[1:]]


def _outcome_of(step: Step, result: Result) -> Outcome:
    try:
        value = json.load(result.content)
    except (ValueError, RecursionError):
        value = result.content
    status = "error" if result.error else "ok"
    return Outcome(step.key, step.name, status, result.content, value)  # type: ignore[arg-type]


def _not_run(step: Step) -> Outcome:
    return Outcome(step.key, step.name, "skipped", "")


def result_of(told: Body) -> Result:
    """The result that an executed call's model is given."""
    begin, end = told.get("begin_ms"), told.get("end_ms")
    latency = None if begin is None or end is None else round(end - begin, 1)
    return Result(told["content"], EXECUTED, told["status"] != "ok", latency)
