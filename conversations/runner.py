"""A live run: an asyncio task of the web process that started it.

It goes on when nobody watches. Every event goes to the run's log (``live``), every round
is stored as a turn (``recording``). This is the one caller that catches ``ProviderFault``.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
import weakref
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

import httpx2
from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.utils import timezone

from console.lib import http, json
from conversations import answers, history, live, prices, recording, runs
from conversations.models import Run
from conversations.parts import Usage
from conversations.providers import Ask, Exchange, ProviderFault, faults, load
from conversations.rounds import Body, Judged, Round
from conversations.run_log import Entry, Raw
from conversations.runs import Order, Plan
from tools_registry.validation.findings import VerdictValue, worst

_WEIGHT: list[VerdictValue] = ["accepted", "flagged", "rejected"]
P = ParamSpec("P")
T = TypeVar("T")
_log = logging.getLogger(__name__)
_playing: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[UUID, Player]] = (
    weakref.WeakKeyDictionary()
)
_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = (
    weakref.WeakKeyDictionary()
)


def in_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Database work off the event loop, on any thread, which keeps no connection afterwards."""

    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return sync_to_async(call, thread_sensitive=False)


def start(order: Order) -> Player:
    """Play the run in the background of the running event loop."""
    loop = asyncio.get_running_loop()
    players = _playing.get(loop)
    if players is None:
        players = _playing[loop] = {}
        _close_with_server()
    player = Player(order, live.hub(), _client())
    players[order.run] = player
    player.task.add_done_callback(lambda _: players.pop(order.run, None))
    return player


def _client() -> httpx2.AsyncClient:
    loop = asyncio.get_running_loop()
    found = _clients.get(loop)
    if found is None or found.is_closed:
        found = _clients[loop] = http.client()
    return found


async def close() -> None:
    """End this loop's runs as interrupted, with what had arrived, and its connections."""
    loop = asyncio.get_running_loop()
    players = list(_playing.pop(loop, {}).values())
    for player in players:
        player.stop("interrupted")
    if players:
        await asyncio.wait([player.task for player in players], timeout=5)
    await live.hub().close()
    client = _clients.pop(loop, None)
    if client is not None:
        await client.aclose()


