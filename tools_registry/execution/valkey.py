"""Valkey for executions: one client an event loop, and a pause once it does not answer."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import logging
import time
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import redis.asyncio
from django.conf import settings
from redis.exceptions import RedisError

PATIENCE_S = 1.0
PAUSE_S = 5.0
"""How long nothing is asked after Valkey did not answer, so that its failure costs no time."""

Client = redis.asyncio.Redis
_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Client] = weakref.WeakKeyDictionary()
_paused_until = 0.0
_log = logging.getLogger(__name__)


class Away(Exception):
    """Valkey does not answer."""


@asynccontextmanager
async def connected() -> AsyncIterator[Client]:
    """The client of this event loop. Raises ``Away``, at once for a while after it did."""
    global _paused_until
    if time.monotonic() < _paused_until:
        raise Away
    try:
        yield _client()
    except (RedisError, OSError) as error:
        _paused_until = time.monotonic() + PAUSE_S
        _log.warning("executions go on without Valkey for %g s: %s", PAUSE_S, error)
        raise Away from error


def _client() -> Client:
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        _clients[loop] = redis.asyncio.Redis.from_url(
            settings.REDIS_URL,
            protocol=2,
            socket_timeout=PATIENCE_S,
            socket_connect_timeout=PATIENCE_S,
        )
    return _clients[loop]


async def close() -> None:
    """Close this event loop's client; to be called before a loop ends that is not the server's."""
    if client := _clients.pop(asyncio.get_running_loop(), None):
        await client.aclose()


@functools.cache
def waiting_client(url: str) -> Any:
    """A client for code that is not asynchronous."""
    return redis.Redis.from_url(
        url, protocol=2, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S
    )


def name_key(kind: str, project: int, *names: str) -> str:
    """A key; names are hashed, as they may hold anything."""
    hashed = (hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest() for name in names)
    return ":".join(["execution", kind, str(project), *hashed])
