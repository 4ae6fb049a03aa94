"""How many incidents of a project are open, for the sidebar of every page."""

from __future__ import annotations

from contextlib import suppress

from django.core.cache import cache
from redis import RedisError

from conversations.incidents.records import Incident

_KEPT = 15
"""Seconds; a step that changes the number forgets it at once."""


def count_open(project: int) -> int:
    """Incidents that are not resolved. Pages must not need Valkey for it."""
    with suppress(RedisError):
        if (known := cache.get(_key(project))) is not None:
            return int(known)
    found = Incident.objects.filter(project=project).exclude(status="resolved").count()
    with suppress(RedisError):
        cache.set(_key(project), found, _KEPT)
    return found


def forget_open(project: int) -> None:
    """Have it counted anew."""
    with suppress(RedisError):
        cache.delete(_key(project))


def _key(project: int) -> str:
    return f"incidents-open:{project}"
