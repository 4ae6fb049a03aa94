"""How much one key may send: bytes a second out of a token bucket in Valkey.

All web processes draw from the same bucket. Without Valkey nothing is limited: traffic is not
lost because a count cannot be kept. What a process last saw of a bucket bounds what can be in it
now, so that the web server can refuse a request by its head alone.
"""

from __future__ import annotations

import functools
import logging
import time
from collections import OrderedDict
from typing import Any

import redis
from django.conf import settings
from redis.exceptions import RedisError

BODY = 64 * 1024 * 1024
"""Bytes of one body, decompressed."""
SENT = 32 * 1024 * 1024
"""Bytes of one body, as sent."""
API = 20 * 1024 * 1024
LARGEST = 64 * 1024 * 1024
"""Bytes of a body of other addresses: of definitions and the like, of an upload or the proxy."""
DOORS = ("/v1/traces", "/v1/logs", "/api/v1/turns")

BURST = 10
"""Seconds of its rate that a key may send at once."""
_MOST_SEEN = 10_000

logger = logging.getLogger(__name__)
_seen: OrderedDict[str, tuple[float, float]] = OrderedDict()
"""Tokens that were left to a key, and when; by the hash of the key."""

# Takes ARGV[3] tokens from a bucket that fills at ARGV[1] a second up to ARGV[2]; gives the
# milliseconds to wait where it holds fewer, and what is left. A request larger than the bucket
# needs it full.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local rate, most, asked = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tokens = tonumber(held[1]) or most
tokens = math.min(most, tokens + (now - (tonumber(held[2]) or now)) * rate)
local need = math.min(asked, most)
local wait = 0
if tokens >= need then tokens = tokens - asked else wait = (need - tokens) / rate end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('EXPIRE', KEYS[1], math.ceil(2 * most / rate) + 60)
return {math.ceil(wait * 1000), math.floor(tokens)}
"""


@functools.cache
def _client(url: str) -> Any:
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)


def seconds_to_wait(key: str, size: int) -> float:
    """Take ``size`` bytes from the bucket of an API key, by its hash; 0, or how long to wait
    before."""
    rate = settings.INGEST_KIB_PER_SECOND * 1024
    if rate <= 0:
        return 0.0
    try:
        client = _client(settings.REDIS_URL)
        given = [f"ingest:{key}", rate, rate * BURST, max(size, 1024)]
        waiting, left = client.eval(_TAKE, 1, *given)
    except RedisError as error:
        logger.warning("ingest is not limited: Valkey does not answer (%s)", error)
        return 0.0
    _seen[key] = (float(left), time.monotonic())
    _seen.move_to_end(key)
    if len(_seen) > _MOST_SEEN:
        _seen.popitem(last=False)
    return int(waiting) / 1000


def foresee_wait(key: str, size: int) -> float:
    """How long the key must wait at least, by what this process last saw; takes nothing."""
    rate = settings.INGEST_KIB_PER_SECOND * 1024
    seen = _seen.get(key)
    if seen is None or rate <= 0:
        return 0.0
    left, at = seen
    most = left + (time.monotonic() - at) * rate
    return max(0.0, (min(size, rate * BURST) - most) / rate)


def largest_of(path: str) -> int:
    """Bytes of a body that an address takes, as sent."""
    if path in DOORS:
        return SENT
    return API if path.startswith("/api/") else LARGEST
