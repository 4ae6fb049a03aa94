"""Turns of the proxy that could not be kept: counted and told, although nothing is left of them.

They are noted in files beside the spool, as the database may be what is away, and become rows and
counts of the accounting when it is back. The name of a file makes its rows, so that counting
twice is counting once.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.db import transaction
from django.utils import timezone

from console.accounts.models import ApiKey, Project
from console.lib import json
from conversations.ingest.store import tally
from conversations.ingest.store.tally import Outcome, Sender
from conversations.models import IngestLoss

logger = logging.getLogger(__name__)
RECENT = timedelta(hours=1)
_SUFFIX = ".lost"


@dataclass(slots=True)
class Loss:
    """Turns of one key that were lost for one reason; ``size`` is the bytes of their bodies."""

    project: int
    api_key: int
    reason: str
    turns: int
    size: int
    first_at: datetime
    last_at: datetime

    def to_json(self) -> dict[str, Any]:
        times = {"first_at": self.first_at.isoformat(), "last_at": self.last_at.isoformat()}
        names = ("project", "api_key", "reason", "turns", "size")
        return {name: getattr(self, name) for name in names} | times

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Loss:
        times = {name: datetime.fromisoformat(data[name]) for name in ("first_at", "last_at")}
        return cls(**(data | times))


class Losses:
    """What one process lost and has not written down yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._noted: dict[tuple[int, int, str], Loss] = {}
        self._lock = threading.Lock()

    def note(self, project: int, api_key: int, reason: str, size: int) -> None:
        """One turn was lost. Never waits, and never fails."""
        now = timezone.now()
        with self._lock:
            loss = self._noted.setdefault(
                (project, api_key, reason), Loss(project, api_key, reason, 0, 0, now, now)
            )
            loss.turns, loss.size, loss.last_at = loss.turns + 1, loss.size + size, now

    def write(self) -> None:
        """Write down what was noted. What cannot be written is kept for the next time."""
        with self._lock:
            noted, self._noted = list(self._noted.values()), {}
        if not noted:
            return
        told = ", ".join(f"{loss.turns} turns ({loss.reason})" for loss in noted)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = self.folder / f".{uuid4().hex}"
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(json.dump_bytes([loss.to_json() for loss in noted]))
            fresh.rename(fresh.with_name(fresh.name[1:] + _SUFFIX))
            logger.error("lost: %s; see Settings, Ingest", told)
        except OSError as error:
            logger.error("lost: %s; that cannot be written down: %s", told, error.strerror)
            self._take_back(noted)

    def _take_back(self, noted: Iterable[Loss]) -> None:
        with self._lock:
            for loss in noted:
                key = loss.project, loss.api_key, loss.reason
                later = self._noted.get(key)
                if later is not None:
                    loss.turns, loss.size = loss.turns + later.turns, loss.size + later.size
                    loss.last_at = later.last_at
                self._noted[key] = loss


def count_losses(folder: Path) -> int:
    """Bring what was written down into the database; how many turns. Raises its errors."""
    counted = 0
    for path in sorted(folder.glob(f"[!.]*{_SUFFIX}")) if folder.is_dir() else ():
        try:
            losses = [Loss.from_json(one) for one in json.load(path.read_bytes())]
            counted += _count(UUID(path.stem), losses)
        except FileNotFoundError:  # another process was quicker
            continue
        except (ValueError, TypeError, KeyError):
            logger.exception("a note of losses cannot be read: %s", path.name)
        path.unlink(missing_ok=True)
    return counted


def _count(name: UUID, losses: Sequence[Loss]) -> int:
    projects = Project.objects.in_bulk({loss.project for loss in losses})
    keys = ApiKey.objects.in_bulk({loss.api_key for loss in losses})
    counted = 0
    with transaction.atomic():
        for number, loss in enumerate(losses):
            project, key = projects.get(loss.project), keys.get(loss.api_key)
            if project is None:
                continue
            _, is_new = IngestLoss.objects.get_or_create(
                pk=uuid5(name, str(number)),
                defaults={
                    "project": project,
                    "api_key": key,
                    "reason": loss.reason,
                    "turns": loss.turns,
                    "size": loss.size,
                    "first_at": loss.first_at,
                    "last_at": loss.last_at,
                },
            )
            if is_new:
                outcome = Outcome(rejected=loss.turns)
                tally.count(Sender(project, "proxy", key), outcome, loss.last_at)
                counted += loss.turns
    return counted
