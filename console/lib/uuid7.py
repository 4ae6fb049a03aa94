"""UUIDs of version 7 (RFC 9562 §5.7): time is in the key, so key ranges are time ranges."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def _assemble(at: datetime, entropy: bytes) -> UUID:
    milliseconds = (at - _EPOCH) // _MILLISECOND
    if not 0 <= milliseconds < 1 << 48:
        raise ValueError(f"{at} is outside the range of UUIDv7")
    tail = int.from_bytes(entropy[:10], "big") & ((1 << 80) - 1)
    number = (milliseconds << 80) | tail
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=number)


def now() -> UUID:
    """A new random key of this moment."""
    return _assemble(datetime.now(UTC), os.urandom(10))


def of(at: datetime, *identity: str) -> UUID:
    """The key of what happened ``at`` (aware) and is named by ``identity``: always the same one."""
    digest = hashlib.sha256("\x1f".join(identity).encode("utf-8", "surrogatepass")).digest()
    return _assemble(at, digest)


def floor(at: datetime) -> UUID:
    """The least key of the millisecond ``at``: keys of later times are greater."""
    return UUID(int=_assemble(at, bytes(10)).int & ~((1 << 76) - 1) | 0x7 << 76)


def time(key: UUID) -> datetime:
    """The time in a key, to the millisecond, UTC."""
    return _EPOCH + (key.int >> 80) * _MILLISECOND
