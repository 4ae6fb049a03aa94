"""A replay between running, paused and over, and the processes that are set to it."""

from __future__ import annotations

import logging
import math
from datetime import timedelta
from typing import Any

from celery import current_app
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from kombu.exceptions import OperationalError

from conversations.replay.records import Replay, ReplayOutcome

STALLED = timedelta(seconds=15)
"""After that long without a sign its workers count as gone."""
_CREW = 4
_FOR_EACH = 200
"""Outcomes for which another process is asked to help."""
TASK = "conversations.run_replay"
logger = logging.getLogger(__name__)


def send_crew(replay: int, outcomes: int) -> None:
    """Set processes to it. Where Valkey is away, the sweep does it later."""
    for place in range(max(1, min(_CREW, math.ceil(outcomes / _FOR_EACH)))):
        send(replay, is_helper=place > 0)


def send(replay: int, *, is_helper: bool = False, wait: float = 0.0) -> None:
    try:
        current_app.send_task(TASK, (replay, is_helper), countdown=wait or None)
    except OperationalError as error:
        logger.warning("Replay %s waits for Valkey: %s", replay, error)


# On its way.


def pause(replay: Replay) -> bool:
    """Ask nothing more for now; what is under way is kept. False where it does not run."""
    return _move(replay, "running", status="paused")


def resume(replay: Replay) -> bool:
    """Go on with a paused one, or one that its ceiling stopped. False where it cannot."""
    moved = any(
        _move(replay, status, status="running", error="", finished_at=None)
        for status in ("paused", "stopped")
    )
    if moved:
        left = ReplayOutcome.objects.filter(replay=replay, status__in=("open", "running")).count()
        transaction.on_commit(lambda: send_crew(replay.pk, left))
    return moved


def cancel(replay: Replay) -> bool:
    """End it; outcomes so far stay. False where it is over already."""
    now = timezone.now()
    return any(
        _move(replay, status, status="cancelled", finished_at=now)
        for status in ("running", "paused", "stopped")
    )


def retry_failed(replay: Replay) -> int:
    """Ask again what failed for the provider's or our own fault; how many. One that waits to be
    resumed asks it then; what is cancelled stays as it is."""
    with transaction.atomic():
        row = Replay.objects.select_for_update().get(pk=replay.pk)
        if row.status == "cancelled":
            return 0
        failed = ReplayOutcome.objects.filter(replay=row, status="failed")
        count = failed.update(
            status="open", attempts=0, error="", finished_at=None, not_before=None
        )
        if count and row.status not in ("paused", "stopped"):
            row.status, row.error, row.finished_at = "running", "", None
            row.touched_at = timezone.now()
            row.save(update_fields=["status", "error", "finished_at", "touched_at"])
            transaction.on_commit(lambda: send_crew(row.pk, count))
    return count


def _move(replay: Replay, before: str, **fields: Any) -> bool:
    """By compare-and-set, so that only one of two wins."""
    rows = Replay.objects.filter(pk=replay.pk, status=before)
    moved = bool(rows.update(touched_at=timezone.now(), **fields))
    if moved:
        replay.refresh_from_db()
    return moved


def status_of(replay: int) -> str:
    """ "" where it was deleted."""
    return Replay.objects.filter(pk=replay).values_list("status", flat=True).first() or ""


def is_running(replay: int) -> bool:
    return status_of(replay) == "running"


def touch(replay: int) -> None:
    """Show that a worker is at it."""
    Replay.objects.filter(pk=replay, status="running").update(touched_at=timezone.now())


def finish(replay: int) -> bool:
    """Close it where every outcome is there."""
    open_ones = ReplayOutcome.objects.filter(
        replay=OuterRef("pk"), status__in=("open", "running", "waiting")
    )
    rows = Replay.objects.filter(pk=replay, status="running").exclude(Exists(open_ones))
    return bool(rows.update(status="finished", finished_at=timezone.now()))


def stop_at_ceiling(replay: int) -> None:
    told = "The next calls would likely have cost more than its ceiling. Raise it and resume."
    Replay.objects.filter(pk=replay, status="running").update(
        status="stopped", error=told, finished_at=timezone.now()
    )


def fail(replay: int, error: Exception) -> None:
    """Close a replay that cannot go on; its outcomes stay."""
    told = f"{type(error).__name__}: {error}"[:500]
    Replay.objects.filter(pk=replay, status="running").update(
        status="failed", error=told, finished_at=timezone.now()
    )


def take_stalled() -> list[int]:
    """Replays with work left whose workers are gone, each taken by one sweep only."""
    now = timezone.now()
    left = ReplayOutcome.objects.filter(replay=OuterRef("pk"), status__in=("open", "running"))
    stalled = Replay.objects.filter(status="running", touched_at__lt=now - STALLED)
    return [
        pk
        for pk, touched in stalled.filter(Exists(left)).values_list("pk", "touched_at")
        if Replay.objects.filter(pk=pk, status="running", touched_at=touched).update(touched_at=now)
    ]
