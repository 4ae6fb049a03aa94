"""What is under way to the store: appended to a file before it is answered for.

A process that is killed loses what it held in memory; what it had appended outlives it, and is
found by the lock on its file, which only a living process holds. Appending does not wait for the
disk: it survives the process, not the machine.
"""

from __future__ import annotations

import fcntl
import logging
import os
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

logger = logging.getLogger(__name__)
SEGMENT = 8 * 1024 * 1024
"""Bytes after which a file is followed by a new one."""
_HEAD = struct.Struct("<HI")
_SUFFIX = ".journal"


@dataclass(slots=True)
class _Segment:
    path: Path
    descriptor: int
    size: int = 0
    names: set[str] = field(default_factory=set)
    """Of what is not settled."""


class Journal:
    """The files of one process in a folder that others may share. A file goes when all of it is
    settled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._current: _Segment | None = None
        self._held: dict[str, _Segment] = {}
        self._lock = threading.Lock()

    def write(self, name: str, data: bytes) -> None:
        """Append ``data``. Raises ``OSError`` where it cannot be written; then nothing is."""
        title = name.encode()
        record = _HEAD.pack(len(title), len(data)) + title + data
        with self._lock:
            segment = self._segment()
            if os.write(segment.descriptor, record) != len(record):
                os.ftruncate(segment.descriptor, segment.size)
                raise OSError("no space is left for the journal")
            segment.size += len(record)
            segment.names.add(name)
            self._held[name] = segment

    def settle(self, names: Iterable[str]) -> None:
        """These are safe elsewhere now."""
        with self._lock:
            for name in names:
                segment = self._held.pop(name, None)
                if segment is None:
                    continue
                segment.names.discard(name)
                if not segment.names:
                    self._empty(segment)

    def close(self) -> None:
        """The process ends in good order: a file without anything unsettled goes."""
        with self._lock:
            segment, self._current = self._current, None
            if segment is not None and not segment.names:
                self._empty(segment)

    def _segment(self) -> _Segment:
        if self._current is None or self._current.size >= SEGMENT:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self.folder / f"{os.getpid()}-{uuid4().hex}{_SUFFIX}"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._current = _Segment(path, descriptor)
        return self._current

    def _empty(self, segment: _Segment) -> None:
        if segment is self._current:
            os.ftruncate(segment.descriptor, 0)
            segment.size = 0
            return
        segment.path.unlink(missing_ok=True)
        os.close(segment.descriptor)


def adopt(folder: Path, put: Callable[[str, bytes], bool]) -> int:
    """Hand what killed processes left to ``put`` (name, data); how many. Their files go once all
    of them were taken; where ``put`` says no they stay, and all is handed out again."""
    adopted = 0
    for path in sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else ():
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:  # another process was quicker
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            records = list(_read(path.read_bytes()))
            if not all(put(name, data) for name, data in records):
                return adopted
            path.unlink(missing_ok=True)
            adopted += len(records)
        except BlockingIOError:  # its process is alive
            continue
        finally:
            os.close(descriptor)
    if adopted:
        logger.warning("%d turns of a process that was killed were found in its journal", adopted)
    return adopted


def _read(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The records of a file; the last one may have been cut."""
    at = 0
    while at + _HEAD.size <= len(data):
        title, size = _HEAD.unpack_from(data, at)
        begin = at + _HEAD.size + title
        at = begin + size
        if at > len(data):
            return
        yield data[begin - title : begin].decode(), data[begin:at]
