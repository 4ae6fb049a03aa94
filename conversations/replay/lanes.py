"""How many calls a connection takes at once, shared among all workers through Valkey.

A worker asks for as many places as it can use and gets its fair part of the connection's limit
(max-min fairness), until the lease runs out. What others hold beyond their part comes free as
their calls end. A provider that says to wait is waited for by everybody.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis.asyncio as redis
from django.conf import settings
from redis.exceptions import RedisError

from conversations.models import Connection

LIMITS: Mapping[str, int] = {"local": 2, "ollama": 2, "scripted": 64}
USUAL = 8
"""Calls at once of a connection that sets no ``concurrency``."""
MOST = 500
LEASE = 10.0
_PATIENCE = 2.0
logger = logging.getLogger(__name__)

# KEYS: the holders of a lane, until when it waits. ARGV: holder, places wanted, calls under way,
# the limit, the lease in ms. Gives the places, and the ms to wait.
_SHARE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wanted, busy, limit = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local all, wants, held = redis.call('HGETALL', KEYS[1]), {wanted}, 0
for at = 1, #all, 2 do
  if all[at] ~= ARGV[1] then
    local has, want, till = string.match(all[at + 1], '(%d+):(%d+):(%d+)')
    if tonumber(till) < now then
      redis.call('HDEL', KEYS[1], all[at])
    else
      held = held + tonumber(has)
      table.insert(wants, tonumber(want))
    end
  end
end
table.sort(wants)
local left, part = limit, 0
for at = 1, #wants do
  part = math.ceil(left / (#wants - at + 1))
  if wants[at] <= part then part = wants[at] end
  left = left - part
  if wants[at] >= wanted then break end
end
local places = math.max(0, math.min(wanted, part, limit - held))
if wanted == 0 and busy == 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  local has = math.max(places, busy)
  redis.call('HSET', KEYS[1], ARGV[1], has .. ':' .. wanted .. ':' .. (now + ARGV[5]))
  redis.call('PEXPIRE', KEYS[1], 60000)
end
return {places, math.max(0, redis.call('PTTL', KEYS[2]))}
"""


def limit_of(connection: Connection) -> int:
    """How many calls it takes at once: its setting ``concurrency``, else as its protocol bears."""
    own = connection.settings.get("concurrency")
    if isinstance(own, int) and own > 0:
        return min(own, MOST)
    return LIMITS.get(connection.protocol, USUAL)


@dataclass(frozen=True, slots=True)
class Grant:
    """Places that a worker may use now, and the seconds that everybody waits."""

    places: int
    wait: float = 0.0


class Lanes:
    """One worker's view of the lanes; ``holder`` is its name. Without Valkey it keeps to what it
    was last given."""

    def __init__(self, holder: str) -> None:
        self._holder = holder
        self._given: dict[int, tuple[Grant, float]] = {}
        self._is_told = False
        url = settings.REDIS_URL or settings.CELERY_BROKER_URL
        self._redis: Any = redis.Redis.from_url(url, protocol=2, socket_timeout=_PATIENCE)

    async def share(self, lane: int, *, wanted: int, busy: int, limit: int) -> Grant:
        """Ask for ``wanted`` places in a lane of ``limit``, ``busy`` of them with calls."""
        args = (self._holder, wanted, busy, limit, int(LEASE * 1000))
        try:
            places, wait = await self._redis.eval(_SHARE, 2, *_keys(lane)[:2], *args)
        except (RedisError, OSError) as error:
            self._tell("Places of connection %s are not shared: %s", lane, error)
            return self._remember(lane, wanted)
        self._is_told = False
        grant = Grant(int(places), int(wait) / 1000)
        self._given[lane] = grant, time.monotonic()
        return grant

    def _remember(self, lane: int, wanted: int) -> Grant:
        grant, at = self._given.get(lane, (Grant(0), 0.0))
        fresh = time.monotonic() - at < LEASE
        return Grant(min(grant.places, wanted)) if fresh else Grant(0, 1.0)

    async def hold(self, lane: int, seconds: float) -> None:
        """Let everybody wait: the provider said so. A longer wait stays."""
        key = _keys(lane)[1]
        try:
            if await self._redis.pttl(key) < seconds * 1000:
                await self._redis.set(key, "1", px=max(1, int(seconds * 1000)))
        except (RedisError, OSError) as error:
            self._tell("Connection %s is not held for others: %s", lane, error)

    async def note_down(self, lane: int) -> float:
        """A call could not reach the provider: for how many seconds none has."""
        key = _keys(lane)[2]
        try:
            await self._redis.set(key, str(time.time()), nx=True, ex=3600)
            since = await self._redis.get(key)
        except (RedisError, OSError):
            return 0.0
        return max(0.0, time.time() - float(since)) if since else 0.0

    async def note_up(self, lane: int) -> None:
        try:
            await self._redis.delete(_keys(lane)[2])
        except (RedisError, OSError) as error:
            self._tell("Connection %s is not noted as up: %s", lane, error)

    def _tell(self, words: str, lane: int, error: Exception) -> None:
        """Once until Valkey answers again."""
        if not self._is_told:
            logger.warning(words, lane, error)
        self._is_told = True

    async def close(self) -> None:
        """Give back what is held."""
        try:
            for lane in self._given:
                await self._redis.hdel(_keys(lane)[0], self._holder)
        except (RedisError, OSError):
            pass  # the leases run out
        await self._redis.aclose()


def _keys(lane: int) -> tuple[str, str, str]:
    name = f"replay:lane:{lane}"
    return f"{name}:holders", f"{name}:wait", f"{name}:down"
