"""Garbage collection in processes that run for long."""

from __future__ import annotations

import gc


def settle() -> None:
    """Once all is imported: what is there now stays. Looking for garbage in it again and again
    stalls what is under way."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
