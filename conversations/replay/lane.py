"""One connection's lane in one worker: what is asked of it at once, and what its faults mean."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
from django.utils import timezone

from console.lib import http, json
from console.lib.threads import in_thread
from conversations.connections import endpoint_of
from conversations.models import Connection
from conversations.providers import Ask, Endpoint, Provider, ProviderFault, load
from conversations.replay.asking import Asked, ask_model
from conversations.replay.claims import Item, Result
from conversations.replay.lanes import Lanes, limit_of
from conversations.replay.playing import Judging, play
from conversations.replay.stage import Stage
from conversations.routers.offering import NotRouted

MOST_ATTEMPTS = 4
PAUSES = (1.0, 4.0, 15.0)
"""Seconds before an outcome is asked again after the provider failed it."""
DOWN_AFTER = 180.0
"""Seconds without any answer after which a provider counts as down."""
LIMITED_AFTER = 900.0
"""The same of one that only says to wait."""
LONGEST_PAUSE = 30.0
_UNJUDGED = 2
"""Answers for each place that may wait to be judged before nothing more is asked."""
_SHARE, _SOON = 0.2, 0.05
"""Seconds after which places are asked for again; the latter while there are too few or many."""
_UNUSABLE = frozenset(["unauthorized", "key_missing", "blocked_address", "tls"])
_AWAY = frozenset(["refused", "dns"])
_PASSING = frozenset(["timeout", "server_error", "cut_stream"])
logger = logging.getLogger(__name__)

Take = Callable[["Lane", Result], None]


@dataclass(frozen=True)
class Lost:
    """A lane that cannot be used, and why."""

    fault: ProviderFault


class Lane:
    """Calls to one connection. ``take`` gets each result; ``queue`` holds what was claimed;
    ``cut`` what was cancelled under way. ``fault`` is set where it cannot be used at all.

    An answer that is in makes room for the next call at once, and is judged while that one is
    under way.
    """

    def __init__(
        self,
        key: int | None,
        connection: Connection | None,
        shares: Lanes,
        take: Take,
    ) -> None:
        self.key, self.connection = key, connection
        self.queue: deque[Item] = deque()
        self.busy: dict[asyncio.Task[None], tuple[Item, float]] = {}
        self.cut: list[Item] = []
        self._unjudged: deque[tuple[Item, Judging]] = deque()
        self._judge: asyncio.Task[None] | None = None
        self.places = 0
        self.lost: Lost | None = None
        self.is_dry, self.looked = False, 0.0
        self._shares, self._take = shares, take
        self._shared = self._free_at = 0.0
        self._faults = 0
        self._stage: Stage | None = None
        self._endpoint: Endpoint | None = None
        self._free: list[Provider] = []
        self._clients: list[httpx2.AsyncClient] = []
        self.limit = self._cap = limit_of(connection) if connection else 0
        self.fault: ProviderFault | None = None
        try:
            self._free.append(self._open())
        except ProviderFault as fault:
            self.fault = fault

    def _open(self) -> Provider:
        """A provider with a client of its own: a pool that holds one connection looks for none."""
        connection = self.connection
        if connection is None or connection.archived_at:
            name = f"The connection {connection.name}" if connection else "Its connection"
            raise ProviderFault("not_found", f"{name} is no longer there. Replay with another.")
        if self._endpoint is None:
            self._endpoint = endpoint_of(connection)
        self._clients.append(http.client())
        return load(connection.protocol)(self._endpoint, self._clients[-1])

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()

    @property
    def low(self) -> int:
        """The length of the queue at which more is claimed."""
        return max(1, self.places // 2)

    @property
    def wait(self) -> float:
        """Seconds until the provider may be asked again."""
        return max(0.0, self._free_at - time.monotonic())

    @property
    def is_busy(self) -> bool:
        """Whether calls are under way, or answers not judged yet."""
        return bool(self.busy or self._unjudged)

    def is_slow(self, seconds: float) -> bool:
        """Whether a call has been under way for longer."""
        return any(time.monotonic() - begun > seconds for _, begun in self.busy.values())

    async def share(self, most: int | None = None) -> None:
        """Ask for places again, where it is time to."""
        now = time.monotonic()
        is_fitting = 0 < self.places >= len(self.busy)
        if now - self._shared < (_SHARE if is_fitting else _SOON) or self.key is None:
            return
        self._shared = now
        wanted = self._cap if most is None else most
        if self.is_dry and not self.queue:
            wanted = min(wanted, len(self.busy) + 1)
        grant = await self._shares.share(
            self.key, wanted=wanted, busy=len(self.busy), limit=self.limit
        )
        self.places = grant.places
        self._free_at = max(self._free_at, now + grant.wait) if grant.wait else self._free_at

    def start(self, stage: Stage) -> None:
        """Begin what there is place for."""
        self._stage = stage
        while self.queue and self._has_room() and not self.wait:
            item = self.queue.popleft()
            task = asyncio.create_task(self._make(item))
            self.busy[task] = item, time.monotonic()
            task.add_done_callback(self._ended)

    def _has_room(self) -> bool:
        places = min(self.places, self._cap)
        return len(self.busy) < places and len(self._unjudged) < _UNJUDGED * places

    def _ended(self, task: asyncio.Task[None]) -> None:
        item, _ = self.busy.pop(task)
        if task.cancelled():  # maybe before its first step
            self.cut.append(item)
        if self._stage is not None and not task.cancelled():
            self.start(self._stage)

    def cancel(self) -> list[asyncio.Task[None]]:
        """Give up what is under way; it is in ``cut`` afterwards."""
        self._stage = None
        tasks = list(self.busy)
        for task in tasks:
            task.cancel()
        return tasks

    async def _make(self, item: Item) -> None:
        judging = await self._outcome(item)
        self._unjudged.append((item, judging))
        if self._judge is None or self._judge.done():
            self._judge = asyncio.create_task(self._judge_waiting())

    async def _judge_waiting(self) -> None:
        """Judge one answer after the other; what comes or goes meanwhile has the right of way."""
        while self._unjudged:
            await asyncio.sleep(0)
            self._judge_next()
            if self._stage is not None:
                self.start(self._stage)

    def judge_rest(self) -> None:
        """Judge at once what is not judged yet."""
        while self._unjudged:
            self._judge_next()

    def _judge_next(self) -> None:
        if self._unjudged:
            item, judging = self._unjudged.popleft()
            try:
                result = judging()
            except Exception as error:
                result = _broken(item, error)
            self._take(self, result)

    async def _outcome(self, item: Item) -> Judging:
        assert self._stage is not None
        stage = self._stage
        try:
            if stage.has_router(item.variant):
                scene = await in_thread(stage.scene)(item.case, item.variant)
            else:
                scene = stage.scene(item.case, item.variant)
            return await play(stage, item, scene, self._ask)
        except ProviderFault as fault:
            result = await self._fail(item, fault)
        except NotRouted as error:
            result = _failed(item, {"code": "not_routed", "detail": str(error)})
        except Exception as error:
            result = _broken(item, error)
        return lambda: result

    async def _ask(self, request: Ask) -> Asked:
        assert self.connection is not None
        provider = self._free.pop() if self._free else self._open()
        try:
            asked = await ask_model(provider, self.connection, request)
        finally:
            self._free.append(provider)
        self._cap = min(self.limit, self._cap + 1)
        if self._faults:
            self._faults = 0
            await self._shares.note_up(self.key or 0)
        return asked

    # Faults.

    async def _fail(self, item: Item, fault: ProviderFault) -> Result:
        """What a fault means: for the outcome, and for the lane."""
        if fault.code in _UNUSABLE:
            self.lost = self.lost or Lost(fault)
            return _failed(item, fault.to_json(), fault.body)
        if fault.code == "rate_limited" or fault.code in _AWAY:
            return await self._pause(item, fault)
        if fault.code in _PASSING and item.attempts + 1 < MOST_ATTEMPTS:
            wait = fault.retry_after or PAUSES[min(item.attempts, len(PAUSES) - 1)]
            if fault.retry_after:
                await self._hold(wait)
            return _again(item, wait, attempts=item.attempts + 1)
        return _failed(item, fault.to_json(), fault.body)

    async def _pause(self, item: Item, fault: ProviderFault) -> Result:
        """The provider takes no calls now: everybody waits, and no attempt is counted."""
        down = await self._shares.note_down(self.key or 0)
        limit = LIMITED_AFTER if fault.code == "rate_limited" else DOWN_AFTER
        if down > limit:
            self.lost = self.lost or Lost(fault)
            return _failed(item, fault.to_json(), fault.body)
        if not self.wait:  # the first of those that were under way together
            self._faults += 1
            self._cap = max(1, self._cap // 2)
            usual = min(LONGEST_PAUSE, 0.5 * 2 ** min(self._faults, 6)) * random.uniform(0.8, 1.2)
            await self._hold(usual if fault.retry_after is None else fault.retry_after)
        elif fault.retry_after is not None:
            await self._hold(fault.retry_after)
        return _again(item, self.wait, attempts=item.attempts)

    async def _hold(self, seconds: float) -> None:
        self._free_at = max(self._free_at, time.monotonic() + seconds)
        await self._shares.hold(self.key or 0, seconds)


def _again(item: Item, wait: float, *, attempts: int) -> Result:
    """The outcome open again, to be asked after a while; its conversation so far stays."""
    return Result(
        item.id,
        "open",
        attempts=attempts,
        not_before=timezone.now() + timedelta(seconds=wait),
        rounds=json.load(item.rounds),
        waiting=item.waiting,
    )


def _broken(item: Item, error: Exception) -> Result:
    logger.error("outcome %s could not be made", item.id, exc_info=error)
    return _failed(item, {"code": "internal", "detail": f"{type(error).__name__}: {error}"[:500]})


def _failed(item: Item, error: dict[str, Any], body: bytes | None = None) -> Result:
    if body:
        error = error | {"body": body[:2000].decode(errors="replace")}
    return Result(
        item.id, "failed", attempts=item.attempts + 1, error=error, rounds=json.load(item.rounds)
    )
