"""Working a replay off: claimed outcomes, asked at the pace that their connections allow.

Each connection is a lane of its own, so that one that is down or slow holds up no other. Results
are stored in batches. A worker that dies leaves its claims to run out, and others take them up.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from console.lib import uuid7
from console.lib.threads import in_thread
from conversations.replay import claims, control
from conversations.replay.claims import Item, Result
from conversations.replay.lane import Lane, Lost
from conversations.replay.lanes import Lanes
from conversations.replay.playing import judge_again
from conversations.replay.records import Replay
from conversations.replay.stage import Stage

BATCH = 50
"""Results that are stored at once."""
SLICE = 20.0
"""Seconds after which a worker looks after other work, unless calls are still under way."""
LONGEST = 1500.0
"""Seconds after which nothing new is begun, come what may."""
_JUDGED_AT_ONCE = 200
_TICK, _KEEP, _RENEW, _SLOW, _FLUSH = 0.05, 0.5, 5.0, 5.0, 0.1
_HELPS = 10.0
"""Outcomes a second below which a second process does not help: the providers are the limit."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """What is left after a while of work: nothing, or something that is due in ``wait`` seconds."""

    is_over: bool = True
    wait: float = 0.0


def run(replay: int, *, seconds: float = SLICE, is_helper: bool = False) -> Step:
    """Work at a replay for about so long, or until it is over."""
    row = Replay.objects.select_related("project").filter(pk=replay, status="running").first()
    if row is None:
        return Step()
    stage = Stage(row)
    control.touch(row.pk)
    if row.mode == "no_model":
        return _judge_all(stage, seconds)
    return asyncio.run(_Engine(stage, seconds, is_helper).run())


def _judge_all(stage: Stage, seconds: float) -> Step:
    """The mode that asks no model: batch after batch."""
    row, mine, end = stage.row, uuid7.now(), time.monotonic() + seconds
    while time.monotonic() < end and control.is_running(row.pk):
        items = claims.claim(row.pk, mine, None, _JUDGED_AT_ONCE)
        if not items:
            return _step_of(row.pk)
        stage.read_cases(item.case for item in items)
        claims.save(mine, [judge_again(one, stage.scene(one.case, one.variant)) for one in items])
        control.touch(row.pk)
    return _step_of(row.pk)


def _step_of(replay: int) -> Step:
    """Close the replay where it is over; else say when it goes on."""
    if not control.is_running(replay):
        return Step()
    left = claims.look(replay)
    if left.is_nothing:
        control.finish(replay)
        return Step()
    if left.next_at is None:
        return Step()  # others are at the rest; the sweep looks after what they leave
    return Step(False, max(0.0, (left.next_at - timezone.now()).total_seconds()))


class _Engine:
    """One worker at one replay."""

    def __init__(self, stage: Stage, seconds: float, is_helper: bool) -> None:
        self.stage, self.row = stage, stage.row
        self.mine: UUID = uuid7.now()
        self.begun = time.monotonic()
        self.seconds, self.is_helper = seconds, is_helper
        self.results: list[Result] = []
        self.done = 0
        self.stopping = False
        self._wait = self._flushed = 0.0
        self._kept = self._renewed = self.begun

    async def run(self) -> Step:
        self._woken = asyncio.Event()
        self.shares = Lanes(str(self.mine))
        self.lanes: dict[int | None, Lane] = {}
        try:
            try:
                await self._work()
            finally:
                await self._give_back()
            step = await in_thread(_step_of)(self.row.pk)
        finally:
            for lane in self.lanes.values():
                await lane.close()
            await self.shares.close()
        return Step(step.is_over, max(step.wait, self._wait))

    async def _work(self) -> None:
        await self._open_lanes()
        while True:
            await self._keep()
            for lane in self.lanes.values():
                await self._feed(lane)
            await self._flush()
            if self._is_idle() and not await self._has_more():
                return
            self._woken.clear()
            if not self.results or not self._is_idle():
                await _wait(self._woken, _TICK)

    def _is_idle(self) -> bool:
        return not any(
            lane.is_busy or (lane.queue and not self.stopping) for lane in self.lanes.values()
        )

    async def _has_more(self) -> bool:
        """Nothing is under way here: whether anything of what is left is due."""
        await self._flush(whole=True)
        self._wait = 0.0
        if self.stopping or self._is_over_time():
            return False
        left = await in_thread(claims.look)(self.row.pk)
        await self._open_lanes(left)
        if left.next_at is None:
            return False
        due = (left.next_at - timezone.now()).total_seconds()
        waits = [lane.wait for lane in self.lanes.values() if lane.key in left.lanes]
        self._wait = max(0.0, due, min(waits, default=0.0))
        return self._wait < 1.0

    async def _open_lanes(self, left: claims.Left | None = None) -> None:
        left = left or await in_thread(claims.look)(self.row.pk)
        for key in left.lanes - self.lanes.keys():
            connection = self.stage.connections.get(key) if key is not None else None
            lane = Lane(key, connection, self.shares, self._take)
            if lane.fault is not None:
                await self._lose(lane, Lost(lane.fault))
            else:
                self.lanes[key] = lane

    # What comes back.

    def _take(self, lane: Lane, result: Result) -> None:
        self.results.append(result)
        self.done += result.status != "open"
        if len(self.results) >= BATCH or len(lane.queue) < lane.low:
            self._woken.set()

    async def _flush(self, *, whole: bool = False) -> None:
        now = time.monotonic()
        due = len(self.results) >= BATCH or now - self._flushed > _FLUSH
        if self.results and (whole or due):
            batch, self.results = self.results, []
            await in_thread(claims.save)(self.mine, batch)
            self._flushed = time.monotonic()

    # What goes out.

    async def _feed(self, lane: Lane) -> None:
        """Let a lane have its part of the places, and something to do."""
        if lane.lost is not None:
            await self._lose(lane, lane.lost)
            return
        await lane.share(0 if self.stopping else None)
        if self.stopping:
            return
        if lane.places and len(lane.queue) < lane.low and not lane.wait:
            await self._claim(lane)
        lane.start(self.stage)

    async def _claim(self, lane: Lane) -> None:
        """Another wave of outcomes for the lane's queue."""
        now = time.monotonic()
        if lane.is_dry and now - lane.looked < _KEEP:
            return
        lane.looked = now
        items = await in_thread(self._claim_and_read)(lane.key, lane.places + lane.low)
        lane.is_dry = not items
        lane.queue.extend(items or ())
        if items is None:
            self.stopping = True
            await in_thread(control.stop_at_ceiling)(self.row.pk)

    def _claim_and_read(self, lane: int | None, size: int) -> list[Item] | None:
        items = claims.claim_within(self.row, self.mine, lane, size)
        self.stage.read_cases(item.case for item in items or ())
        return items

    async def _lose(self, lane: Lane, lost: Lost) -> None:
        """Fail what is open of a lane that cannot be used."""
        lane.lost = None
        await in_thread(claims.release)(self.mine, [item.id for item in lane.queue])
        lane.queue.clear()
        await in_thread(claims.fail_lane)(self.row.pk, lane.key, lost.fault.to_json())

    # Staying in touch.

    async def _keep(self) -> None:
        """See whether to go on, and show that somebody is at it."""
        now = time.monotonic()
        if now - self._kept < _KEEP:
            return
        self._kept = now
        status = await in_thread(control.status_of)(self.row.pk)
        if status == "cancelled":
            for lane in self.lanes.values():
                lane.cancel()
        if status != "running" or self._is_over_time() or self._helps_nobody():
            self.stopping = True
            await self._put_back()
        if now - self._renewed > _RENEW:
            self._renewed = now
            await in_thread(claims.renew)(self.mine)
            await in_thread(control.touch)(self.row.pk)

    def _is_over_time(self) -> bool:
        """Whether to make room for others: not while calls are slow, as one that is stuck must
        not hold up the other lanes."""
        age = time.monotonic() - self.begun
        if age < self.seconds:
            return False
        return age > LONGEST or not any(lane.is_slow(_SLOW) for lane in self.lanes.values())

    def _helps_nobody(self) -> bool:
        age = time.monotonic() - self.begun
        return self.is_helper and age > _SLOW and self.done / age < _HELPS

    async def _put_back(self) -> None:
        """Give back what was claimed and not begun."""
        queued = [item.id for lane in self.lanes.values() for item in lane.queue]
        for lane in self.lanes.values():
            lane.queue.clear()
        if queued:
            await in_thread(claims.release)(self.mine, queued)

    async def _give_back(self) -> None:
        """At the end, of whatever kind: store what came, give back the rest."""
        begun = [lane.cancel() for lane in self.lanes.values()]
        await asyncio.gather(*(task for tasks in begun for task in tasks), return_exceptions=True)
        for lane in self.lanes.values():
            lane.judge_rest()
        await self._flush(whole=True)
        await self._put_back()
        cut = [item.id for lane in self.lanes.values() for item in lane.cut]
        if cut:
            await in_thread(claims.release)(self.mine, cut)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
