"""The background of the proxy: captures wait in bounded memory, and are stored in batches.

What the store does not take goes to the spool, at once while the store is known to be away,
and so does what does not fit into memory, and what waits when the process ends. An exchange is in
the journal before the client has the end of its answer, so that not even ``kill -9`` loses it.

A key has the same limit as at the other doors. What passes it is not recorded, and counted; the
application notices nothing.
"""

from __future__ import annotations

import atexit
import logging
import queue
import sys
import threading
import time
from collections.abc import Sequence

from django.db import connection

from conversations.doors.limits import seconds_to_wait
from conversations.doors.proxy.capture import Capture, to_bytes
from conversations.doors.proxy.storing import (
    BATCH,
    journal_folder,
    losses_folder,
    name_of,
    open_spool,
    spool_capture,
    store_captures,
)
from conversations.doors.proxy.turn import settle
from conversations.journal import Journal
from conversations.losses import Losses

HELD = 64 * 1024 * 1024
"""Bytes of captures that wait for the store; as many again may wait for the disk."""
REST = 5.0
"""Seconds that a store that was away is not tried."""
GATHER = 0.25
"""Seconds that the first capture of a batch waits for others: a transaction costs more than the
turns in it."""
TURN = 0.0005
"""Seconds that a thread keeps the interpreter while the event loop waits for it; Python's own
5 ms would be added to every chunk that arrives while turns are being stored."""
TOLD = 5.0
"""Seconds between two looks at what was lost."""
logger = logging.getLogger(__name__)


class Recorder:
    """One thread that stores, and one that writes to the spool what the first cannot take."""

    def __init__(self) -> None:
        self.spool, self.journal = open_spool(), Journal(journal_folder())
        self.losses = Losses(losses_folder())
        self._captures: dict[int, Capture] = {}
        self._waiting: queue.SimpleQueue[Capture] = queue.SimpleQueue()
        self._overflow: queue.SimpleQueue[Capture] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._held = 0
        self._away_until = 0.0
        sys.setswitchinterval(min(TURN, sys.getswitchinterval()))
        for target in (self._store_forever, self._spool_forever, self._tell_forever):
            threading.Thread(target=target, name=f"proxy{target.__name__}", daemon=True).start()
        atexit.register(self.close)

    def begin(self, capture: Capture) -> None:
        """An exchange is under way: it is not lost when the process ends."""
        self._captures[id(capture)] = capture

    def keep(self, capture: Capture) -> None:
        """The answer is whole: on the disk before the client has its end."""
        settle(capture)
        try:
            self.journal.write(name_of(capture), to_bytes(capture))
        except OSError as error:
            logger.error("the journal cannot be written: %s", error)

    def finish(self, capture: Capture) -> None:
        """An exchange is over. Never waits."""
        with self._lock:
            self._held += capture.weight
            held = self._held
        if held < HELD:
            self._waiting.put(capture)
        elif held < 2 * HELD:
            self._overflow.put(capture)
        else:
            self._lose(capture, "memory_full")
            self._forget([capture])

    def _lose(self, capture: Capture, reason: str) -> None:
        size = len(capture.request) + capture.size
        self.losses.note(capture.project, capture.api_key, reason, size)

    def _forget(self, captures: Sequence[Capture]) -> None:
        with self._lock:
            self._held -= sum(capture.weight for capture in captures)
        for capture in captures:
            self._captures.pop(id(capture), None)
        self.journal.settle(name_of(capture) for capture in captures)

    def _store_forever(self) -> None:
        while True:
            batch = [self._waiting.get()]
            time.sleep(GATHER)
            while len(batch) < BATCH and not self._waiting.empty():
                batch.append(self._waiting.get())
            self._store([capture for capture in batch if self._may(capture)])
            self._forget(batch)

    def _may(self, capture: Capture) -> bool:
        """Has the key room for it? What it has none for passed, and is not recorded."""
        if seconds_to_wait(capture.bucket, len(capture.request) + capture.size) == 0:
            return True
        self._lose(capture, "too_fast")
        return False

    def _store(self, batch: Sequence[Capture]) -> None:
        if not batch:
            return
        if time.monotonic() >= self._away_until:
            try:
                store_captures(batch)
                return
            except Exception as error:
                self._away_until = time.monotonic() + REST
                logger.warning(
                    "the store did not take %d turns, which go to the spool: %s",
                    len(batch),
                    type(error).__name__,
                )
            finally:
                connection.close()
        self._spool(batch)

    def _spool_forever(self) -> None:
        while True:
            capture = self._overflow.get()
            self._spool([one for one in [capture] if self._may(one)])
            self._forget([capture])

    def _tell_forever(self) -> None:
        while True:
            time.sleep(TOLD)
            self.losses.write()

    def _spool(self, captures: Sequence[Capture]) -> None:
        for capture in captures:
            try:
                if not spool_capture(self.spool, capture):
                    self._lose(capture, "spool_full")
            except OSError as error:
                logger.error("the spool cannot be written: %s", error.strerror)
                self._lose(capture, "spool_unwritable")
            except Exception:
                logger.exception("a turn was lost: it cannot be written to the spool")

    def close(self) -> None:
        """Write to the spool what is not stored yet, exchanges that are under way included."""
        left = list(self._captures.values())
        self._spool(left)
        self._forget(left)
        self.losses.write()
        self.journal.close()
