"""Is the clock of a source to be believed?"""

from __future__ import annotations

from datetime import datetime, timedelta

from conversations.ingest.notes import Note


def clock_skew(
    at: datetime,
    now: datetime,
    *,
    ahead: timedelta = timedelta(hours=24),
    behind: timedelta | None = None,
) -> Note | None:
    """Why a record should be quarantined for its time, or None.

    ``behind`` is for doors that take live traffic alone; files and backfills bring old turns.
    """
    if at - now > ahead:
        distance = at - now
        return Note("clock_skew", f"The turn is {_span_text(distance)} ahead of our clock.")
    if behind is not None and now - at > behind:
        return Note("clock_skew", f"The turn is {_span_text(now - at)} behind our clock.")
    return None


def _span_text(distance: timedelta) -> str:
    days = distance.days
    return f"{days} days" if days > 1 else f"{distance.total_seconds() / 3600:.1f} hours"
