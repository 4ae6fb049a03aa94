"""Replays under a project's retention, and when the data of one of its users is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.core.cache import cache

from console.accounts.models import Project
from conversations.replay.board import subjects_key
from conversations.replay.records import Replay, ReplayCase, ReplayOutcome
from conversations.replay.snapshots import forget_cases

_CLOSED = ("finished", "cancelled", "stopped", "failed")


def forget_user(project: Project, names: Sequence[str]) -> int:
    """Delete the cases that hold words of an application's user, with their outcomes and from
    snapshots; how many."""
    held = ReplayCase.objects.filter(replay__project=project, user__in=names)
    rows = list(held.values_list("replay_id", "pk"))
    if not rows:
        return 0
    replays = {replay for replay, _ in rows}
    deleted = held.delete()[0]
    forget_cases(sorted(replays), [pk for _, pk in rows])
    cache.delete_many(map(subjects_key, replays))
    return deleted


def drop_old(project: int, before: datetime) -> int:
    """Delete replays that ended before, with all that they hold; how many rows."""
    old = Replay.objects.filter(project=project, status__in=_CLOSED, finished_at__lt=before)
    return old.delete()[0]


def drop_bytes(project: int, before: datetime) -> int:
    """Empty the bytes of outcomes that ended before; how many."""
    old = ReplayOutcome.objects.filter(replay__project=project, finished_at__lt=before)
    return old.exclude(request=b"", chunks=b"").update(request=b"", chunks=b"")
