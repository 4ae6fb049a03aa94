"""How much one key may send: bytes a second out of a token bucket in Valkey.

All web processes draw from the same bucket. Without Valkey nothing is limited: traffic is not
lost because a count cannot be kept.
"""

from __future__ import annotations

import functools
import logging
from typing import Any

import redis
from django.conf import settings
from redis.exceptions import RedisError

BODY = 64 * 1024 * 1024
"""Bytes of one body, decompressed."""
SENT = 32 * 1024 * 1024
"""Bytes of one body, as sent."""

logger = logging.getLogger(__name__)

# Takes ARGV[3] tokens from a bucket that fills at ARGV[1] a second up to ARGV[2]; gives the
# milliseconds to wait where it holds fewer. A request larger than the bucket needs it full.
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
return math.ceil(wait * 1000)
"""


@functools.cache
def _client(url: str) -> Any:
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)


def seconds_to_wait(key: int, size: int) -> float:
    """Take ``size`` bytes from the bucket of an API key; 0, or how long to wait before."""
    rate = settings.INGEST_KIB_PER_SECOND * 1024
    if rate <= 0:
        return 0.0
    try:
        client = _client(settings.REDIS_URL)
        waiting = client.eval(_TAKE, 1, f"ingest:{key}", rate, rate * 10, max(size, 1024))
    except RedisError as error:
        logger.warning("ingest is not limited: Valkey does not answer (%s)", error)
        return 0.0
    return int(waiting) / 1000
