"""The event log of live runs in Valkey, shared by all web processes.

``run_log`` gives the log's form. ``run:{id}:alive`` names the process that plays the run and
expires without it; commands go to that process' mailbox, ``web:{process}:mail``.

One writer a process sends appends in pipelines and, once they are written, hands them to
the followers here. One reader a process waits at once on the streams of all followed runs
that are played elsewhere. The mailbox is among them, which is how the reader learns of new
ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import weakref
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Any
from uuid import UUID, uuid4

import redis.asyncio as redis
from django.conf import settings
from redis.exceptions import RedisError, ResponseError

from console.lib import json
from conversations.run_log import (
    LOG_AFTER_END_S,
    LOG_WHILE_RUNNING_S,
    Entry,
    Raw,
    alive_key,
    is_last,
    log_key,
    read_entry,
)

HEARTBEAT_S = 3.0
ALIVE_S = 15
READ_AT_ONCE = 500
_BLOCK_MS = 15_000
_PATIENCE_S = 15
_WRITE_EVERY_S = 0.006
_log = logging.getLogger(__name__)
_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = weakref.WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop, made on first use."""
    loop = asyncio.get_running_loop()
    found = _hubs.get(loop)
    if found is None or found.closed:
        found = _hubs[loop] = Hub(settings.REDIS_URL)
    return found


class Follower:
    """One reader of one run: events in order, each once, whoever delivers them."""

    def __init__(self, hub: Hub, run: str, after: int) -> None:
        self.run, self.sent = run, after
        self._hub = hub
        self._held: deque[Entry] = deque()
        self._filled = asyncio.Event()

    def deliver(self, entry: Entry) -> None:
        self._held.append(entry)
        self._filled.set()

    async def events(self) -> AsyncIterator[list[bytes]]:
        """Every event after the given one, as JSON, in batches, until the run's last."""
        await self._hub.join(self)
        try:
            async for batch in self._ordered():
                yield batch
                if is_last(batch[-1]):
                    return
        finally:
            self._hub.leave(self)

    async def _ordered(self) -> AsyncIterator[list[bytes]]:
        async for batch in self._catch_up():
            yield batch
        while True:
            if not self._held:
                self._filled.clear()
                await self._filled.wait()
            batch = self._take()
            if batch:
                yield batch
            if self._held:
                async for batch in self._catch_up():
                    yield batch
                # What the log lacks is lost; it expired.
                self.sent = max(self.sent, self._held[0].before)

    def _take(self) -> list[bytes]:
        """What was delivered, up to a gap, which the log fills."""
        batch: list[bytes] = []
        while self._held and self._held[0].before <= self.sent:
            entry = self._held.popleft()
            batch += entry.after(self.sent)
            self.sent = max(self.sent, entry.last)
        return batch

    async def _catch_up(self) -> AsyncIterator[list[bytes]]:
        async for entries in self._hub.read_log(self.run, self.sent):
            batch: list[bytes] = []
            for entry in entries:
                batch += entry.after(self.sent)
                self.sent = max(self.sent, entry.last)
            if batch:
                yield batch


