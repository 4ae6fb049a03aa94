"""Answering the calls of a run: by hand, fixed, sampled or recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from uuid import UUID

from console.lib.threads import in_thread
from conversations import answers, recording
from conversations.models import Run
from conversations.rounds import Body, Judged, Offered, Round
from conversations.runs import Order


class Answering:
    """The answers of one run; ``emit`` appends events to its log."""

    def __init__(self, order: Order, emit: Callable[[Iterable[Body]], None]) -> None:
        self._order, self._emit = order, emit
        self._waiting: dict[str, asyncio.Future[recording.Result]] = {}

    def take(self, command: Body) -> None:
        """An answer by hand; one to a call that waits for none is passed over."""
        waiting = self._waiting.get(str(command.get("call")))
        if waiting is not None and not waiting.done():
            content, error = str(command.get("content", "")), bool(command.get("error"))
            waiting.set_result(recording.Result(content, "hand", error=error))

    async def answer_all(self, told: Round, turn: UUID, offered: Offered) -> dict[int, str]:
        """The contents by call index, once every call of the turn is answered."""
        ours = [(n, judged) for n, judged in enumerate(told.judged) if judged.choice == 0]
        by_hand = [judged for _, judged in ours if self._mode(judged) == "hand"]
        if by_hand:
            await in_thread(set_status)(self._order.run, "waiting")
        answered = await asyncio.gather(
            *(self._answer(turn, position, judged, offered) for position, judged in ours)
        )
        if by_hand:
            await in_thread(set_status)(self._order.run, "running")
        return {
            judged.call.index: content for (_, judged), content in zip(ours, answered, strict=True)
        }

    def _mode(self, judged: Judged) -> str:
        found = self._order.checked.body.answers.get(judged.call.name)
        return found.mode if found else "hand"

    async def _answer(self, turn: UUID, position: int, judged: Judged, offered: Offered) -> str:
        at, place = time.monotonic(), {"round": int(judged.key.split(".")[0]), "key": judged.key}
        mode, note = self._mode(judged), ""
        if mode == "hand":
            result = await self._wait_for_hand(judged, place)
        else:
            self._emit([{"type": "call.executing", **place, "mode": mode}])
            found = await self._find_answer(judged, mode, offered)
            note = found.note
            result = recording.Result(found.content, found.answered_by, error=found.error)
        latency = round((time.monotonic() - at) * 1000, 1)
        result = recording.Result(result.content, result.answered_by, result.error, latency)
        await in_thread(recording.store_result)(turn, position, result)
        self._emit([{"type": "call.result", **place, **result_body(result, note)}])
        return result.content

    async def _wait_for_hand(self, judged: Judged, place: Body) -> recording.Result:
        waiting: asyncio.Future[recording.Result] = asyncio.get_running_loop().create_future()
        self._waiting[judged.key] = waiting
        self._emit([{"type": "call.waiting", **place}])
        try:
            return await waiting
        finally:
            del self._waiting[judged.key]

    async def _find_answer(self, judged: Judged, mode: str, offered: Offered) -> answers.Found:
        call = judged.call
        match mode:
            case "fixed":
                return answers.fixed(self._order.checked.body.answers[call.name].content)
            case "sample":
                spec = offered.specs.get(call.name)
                seed = self._order.checked.body.trial * 1000 + call.index
                return answers.sampled(spec.output_schema if spec else None, seed=seed)
            case _:
                find = in_thread(answers.recorded)
                return await find(self._order.project, call.name, call.arguments)


def result_body(result: recording.Result, note: str = "") -> Body:
    body: Body = {
        "content": result.content,
        "error": result.error,
        "answered_by": result.answered_by,
        "latency_ms": result.latency_ms,
    }
    return body | ({"note": note} if note else {})


def set_status(run: UUID, status: str) -> None:
    Run.objects.filter(pk=run, finished_at=None).update(status=status)
