"""Which workers live: each writes its name with the time into one sorted set in Valkey."""

from __future__ import annotations

import time
from typing import cast

import redis
from django.conf import settings

KEY = "misfire:workers"
# A worker reports every two seconds; this many without a word and it counts as gone.
SILENCE = 15.0


def report(name: str) -> None:
    """Say that the worker of this name lives."""
    now = time.time()
    with _client() as client:
        client.zadd(KEY, {name: now})
        client.zremrangebyscore(KEY, 0, now - 60 * SILENCE)


def withdraw(name: str) -> None:
    """Say that the worker of this name has ended."""
    with _client() as client:
        client.zrem(KEY, name)


def living() -> list[str]:
    """Return the names of the workers that reported lately."""
    with _client() as client:
        names = cast(list[bytes], client.zrangebyscore(KEY, time.time() - SILENCE, "+inf"))
    return [name.decode() for name in names]


def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=3, socket_connect_timeout=3)
