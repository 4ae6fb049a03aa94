"""The event log of live runs in Valkey, shared by all web processes.

``run_log`` gives the log's form. ``run:{id}:alive`` names the process that plays the run and
expires without it; commands go to that process' mailbox, ``web:{process}:mail``.

One writer a process (``log_writer``) sends appends in pipelines and, once they are written,
hands them to the followers here (``followers``). One reader a process waits at once on the
streams of all followed runs that are played elsewhere. The mailbox is among them, which is
how the reader learns of new ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import weakref
from collections.abc import AsyncIterator, Iterable
from typing import Any
from uuid import UUID, uuid4

import redis.asyncio as redis
from django.conf import settings
from redis.exceptions import RedisError

from console.lib import json
from conversations.followers import Follower
from conversations.log_writer import PATIENCE_S, LogWriter
from conversations.run_log import (
    LOG_AFTER_END_S,
    LOG_WHILE_RUNNING_S,
    Entry,
    Raw,
    alive_key,
    log_key,
    read_entry,
)

HEARTBEAT_S = 3.0
ALIVE_S = 15
READ_AT_ONCE = 500
_BLOCK_MS = 15_000
_log = logging.getLogger(__name__)
_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = weakref.WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop, made on first use."""
    loop = asyncio.get_running_loop()
    found = _hubs.get(loop)
    if found is None or found.closed:
        found = _hubs[loop] = Hub(settings.REDIS_URL)
    return found


async def end_tasks(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel until they end: before Python 3.12 ``wait_for``, which the client sends with, loses
    a cancellation that comes in the moment of its own end."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.1)


class Hub:
    """The connection of one event loop to the logs."""

    def __init__(self, url: str) -> None:
        self.process = uuid4().hex
        self.closed = False
        self.redis = redis.Redis.from_url(url, protocol=2, socket_timeout=PATIENCE_S)
        self._writer = LogWriter(url, self._deliver)
        # The reader blocks in the server, so its connection waits longer than the others.
        patience = _BLOCK_MS / 1000 + PATIENCE_S
        self._reading = redis.Redis.from_url(url, protocol=2, socket_timeout=patience)
        self._followers: dict[str, set[Follower]] = {}
        self._positions: dict[str, str] = {self._mail: "0-0"}
        self._commands: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._tasks = [
            asyncio.create_task(work(), name=f"live {work.__name__}")
            for work in (self._writer.work, self._read, self._beat)
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
        await end_tasks(self._tasks)
        with contextlib.suppress(RedisError):
            await self.redis.delete(self._mail)
        await self._writer.close()
        for connections in (self.redis, self._reading):
            await connections.aclose()

    # Writing.

    def append(self, run: str, number: int, entry: Entry, raw: Raw | None = None) -> None:
        """Post one entry, the ``number``-th after its last event."""
        self._writer.append(run, number, entry, raw)

    async def flush(self) -> None:
        """Wait until all that was posted so far is written."""
        await self._writer.flush()

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
        self._writer.runs = len(self._commands)
        self._writer.post("SET", alive_key(run), self.process, "EX", ALIVE_S)
        return queue

    def release(self, run: UUID) -> None:
        self._commands.pop(str(run), None)
        self._writer.runs = len(self._commands)
        self._writer.post("DEL", alive_key(run))
        self._writer.post("EXPIRE", log_key(run), LOG_AFTER_END_S)

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
                self._writer.post("SET", alive_key(run), self.process, "EX", ALIVE_S)
                self._writer.post("EXPIRE", log_key(run), LOG_WHILE_RUNNING_S)
            self._writer.post("EXPIRE", self._mail, LOG_WHILE_RUNNING_S)
            await asyncio.sleep(HEARTBEAT_S)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel until it is heard: a client that is just connecting may pass over it."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.5)
