"""Following a run: its events in order, each once, whoever delivers them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol
from uuid import UUID

from conversations.run_log import Entry, is_last


class Source(Protocol):
    """Where a follower's events come from: delivered as they are written, and from the log."""

    async def join(self, follower: Follower) -> None:
        """Begin to deliver a run's events."""

    def leave(self, follower: Follower) -> None:
        """End it."""

    def read_log(self, run: UUID | str, after: int) -> AsyncIterator[list[Entry]]:
        """What the log holds of events after ``after``, in pages."""


class Follower:
    """One reader of one run."""

    def __init__(self, source: Source, run: str, after: int) -> None:
        self.run, self.sent = run, after
        self._source = source
        self._held: deque[Entry] = deque()
        self._filled = asyncio.Event()

    def deliver(self, entry: Entry) -> None:
        self._held.append(entry)
        self._filled.set()

    async def events(self) -> AsyncIterator[list[bytes]]:
        """Every event after the given one, as JSON, in batches, until the run's last."""
        await self._source.join(self)
        try:
            async for batch in self._ordered():
                yield batch
                if is_last(batch[-1]):
                    return
        finally:
            self._source.leave(self)

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
        async for entries in self._source.read_log(self.run, self.sent):
            batch: list[bytes] = []
            for entry in entries:
                batch += entry.after(self.sent)
                self.sent = max(self.sent, entry.last)
            if batch:
                yield batch
