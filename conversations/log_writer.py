"""Writes to the runs' logs: what one process posts goes to Valkey in pipelines, in order.

Each writing has a price of its own, so where many runs play, more is gathered for each.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import hiredis
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError, ResponseError

from conversations.run_log import Entry, Raw, log_key

GATHER_S = 0.006
GATHER_A_RUN_S = 0.0003
MOST_GATHER_S = 0.03
PATIENCE_S = 15
_log = logging.getLogger(__name__)


class LogWriter:
    """The outbox of one event loop. ``deliver`` takes each entry once it is written."""

    def __init__(self, url: str, deliver: Callable[[str, Entry], None]) -> None:
        # One timeout a pipeline costs less than one an answer, so the connection has none.
        pool: Any = ConnectionPool.from_url(url, protocol=2, socket_timeout=None)
        self._connection: Any = pool.make_connection()
        self._deliver = deliver
        self._outbox: list[bytes] = []
        self._written: list[tuple[str, Entry]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._posted = asyncio.Event()
        self._last = 0.0
        self.runs = 0
        """How many runs write here."""

    def append(self, run: str, number: int, entry: Entry, raw: Raw | None = None) -> None:
        """Post one entry, the ``number``-th after its last event; it is written with
        whatever else is posted by then."""
        fields = raw.fields if raw else ()
        if entry.events:
            fields += ("e", b"\n".join(entry.events))
            self._written.append((run, entry))
        self.post("XADD", log_key(run), f"{entry.last}-{number}", *fields)

    def post(self, *command: Any) -> None:
        """Post one command, whose answer nobody waits for."""
        self._outbox.append(hiredis.pack_command(command))
        self._posted.set()

    async def flush(self) -> None:
        """Wait until all that was posted so far is written."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._posted.set()
        await done

    async def work(self) -> None:
        """Write what is posted, for ever."""
        while True:
            await self._posted.wait()
            gather = min(MOST_GATHER_S, GATHER_S + GATHER_A_RUN_S * self.runs)
            if (early := self._last + gather - time.monotonic()) > 0:
                await asyncio.sleep(early)
            self._last = time.monotonic()
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

    async def close(self) -> None:
        await self._connection.disconnect()

    async def _send(self, batch: list[bytes]) -> None:
        pause = 0.05
        while True:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._try(batch)
                return
            except (RedisError, OSError) as error:  # a timeout is an OSError
                _log.warning("the event log cannot be written, trying again: %s", error)
                await self._connection.disconnect(nowait=True)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)

    async def _try(self, batch: list[bytes]) -> None:
        await self._connection.connect()
        await self._connection.send_packed_command([b"".join(batch)], check_health=False)
        for _ in batch:
            try:
                await self._connection.read_response(disconnect_on_error=False)
            except ResponseError as error:
                # An id that exists already was written by the try before this one.
                if "smaller" not in str(error):
                    _log.error("the event log refused an entry: %s", error)