def _close_with_server() -> None:
    """Under Daphne: end the runs before the server ends."""
    reactor = sys.modules.get("twisted.internet.reactor")
    if reactor is None or not getattr(reactor, "running", False):
        return
    from twisted.internet.defer import Deferred

    def ending() -> Deferred[None]:
        return Deferred.fromFuture(asyncio.ensure_future(close()))

    reactor.addSystemEventTrigger("before", "shutdown", ending)


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
        self._hand: dict[str, asyncio.Future[recording.Result]] = {}
        self._commands = hub.claim(order.run)
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
            elif command.get("type") == "answer":
                self._answer_by_hand(command)

    def _answer_by_hand(self, command: Body) -> None:
        waiting = self._hand.get(str(command.get("call")))
        if waiting is not None and not waiting.done():
            waiting.set_result(
                recording.Result(
                    str(command.get("content", "")), "hand", error=bool(command.get("error"))
                )
            )

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
        verdict = _worst(self._verdicts)
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
            contents = await self._answer_all(told, turn)
            parent = recording.Parent(turn, len(messages))
            messages = [
                *messages,
                recording.reply_of(told.answer, number),
                *recording.results_of(told.answer, number, contents),
            ]

    async def _make_rows(self) -> recording.Parent | None:
        making = asyncio.ensure_future(in_thread(runs.create)(self.order))
        try:
            self.plan = plan = await asyncio.shield(making)
        except asyncio.CancelledError:
            await making
            raise
        self.emit([history.started(plan.row, self.body, plan.offered, self.order.ref)])
        return plan.parent

    async def _send(
        self, ask: Ask, number: int, parent: recording.Parent | None
    ) -> tuple[Exchange, recording.Parent | None]:
        """Send the request; before the first one is answered, make the rows of the run."""
        try:
            endpoint = self.order.endpoint
            exchange = load(self.order.connection.protocol)(endpoint, self.client).ask(ask)
        except ProviderFault:
            if number == 1:
                await self._make_rows()
            raise
        exchange.begin()
        if number == 1:
            try:
                parent = await self._make_rows()
            except BaseException:
                await exchange.close()
                raise
        return exchange, parent

    # One model call.

    async def _ask(
        self, number: int, messages: list[Any], parent: recording.Parent | None
    ) -> tuple[Round, UUID]:
        first = self.order.ask
        choice = first.tool_choice if number == 1 else _after_first(first.tool_choice)
        ask = replace(first, messages=messages, tool_choice=choice)
        at = datetime.now(UTC)
        exchange, parent = await self._send(ask, number, parent)
        plan = self.plan
        start = recording.TurnStart(
            project=self.order.project,
            conversation=plan.conversation,
            connection=self.order.connection,
            key=recording.turn_key(self.order.run, number),
            at=at,
            ask=ask,
            protocol=exchange.wire,
            toolset=plan.toolset,
            parent=parent,
        )
        price = _pricing(self.order, at)
        told = Round(number, str(start.turn), exchange.wire, plan.offered.choosing(choice), price)
        storing = asyncio.ensure_future(in_thread(recording.begin_turn)(start))
        self._turns += 1
        self.emit(told.begin(), Raw(number, turn=str(start.turn), request=exchange.request))
        end = recording.TurnEnd(start.turn, told, "finished", notes=exchange.notes)
        try:
            await self._stream(exchange, told, end)
        except asyncio.CancelledError:
            end.status = self._stopping or "interrupted"
            await self._close_round(exchange, told, end, storing)
            raise Stopped(end.status) from None
        except ProviderFault as fault:
            end.status, end.error = "failed", fault.to_json()
            if fault.body and not end.chunks:
                end.chunks.append((exchange.elapsed_ms, fault.body))
            await self._close_round(exchange, told, end, storing)
            raise
        await self._close_round(exchange, told, end, storing)
        return told, start.turn

    async def _stream(self, exchange: Exchange, told: Round, end: recording.TurnEnd) -> None:
        number = told.number
        async with exchange:
            async for chunk, at in exchange:
                end.chunks.append((at, chunk))
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
        storing: Awaitable[None],
    ) -> None:
        if not told.is_finished:
            self.emit(told.finish(exchange.elapsed_ms))
        end.request = exchange.request
        self._verdicts.append(worst(told.all_findings))
        await storing
        await in_thread(recording.finish_turn)(end)
        self.emit(told.close())

    # Answers.

    async def _answer_all(self, told: Round, turn: UUID) -> dict[int, str]:
        """The contents by call index, once every call of the turn is answered."""
        ours = [(n, judged) for n, judged in enumerate(told.judged) if judged.choice == 0]
        by_hand = [judged for _, judged in ours if self._mode(judged) == "hand"]
        if by_hand:
            await in_thread(set_status)(self.order.run, "waiting")
        answered = await asyncio.gather(
            *(self._answer(turn, position, judged) for position, judged in ours)
        )
        if by_hand:
            await in_thread(set_status)(self.order.run, "running")
        return {
            judged.call.index: content for (_, judged), content in zip(ours, answered, strict=True)
        }

    def _mode(self, judged: Judged) -> str:
        found = self.body.answers.get(judged.call.name)
        return found.mode if found else "hand"

    async def _answer(self, turn: UUID, position: int, judged: Judged) -> str:
        at, place = time.monotonic(), {"round": int(judged.key.split(".")[0]), "key": judged.key}
        mode, note = self._mode(judged), ""
        if mode == "hand":
            result = await self._wait_for_hand(judged, place)
        else:
            self.emit([{"type": "call.executing", **place, "mode": mode}])
            found = await self._find_answer(judged, mode)
            note = found.note
            result = recording.Result(found.content, found.answered_by, error=found.error)
        latency = round((time.monotonic() - at) * 1000, 1)
        result = recording.Result(result.content, result.answered_by, result.error, latency)
        await in_thread(recording.store_result)(turn, position, result)
        self.emit([{"type": "call.result", **place, **result_body(result, note)}])
        return result.content

    async def _wait_for_hand(self, judged: Judged, place: Body) -> recording.Result:
        waiting: asyncio.Future[recording.Result] = asyncio.get_running_loop().create_future()
        self._hand[judged.key] = waiting
        self.emit([{"type": "call.waiting", **place}])
        try:
            return await waiting
        finally:
            del self._hand[judged.key]

    async def _find_answer(self, judged: Judged, mode: str) -> answers.Found:
        call = judged.call
        match mode:
            case "fixed":
                return answers.fixed(self.body.answers[call.name].content)
            case "sample":
                spec = self.plan.offered.specs.get(call.name)
                seed = self.body.trial * 1000 + call.index
                return answers.sampled(spec.output_schema if spec else None, seed=seed)
            case _:
                find = in_thread(answers.recorded)
                return await find(self.order.project, call.name, call.arguments)


def result_body(result: recording.Result, note: str = "") -> Body:
    body: Body = {
        "content": result.content,
        "error": result.error,
        "answered_by": result.answered_by,
        "latency_ms": result.latency_ms,
    }
    return body | ({"note": note} if note else {})


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


def set_status(run: UUID, status: str) -> None:
    Run.objects.filter(pk=run, finished_at=None).update(status=status)


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
        )

    return find
