"""The background of the proxy: captures wait in bounded memory, and are stored in batches.

What the store does not take goes to the spool, at once while the store is known to be away,
and so does what does not fit into memory, and what waits when the process ends.
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

from conversations.doors.proxy.capture import Capture
from conversations.doors.proxy.storing import BATCH, open_spool, spool_capture, store_captures

HELD = 64 * 1024 * 1024
"""Bytes of captures that wait for the store; as many again may wait for the disk."""
REST = 5.0
"""Seconds that a store that was away is not tried."""
GATHER = 0.05
"""Seconds that the first capture of a batch waits for others."""
TURN = 0.0005
"""Seconds that a thread keeps the interpreter while the event loop waits for it; Python's own
5 ms would be added to every chunk that arrives while turns are being stored."""
logger = logging.getLogger(__name__)


class Recorder:
    """One thread that stores, and one that writes to the spool what the first cannot take."""

    def __init__(self) -> None:
        self.spool = open_spool()
        self._captures: dict[int, Capture] = {}
        self._waiting: queue.SimpleQueue[Capture] = queue.SimpleQueue()
        self._overflow: queue.SimpleQueue[Capture] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._held = 0
        self._away_until = 0.0
        self._lost = 0
        sys.setswitchinterval(min(TURN, sys.getswitchinterval()))
        for target in (self._store_forever, self._spool_forever):
            threading.Thread(target=target, name=f"proxy{target.__name__}", daemon=True).start()
        atexit.register(self.close)

    def begin(self, capture: Capture) -> None:
        """An exchange is under way: it is not lost when the process ends."""
        self._captures[id(capture)] = capture

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
            self._lose(capture)

    def _lose(self, capture: Capture) -> None:
        self._forget([capture])
        self._lost += 1
        if self._lost & (self._lost - 1) == 0:
            logger.error("%d turns were lost: more arrive than are stored or spooled", self._lost)

    def _forget(self, captures: Sequence[Capture]) -> None:
        with self._lock:
            self._held -= sum(capture.weight for capture in captures)
        for capture in captures:
            self._captures.pop(id(capture), None)

    def _store_forever(self) -> None:
        while True:
            batch = [self._waiting.get()]
            time.sleep(GATHER)
            while len(batch) < BATCH and not self._waiting.empty():
                batch.append(self._waiting.get())
            self._store(batch)
            self._forget(batch)

    def _store(self, batch: Sequence[Capture]) -> None:
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
            self._spool([capture])
            self._forget([capture])

    def _spool(self, captures: Sequence[Capture]) -> None:
        for capture in captures:
            try:
                spool_capture(self.spool, capture)
            except OSError as error:
                logger.error("a turn was lost: the spool cannot be written (%s)", error.strerror)
            except Exception:
                logger.exception("a turn was lost: it cannot be written to the spool")

    def close(self) -> None:
        """Write to the spool what is not stored yet, exchanges that are under way included."""
        self._spool(list(self._captures.values()))
