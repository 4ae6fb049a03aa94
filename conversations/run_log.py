"""The form of a run's log in Valkey. Pure.

``run:{id}:log`` is a stream. An entry holds the events that one step of the run gave, and
the raw chunk that they came from, so that neither is there without the other and nothing is
lost with the process. Its id is ``<seq of its last event>-<n>``: n is 0, or counts the
entries without events that follow that event. Field ``e`` is the events as JSON, a line
each; the other fields are those of ``Raw``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

LOG_WHILE_RUNNING_S = 48 * 3600
LOG_AFTER_END_S = 6 * 3600
_LAST_EVENTS = (b'{"type":"run.finished"', b'{"type":"run.failed"')


def log_key(run: UUID | str) -> str:
    return f"run:{run}:log"


def alive_key(run: UUID | str) -> str:
    return f"run:{run}:alive"


@dataclass(slots=True)
class Raw:
    """What one entry of the log keeps besides events: a round's request, or a raw chunk and
    the milliseconds at which it came."""

    round: int
    chunk: bytes | None = None
    at: float = 0.0
    turn: str = ""
    request: bytes = b""

    @property
    def fields(self) -> tuple[str | int | float | bytes, ...]:
        if self.chunk is not None:
            return ("r", self.round, "a", self.at, "c", self.chunk)
        return ("r", self.round, "t", self.turn, "q", self.request)

    @classmethod
    def of(cls, fields: Mapping[bytes, bytes]) -> Raw | None:
        """What an entry keeps, None where it has events only."""
        if b"r" not in fields:
            return None
        number = int(fields[b"r"])
        if b"c" in fields:
            return cls(number, fields[b"c"], float(fields[b"a"]))
        return cls(number, turn=fields[b"t"].decode(), request=fields[b"q"])


@dataclass(slots=True)
class Entry:
    """Events that follow each other: ``last`` is the seq of the last one."""

    last: int
    events: list[bytes]

    @property
    def before(self) -> int:
        """The seq of the event before its first one."""
        return self.last - len(self.events)

    def after(self, seq: int) -> list[bytes]:
        """Those of its events that come after ``seq``."""
        return self.events[max(0, seq - self.before) :]


def read_entry(identity: bytes, fields: Mapping[bytes, bytes]) -> Entry:
    """One entry as Valkey gives it."""
    return Entry(last_of(identity), fields[b"e"].split(b"\n") if b"e" in fields else [])


def last_of(identity: bytes) -> int:
    """The seq of the last event up to the entry of this id."""
    return int(identity.partition(b"-")[0])


def is_last(event: bytes) -> bool:
    """Whether no event follows this one."""
    return event.startswith(_LAST_EVENTS)
