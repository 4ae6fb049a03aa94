"""How long to wait before a message is tried again. Pure."""

from __future__ import annotations

WAITS = (10, 30, 120, 600, 1800, 3600, 10_800)
"""Seconds before the second try, the third, and so on: 4.7 hours in all."""
TRIES = len(WAITS) + 1
LONGEST_TRY = 60
"""Seconds after which a try counts as lost."""
_SPREAD = 0.2


def wait_before(tries: int, seed: int) -> float:
    """Seconds after the try number ``tries`` has failed, up to a fifth more by ``seed``, so that
    what failed together is not tried together."""
    return WAITS[min(tries, len(WAITS)) - 1] * (1 + _SPREAD * (seed % 1000) / 1000)