class Hub:
    """The connection of one event loop to the logs."""

    def __init__(self, url: str) -> None:
        self.process = uuid4().hex
        self.closed = False
        self.redis = redis.Redis.from_url(url, protocol=2, socket_timeout=_PATIENCE_S)
        # One timeout a pipeline costs less than one an answer.
        self._writing = redis.Redis.from_url(url, protocol=2, socket_timeout=None)
        # The reader blocks in the server, so its connection waits longer than the others.
        patience = _BLOCK_MS / 1000 + _PATIENCE_S
        self._reading = redis.Redis.from_url(url, protocol=2, socket_timeout=patience)
        self._outbox: list[tuple[Any, ...]] = []
        self._written: list[tuple[str, Entry]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._posted = asyncio.Event()
        self._last_write = 0.0
        self._followers: dict[str, set[Follower]] = {}
        self._positions: dict[str, str] = {self._mail: "0-0"}
        self._commands: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._tasks = [
            asyncio.create_task(work(), name=f"live {work.__name__}")
            for work in (self._write, self._read, self._beat)
        ]

    @property
    def _mail(self) -> str:
        return f"web:{self.process}:mail"

    async def close(self) -> None:
        """Write what is posted and end; runs that still play are the runner's to end first."""
        if self.closed:
            return
        self.closed = True
        with contextlib.suppress(TimeoutError, RedisError):
            await asyncio.wait_for(self.flush(), 2)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(RedisError):
            await self.redis.delete(self._mail)
        for connections in (self.redis, self._writing, self._reading):
            await connections.aclose()

    # Writing.

    def append(self, run: str, number: int, entry: Entry, raw: Raw | None = None) -> None:
        """Post one entry, the ``number``-th after its last event; it is written with
        whatever else is posted by then."""
        fields = raw.fields if raw else ()
        if entry.events:
            fields += ("e", b"\n".join(entry.events))
            self._written.append((run, entry))
        self._post("XADD", log_key(run), f"{entry.last}-{number}", *fields)

    async def flush(self) -> None:
        """Wait until all that was posted so far is written."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._posted.set()
        await done

    def _post(self, *command: Any) -> None:
        self._outbox.append(command)
        self._posted.set()

    async def _write(self) -> None:
        while True:
            await self._posted.wait()
            # Each writing has a price of its own: where much comes, more is gathered for it.
            if (early := self._last_write + _WRITE_EVERY_S - time.monotonic()) > 0:
                await asyncio.sleep(early)
            self._last_write = time.monotonic()
            self._posted.clear()
            batch, self._outbox = self._outbox, []
            written, self._written = self._written, []
            waiting, self._waiting = self._waiting, []
            if batch:
                await self._send(batch)
            for run, entry in written:
                self._deliver(run, entry)
            for done in waiting:
                if not done.done():
                    done.set_result(None)

    async def _send(self, batch: list[tuple[Any, ...]]) -> None:
        pause = 0.05
        while True:
            pipeline = self._writing.pipeline(transaction=False)
            for command in batch:
                pipeline.execute_command(*command)
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    answers = await pipeline.execute(raise_on_error=False)
            except (RedisError, OSError) as error:  # a timeout is an OSError
                _log.warning("the event log cannot be written, trying again: %s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)
                continue
            for answer in answers:
                # An id that exists already was written by the try before this one.
                if isinstance(answer, ResponseError) and "smaller" not in str(answer):
                    _log.error("the event log refused an entry: %s", answer)
            return

    # Reading.

    def follow(self, run: UUID | str, after: int) -> Follower:
        return Follower(self, str(run), after)

    async def join(self, follower: Follower) -> None:
        """Begin to deliver a run's events; a reader that blocks is woken for a new run."""
        others = self._followers.setdefault(follower.run, set())
        others.add(follower)
        key = log_key(follower.run)
        # What is played here is handed over as soon as it is written, without reading it back.
        if key not in self._positions and follower.run not in self._commands:
            self._positions[key] = f"{follower.sent}-0"
            await self._wake()

    def leave(self, follower: Follower) -> None:
        others = self._followers.get(follower.run)
        if others is None:
            return
        others.discard(follower)
        if not others:
            del self._followers[follower.run]
            self._positions.pop(log_key(follower.run), None)

    async def read_log(self, run: UUID | str, after: int) -> AsyncIterator[list[Entry]]:
        """What the log holds of events after ``after``, at most ``READ_AT_ONCE`` at a time."""
        start = f"{after + 1}-0"
        while True:
            page: Any = await self.redis.xrange(log_key(run), min=start, count=READ_AT_ONCE)
            if page:
                yield [read_entry(identity, fields) for identity, fields in page]
            if len(page) < READ_AT_ONCE:
                return
            start = f"({page[-1][0].decode()}"

    async def has_log(self, run: UUID | str) -> bool:
        return bool(await self.redis.exists(log_key(run)))

    async def _wake(self) -> None:
        await self.redis.xadd(self._mail, {"wake": ""}, maxlen=1000)

    async def _read(self) -> None:
        while True:
            positions: dict[Any, Any] = dict(self._positions)
            try:
                found: Any = await self._reading.xread(
                    positions,
                    count=READ_AT_ONCE,
                    block=_BLOCK_MS,
                )
            except (RedisError, OSError) as error:
                _log.warning("the event logs cannot be read, trying again: %s", error)
                await asyncio.sleep(0.5)
                continue
            for key, entries in found or []:
                self._take(key.decode(), entries)
            # Naming many streams costs: with more of them, more is gathered per reading.
            if len(positions) > 8:
                await asyncio.sleep(min(0.02, len(positions) * 0.0001))

    def _take(self, key: str, entries: Iterable[Any]) -> None:
        for identity, fields in entries:
            if key in self._positions:
                self._positions[key] = identity.decode()
            if key == self._mail:
                self._open(fields)
                continue
            run = key.split(":")[1]
            if b"e" in fields:
                self._deliver(run, read_entry(identity, fields))

    def _deliver(self, run: str, entry: Entry) -> None:
        for follower in self._followers.get(run, ()):
            follower.deliver(entry)

    # Commands.

    def claim(self, run: UUID) -> asyncio.Queue[dict[str, Any]]:
        """Say that this process plays the run; returns the commands that come for it."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._commands[str(run)] = queue
        self._post("SET", alive_key(run), self.process, "EX", ALIVE_S)
        return queue

    def release(self, run: UUID) -> None:
        self._commands.pop(str(run), None)
        self._post("DEL", alive_key(run))
        self._post("EXPIRE", log_key(run), LOG_AFTER_END_S)

    async def command(self, run: UUID | str, command: dict[str, Any]) -> bool:
        """Send a command to the process that plays the run; False where none does."""
        owner: Any = await self.redis.get(alive_key(run))
        if owner is None:
            return False
        mail = f"web:{owner.decode()}:mail"
        await self.redis.xadd(mail, {"run": str(run), "command": json.dump(command)}, maxlen=10_000)
        return True

    def _open(self, mail: dict[bytes, bytes]) -> None:
        queue = self._commands.get(mail.get(b"run", b"").decode())
        if queue is not None:
            queue.put_nowait(json.load(mail[b"command"]))

    async def _beat(self) -> None:
        while True:
            for run in list(self._commands):
                self._post("SET", alive_key(run), self.process, "EX", ALIVE_S)
                self._post("EXPIRE", log_key(run), LOG_WHILE_RUNNING_S)
            self._post("EXPIRE", self._mail, LOG_WHILE_RUNNING_S)
            await asyncio.sleep(HEARTBEAT_S)
