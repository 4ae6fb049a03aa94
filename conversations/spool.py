"""What could not be stored yet: a folder of files that outlive the process.

Each file is whole and on the disk before it has its name. Whoever takes one renames it, which
one process alone can do, and holds a lock on it; what a killed process had taken has none, and is
given back.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)
_WAITING, _TAKEN, _FAILED = ".waiting", ".taken", ".failed"
_COMMON = 64 * 1024


class Spool:
    """Files of one folder, readable by their owner only, no more than ``limit`` bytes of them."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit
        self._size, self._measured = 0, 0.0
        self._taken: dict[Path, int] = {}

    def put(self, name: str, data: bytes) -> bool:
        """Keep ``data``, on the disk when this returns True; False when the spool is full."""
        if self._room() < len(data):
            return False
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self.folder / f".{name}.{os.getpid()}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.folder / f"{name}{_WAITING}")
        self._sync()
        self._size += len(data)
        return True

    def take(self, most: int) -> Iterator[Path]:
        """Claim up to ``most`` waiting files, the oldest first."""
        self._give_back()
        found = 0
        for path in self._files(_WAITING):
            taken = path.with_suffix(f".{os.getpid()}{_TAKEN}")
            if not self._claim(path, taken):  # another process was quicker
                continue
            yield taken
            found += 1
            if found == most:
                return

    def done(self, taken: Path) -> None:
        """What was taken is stored."""
        taken.unlink(missing_ok=True)
        self._let_go(taken)

    def give_back(self, taken: Path) -> None:
        """What was taken could not be stored now."""
        self._rename(taken, _WAITING)

    def set_aside(self, taken: Path) -> None:
        """What was taken can never be stored: it is kept for a person to look at."""
        self._rename(taken, _FAILED)

    @property
    def waiting(self) -> int:
        """How many files wait."""
        return len(self._files(_WAITING))

    @property
    def is_full(self) -> bool:
        """Is there no room for a turn of common size?"""
        return self.limit - self._measure() < _COMMON

    def _claim(self, path: Path, taken: Path) -> bool:
        """The lock comes before the name, so that no taken file is without one."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.rename(taken)
        except (BlockingIOError, FileNotFoundError):
            os.close(descriptor)
            return False
        self._taken[taken] = descriptor
        return True

    def _let_go(self, taken: Path) -> None:
        descriptor = self._taken.pop(taken, None)
        if descriptor is not None:
            os.close(descriptor)

    def _rename(self, taken: Path, suffix: str) -> None:
        name = taken.name.partition(".")[0]
        try:
            taken.rename(taken.with_name(name + suffix))
        except FileNotFoundError:
            logger.warning("a spooled file was taken away meanwhile")
        self._let_go(taken)

    def _give_back(self) -> None:
        for path in self._files(_TAKEN):
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.give_back(path)
            except BlockingIOError:  # whoever took it is alive
                continue
            finally:
                os.close(descriptor)

    def _files(self, suffix: str) -> list[Path]:
        return sorted(self.folder.glob(f"[!.]*{suffix}")) if self.folder.is_dir() else []

    def _sync(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _room(self) -> int:
        """Measured once a second, as other processes write and empty the same folder."""
        if time.monotonic() - self._measured > 1:
            self._size, self._measured = self._measure(), time.monotonic()
        return self.limit - self._size

    def _measure(self) -> int:
        if not self.folder.is_dir():
            return 0
        total = 0
        with os.scandir(self.folder) as entries:
            for entry in entries:
                try:
                    total += entry.stat().st_size
                except FileNotFoundError:
                    continue
        return total
