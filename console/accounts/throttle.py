"""Sign-in attempts are counted before the password is looked at, so that guessing is slow.

Counts are in Valkey, shared by all web processes. Without Valkey each web process counts by
itself: the limits still hold, once per process. Attempts count alike whether or not the
account exists.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpRequest
from redis.exceptions import RedisError

from console.accounts.models import hash_token

WINDOW = 15 * 60
PER_ACCOUNT_AND_ADDRESS = 5
PER_ADDRESS = 20
PER_ACCOUNT = 50

_log = logging.getLogger(__name__)
_own = LocMemCache("sign-in", {})


def count_attempt(email: str, address: str) -> int:
    """Count one attempt. The seconds to wait when it is one too many, else 0."""
    return max(_shared_or_own(_count, key, limit) for key, limit in _limits(email, address))


def forgive(email: str, address: str) -> None:
    """The right password came: this attempt does not count, nor those of the same pair before."""
    pair, *wider = [key for key, _ in _limits(email, address)]
    _shared_or_own(_take_back, pair, PER_ACCOUNT_AND_ADDRESS + 1)
    for key in wider:
        _shared_or_own(_take_back, key, 1)


def client_address(request: HttpRequest) -> str:
    """The caller's network: an IPv4 address, or the /64 that one IPv6 subscriber has.

    Behind a trusted proxy it is the last entry of X-Forwarded-For, the one the proxy wrote.
    """
    text = request.META.get("REMOTE_ADDR") or ""
    if settings.SECURE_PROXY_SSL_HEADER:
        text = request.headers.get("X-Forwarded-For", text).split(",")[-1].strip()
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text[:64]
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _limits(email: str, address: str) -> list[tuple[str, int]]:
    """The counters of one attempt. A stranger elsewhere cannot easily lock the owner out."""
    account, place = hash_token(email.strip().lower())[:32], hash_token(address)[:32]
    return [
        (f"sign-in:{account}:{place}", PER_ACCOUNT_AND_ADDRESS),
        (f"sign-in:at:{place}", PER_ADDRESS),
        (f"sign-in:of:{account}", PER_ACCOUNT),
    ]


def _count(store: BaseCache, key: str, limit: int) -> int:
    """The window opens with the first attempt; its end is in the counter's own key."""
    now = int(time.time())
    end = store.get_or_set(key, now + WINDOW, WINDOW) or now + WINDOW
    store.add(f"{key}:{end}", 0, WINDOW + 60)
    return max(end - now, 1) if store.incr(f"{key}:{end}") > limit else 0


def _take_back(store: BaseCache, key: str, at_most: int) -> int:
    counter = f"{key}:{store.get(key)}"
    count = store.get(counter)
    return store.decr(counter, min(at_most, count)) if count else 0


def _shared_or_own(act: Callable[[BaseCache, str, int], int], key: str, number: int) -> int:
    try:
        return act(cache, key, number)
    except RedisError as error:
        _log.warning("Valkey is away, this process counts sign-in attempts by itself: %s", error)
        return act(_own, key, number)
