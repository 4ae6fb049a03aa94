"""Answering the calls of a run: by hand, fixed, sampled, recorded, or by executing them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from console.lib.threads import in_thread
from conversations import answers, executions, recording
from conversations.executing import Emit, Executing, Setting, result_of
from conversations.models import Run
from conversations.recording import Result
from conversations.rounds import Body, Judged, Round
from conversations.run_rows import Plan as Rows
from conversations.runs import Order
from tools_registry.validation.findings import VerdictValue


class Answering:
    """The answers of one run; ``emit`` appends events to its log. ``verdicts`` are those of the
    calls that were executed."""

    def __init__(self, order: Order, emit: Emit) -> None:
        self._order, self._emit = order, emit
        self._round: _Round | None = None
        self.verdicts: list[VerdictValue] = []

    def take(self, command: Body) -> None:
        """What a person does about the calls that wait; it means nothing to any other."""
        if self._round is not None:
            self._round.take(command)

    async def answer_all(self, told: Round, turn: UUID, rows: Rows) -> dict[int, str]:
        """The contents by call index, once every call of the turn is answered."""
        self._round = _Round(self._order, self._emit, told, turn, rows)
        try:
            contents = await self._round.answer_all()
        finally:
            self.verdicts += self._round.verdicts
            self._round = None
        return {judged.call.index: contents[judged.key] for judged in _ours(told)}


class _Round:
    """The answers of one round."""

    def __init__(self, order: Order, emit: Emit, told: Round, turn: UUID, rows: Rows) -> None:
        self._order, self._emit, self._told, self._turn, self._rows = order, emit, told, turn, rows
        self._ours = {judged.key: judged for judged in _ours(told)}
        self._positions = {judged.key: place for place, judged in enumerate(told.judged)}
        loop = asyncio.get_running_loop()
        self._results: dict[str, asyncio.Future[Result]] = {
            key: loop.create_future() for key in self._ours
        }
        self._by_hand: set[str] = set()
        self._paused: list[str] = []
        self._waiting: set[str] = set()
        self.verdicts: list[VerdictValue] = []
        setting = Setting(
            order=order,
            offered=rows.offered,
            conversation=str(rows.conversation),
            number=told.number,
            results=self._results,
            emit=emit,
            land=self._land,
            waiting=self._wait_for_person,
        )
        self._executing = Executing(setting, list(self._ours.values()))

    async def answer_all(self) -> dict[str, str]:
        modes = {key: self._mode(judged) for key, judged in self._ours.items()}
        executed = [key for key, mode in modes.items() if mode == "execute"]
        if executed or self._executing.executable:
            self._executing.tell_plan()
        self._paused = executed if self._executing.pauses(executed) else []
        hand = [key for key, mode in modes.items() if mode == "hand"]
        self._by_hand = {*hand, *self._paused}
        if self._by_hand:
            self._waiting |= self._by_hand
            await in_thread(set_status)(self._order.run, "waiting")
        try:
            async with asyncio.TaskGroup() as tasks:
                for key, mode in modes.items():
                    if key in self._by_hand:
                        tasks.create_task(self._wait_for_hand(key))
                    elif mode != "execute":
                        tasks.create_task(self._answer(key, mode))
                self._executing.begin([key for key in executed if key not in self._by_hand])
                results = await asyncio.gather(*self._results.values())
        finally:
            await self._executing.stop()
        return {key: one.content for key, one in zip(self._results, results, strict=True)}

    def take(self, command: Body) -> None:
        match command.get("type"):
            case "answer":
                self._take_answer(command)
            case "execute":
                wanted = set(command.get("calls") or ()) & self._by_hand
                executable = set(self._executing.executable)
                # What no tool can be asked for is refused along with the others.
                refused = set(self._paused) - executable if wanted & executable else set()
                keys = wanted & executable | refused
                self._executing.begin([key for key in keys if not self._results[key].done()])
            case "plan" if command.get("round") == self._told.number:
                self._executing.change(command)
            case "confirm":
                self._executing.confirm(command)

    def _take_answer(self, command: Body) -> None:
        key = str(command.get("call"))
        result = self._results.get(key)
        if key in self._by_hand - self._executing.begun and result and not result.done():
            content, error = str(command.get("content", "")), bool(command.get("error"))
            result.set_result(Result(content, "hand", error=error))

    def _mode(self, judged: Judged) -> str:
        found = self._order.checked.body.answers.get(judged.call.name)
        return found.mode if found else "hand"

    def _place(self, key: str) -> Body:
        return {"round": self._told.number, "key": key}

    # Who answers.

    async def _wait_for_hand(self, key: str) -> None:
        at = time.monotonic()
        async with self._wait_for_person(key):
            self._emit([{"type": "call.waiting", **self._place(key)}])
            # Shielded: what cancels the waiting does not answer the call.
            result = await asyncio.shield(self._results[key])
        if result.answered_by == "hand":
            await self._keep(key, result, at)

    async def _answer(self, key: str, mode: str) -> None:
        at = time.monotonic()
        self._emit([{"type": "call.executing", **self._place(key), "mode": mode}])
        found = await self._find_answer(self._ours[key], mode)
        result = Result(found.content, found.answered_by, error=found.error)
        await self._keep(key, result, at, found.note)
        self._results[key].set_result(result)

    async def _find_answer(self, judged: Judged, mode: str) -> answers.Found:
        call = judged.call
        match mode:
            case "fixed":
                return answers.fixed(self._order.checked.body.answers[call.name].content)
            case "sample":
                spec = self._rows.offered.specs.get(call.name)
                seed = self._order.checked.body.trial * 1000 + call.index
                return answers.sampled(spec.output_schema if spec else None, seed=seed)
            case _:
                find = in_thread(answers.recorded)
                return await find(self._order.project, call.name, call.arguments)

    async def _keep(self, key: str, result: Result, at: float, note: str = "") -> None:
        latency = round((time.monotonic() - at) * 1000, 1)
        result = Result(result.content, result.answered_by, result.error, latency)
        await in_thread(recording.store_result)(self._turn, self._positions[key], result)
        self._emit([{"type": "call.result", **self._place(key), **result_body(result, note)}])

    async def _land(self, key: str, outcome: Body) -> None:
        """Keep what became of an executed call, tell it, and let the round go on."""
        waits = executions.tell_waits(self._executing.plan.waits_for(key), self._positions)
        store = in_thread(executions.store_execution)
        verdict, layers = await store(self._turn, self._positions[key], outcome, waits)
        self.verdicts.append(verdict)
        result = result_of(outcome)
        more = {"verdict": verdict, "layers": layers}
        body = {**outcome, **result_body(result), **more}
        self._emit([{"type": "call.result", **self._place(key), **body}])
        if not self._results[key].done():
            self._results[key].set_result(result)

    @asynccontextmanager
    async def _wait_for_person(self, key: str) -> AsyncIterator[None]:
        """The run is told to wait as long as any of its calls does."""
        is_first = not self._waiting
        self._waiting.add(key)
        if is_first:
            await in_thread(set_status)(self._order.run, "waiting")
        try:
            yield
        finally:
            self._waiting.discard(key)
            if not self._waiting:
                await in_thread(set_status)(self._order.run, "running")


def _ours(told: Round) -> list[Judged]:
    return [judged for judged in told.judged if judged.choice == 0]


def result_body(result: Result, note: str = "") -> Body:
    body: Body = {
        "content": result.content,
        "error": result.error,
        "answered_by": result.answered_by,
        "latency_ms": result.latency_ms,
    }
    return body | ({"note": note} if note else {})


def set_status(run: UUID, status: str) -> None:
    Run.objects.filter(pk=run, finished_at=None).update(status=status)
