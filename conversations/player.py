"""Plays one run: every event goes to the run's log (``live``), every round is stored as a turn
(``recording``). This is the one caller that catches ``ProviderFault``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx2
from django.utils import timezone

from console.lib import json
from console.lib.threads import in_thread
from conversations import history, live, prices, recording, run_rows
from conversations.answering import Answering
from conversations.call_context import context_of
from conversations.models import Run
from conversations.parts import Usage
from conversations.price_overrides import read_overrides
from conversations.providers import Ask, Exchange, ProviderFault, faults, load
from conversations.rounds import Body, Round
from conversations.run_log import Entry, Raw
from conversations.run_rows import Plan
from conversations.runs import Order
from tools_registry.validation.findings import VerdictValue, worst

HEAD_START = 0.005
"""Seconds that a request has to itself."""
_WEIGHT: list[VerdictValue] = ["accepted", "flagged", "rejected"]
_log = logging.getLogger(__name__)


class Stopped(Exception):
    """The run was asked to end: ``status`` is cancelled or interrupted."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class Player:
    """Plays one run: rounds of a model call and its answers.

    The rows are made while the model is asked, so that storing does not delay the answer.
    """

    plan: Plan

    def __init__(self, order: Order, hub: live.Hub, client: httpx2.AsyncClient) -> None:
        self.order, self.hub, self.client = order, hub, client
        self.body = order.checked.body
        self.seq = 0
        self._run = str(order.run)
        self._bare = 0
        self._turns = 0
        self._verdicts: list[VerdictValue] = []
        self._stopping: str | None = None
        self._commands = hub.claim(order.run)
        self._answering = Answering(order, self.emit)
        self._work: asyncio.Task[None] | None = None
        self.task = asyncio.create_task(self._play(), name=f"run {order.run}")

    # Control.

    def stop(self, status: str) -> None:
        """End the run at once; what had arrived is kept."""
        if self._stopping is None:
            self._stopping = status
            if self._work is not None:
                self._work.cancel()

    async def _listen(self) -> None:
        while True:
            command = await self._commands.get()
            if command.get("type") == "cancel":
                self.stop("cancelled")
            else:
                self._answering.take(command)

    # Events.

    def emit(self, bodies: Iterable[Body], raw: Raw | None = None) -> None:
        """Append events to the log, and what they came from."""
        at = round((time.monotonic() - self.order.begun) * 1000, 1)
        events = []
        for body in bodies:
            self.seq += 1
            head = {"type": body["type"], "run": self._run, "seq": self.seq, "at": at}
            events.append(json.dump_bytes(head | body))
        if events or raw:
            self._bare = 0 if events else self._bare + 1
            self.hub.append(self._run, self._bare, Entry(self.seq, events), raw)

    # The run.

    async def _play(self) -> None:
        listening = asyncio.create_task(self._listen())
        self._work = asyncio.create_task(self._rounds())
        if self._stopping:
            self._work.cancel()
        try:
            await self._end(await self._outcome(self._work))
        except Exception:
            _log.exception("run %s could not be closed", self.order.run)
        finally:
            listening.cancel()
            self.hub.release(self.order.run)
            await self.hub.flush()

    async def _outcome(self, work: asyncio.Task[None]) -> ProviderFault | Stopped | None:
        try:
            await work
        except asyncio.CancelledError:
            return Stopped(self._stopping or "interrupted")
        except (ProviderFault, Stopped) as ended:
            return ended
        except Exception as error:
            _log.exception("run %s failed", self.order.run)
            return ProviderFault(
                "internal", f"Misfire itself failed: {type(error).__name__}. See the server's log."
            )
        return None

    async def _end(self, outcome: ProviderFault | Stopped | None) -> None:
        body: Body
        verdict = _worst([*self._verdicts, *self._answering.verdicts])
        match outcome:
            case None:
                status = "finished"
                body = {"type": "run.finished", "status": status}
            case Stopped(status="cancelled"):
                status = "cancelled"
                body = {"type": "run.finished", "status": status}
            case Stopped():
                status = "interrupted"
                body = {"type": "run.failed", **interrupted().to_json(), "status": status}
            case ProviderFault():
                status = "failed"
                body = {"type": "run.failed", **outcome.to_json(), "status": status}
        body |= {"verdict": verdict, "turns": self._turns}
        error = json.dump(outcome.to_json()) if isinstance(outcome, ProviderFault) else ""
        try:
            await in_thread(finish_run)(self.order.run, status, verdict, error, self.seq + 1)
        finally:
            self.emit([body])

    async def _rounds(self) -> None:
        messages, parent = list(self.order.ask.messages), None
        for number in range(1, self.body.max_rounds + 1):
            told, turn = await self._ask(number, messages, parent)
            if not any(judged.choice == 0 for judged in told.judged):
                return
            if number == self.body.max_rounds:
                return
            contents = await self._answering.answer_all(told, turn, self.plan)
            parent = recording.Parent(turn, len(messages))
            messages = [
                *messages,
                recording.reply_of(told.answer, number),
                *recording.results_of(told.answer, number, contents),
            ]

    async def _make_rows(self, asked: recording.Asked | None, exchange: Exchange | None) -> None:
        """The rows of the run and of its first turn; none of a turn that cannot be asked."""

        async def make() -> Plan:
            if exchange is not None:
                # Making rows takes the processor: the request goes out before.
                await exchange.settle(HEAD_START)
            return await in_thread(run_rows.create)(self.order, asked)

        making = asyncio.ensure_future(make())
        try:
            self.plan = plan = await asyncio.shield(making)
        except asyncio.CancelledError:
            await making
            raise
        self.emit([history.started(plan.row, self.body, plan.offered, self.order.ref)])

    async def _send(self, ask: Ask, number: int) -> Exchange:
        """The exchange of a model call, on its way."""
        try:
            endpoint = self.order.endpoint
            exchange = load(self.order.connection.protocol)(endpoint, self.client).ask(ask)
        except ProviderFault:
            if number == 1:
                await self._make_rows(None, None)
            raise
        exchange.begin()
        return exchange

    async def _store(
        self, exchange: Exchange, asked: recording.Asked, parent: recording.Parent | None
    ) -> Awaitable[None] | None:
        """Store the request; of a later round, while the answer comes."""
        if parent is None:
            await self._make_rows(asked, exchange)
            return None
        plan = self.plan
        start = recording.TurnStart(
            self.order.project,
            plan.conversation,
            self.order.connection,
            asked,
            plan.toolset,
            parent,
        )
        return asyncio.ensure_future(in_thread(recording.begin_turn)(start))

    # One model call.

    async def _ask(
        self, number: int, messages: list[Any], parent: recording.Parent | None
    ) -> tuple[Round, UUID]:
        first = self.order.ask
        choice = first.tool_choice if number == 1 else _after_first(first.tool_choice)
        ask = replace(first, messages=messages, tool_choice=choice)
        at = datetime.now(UTC)
        exchange = await self._send(ask, number)
        asked = recording.Asked(recording.turn_key(self.order.run, number), at, ask, exchange.wire)
        try:
            storing = await self._store(exchange, asked, parent)
        except BaseException:
            await exchange.close()
            raise
        turn, offered = asked.turn_of(self.order.project), self.plan.offered.choosing(choice)
        context = context_of(messages, user=self.order.user.email)
        told = Round(number, str(turn), exchange.wire, offered, _pricing(self.order, at), context)
        self._turns += 1
        self.emit(told.begin(), Raw(number, turn=str(turn), request=exchange.request))
        end = recording.TurnEnd(turn, told, "finished", notes=exchange.notes)
        try:
            await self._stream(exchange, told, end)
        except asyncio.CancelledError:
            end.status = self._stopping or "interrupted"
            await self._close_round(exchange, told, end, storing)
            raise Stopped(end.status) from None
        except ProviderFault as fault:
            end.status, end.error = "failed", fault.to_json()
            if fault.body and not end.chunks.count:
                end.chunks.add(exchange.elapsed_ms, fault.body)
            await self._close_round(exchange, told, end, storing)
            raise
        await self._close_round(exchange, told, end, storing)
        return told, turn

    async def _stream(self, exchange: Exchange, told: Round, end: recording.TurnEnd) -> None:
        number = told.number
        async with exchange:
            async for chunk, at in exchange:
                end.chunks.add(at, chunk)
                self.emit(told.feed(chunk, at), Raw(number, chunk, at))
        self.emit(told.finish(exchange.elapsed_ms))
        answer = told.answer
        if answer.error is not None:
            raise faults.of_report(answer.error.code, answer.error.message, exchange.where)
        if not answer.complete:
            raise ProviderFault(
                "cut_stream",
                f"{exchange.where} ended the stream before the answer was complete."
                " What had arrived is kept; run again.",
            )

    async def _close_round(
        self,
        exchange: Exchange,
        told: Round,
        end: recording.TurnEnd,
        storing: Awaitable[None] | None,
    ) -> None:
        if not told.is_finished:
            self.emit(told.finish(exchange.elapsed_ms))
        end.request = exchange.request
        self._verdicts.append(worst(told.all_findings))
        if storing is not None:
            await storing
        await in_thread(recording.finish_turn)(end)
        self.emit(told.close())


def interrupted() -> ProviderFault:
    return ProviderFault(
        "interrupted",
        "The server process that played this run ended. What had arrived is kept; run again.",
        permanent=False,
    )


def finish_run(run: UUID, status: str, verdict: str, error: str, last_seq: int) -> None:
    """Close the run's row."""
    Run.objects.filter(pk=run).update(
        status=status,
        verdict=verdict,
        error=error,
        last_seq=last_seq,
        finished_at=timezone.now(),
    )


def _worst(verdicts: list[VerdictValue]) -> VerdictValue:
    return max(verdicts, key=_WEIGHT.index, default="accepted")


def _after_first(choice: Any) -> Any:
    """A forced call is forced once: forced again after its result it would never end."""
    return "auto" if choice == "required" or isinstance(choice, dict) else choice


def _pricing(order: Order, at: datetime) -> Any:
    def find(usage: Usage) -> prices.Price:
        connection = order.connection
        return prices.price(
            usage,
            model=order.checked.body.model,
            protocol=connection.protocol,
            base_url=connection.base_url,
            at=at,
            overrides=read_overrides(connection.settings),
        )

    return find
