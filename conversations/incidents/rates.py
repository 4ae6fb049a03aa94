"""The share of bad calls over time, as the buckets of a chart. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from conversations.incidents.series import Seen, Share

MOST = 48
STEPS = tuple(timedelta(minutes=n) for n in (1, 2, 5, 10, 15, 30, 60, 180, 360, 720, 1440))


@dataclass(frozen=True, slots=True)
class Rates:
    """``starts`` are the buckets' first moments, UTC; each lasts ``step``."""

    starts: tuple[datetime, ...]
    shares: tuple[Share, ...]
    step: timedelta


def bucket(series: Sequence[Seen], onset: datetime, until: datetime) -> Rates:
    """The series from a while before the onset until it ends, in at most ``MOST`` buckets.

    The while is as long as half of what follows, and at least 20 minutes.
    """
    lead = max(timedelta(minutes=20), (until - onset) / 2)
    first = max(onset - lead, min((row.at for row in series), default=onset))
    step = next((step for step in STEPS if (until - first) / step <= MOST - 1), STEPS[-1])
    start = _floor(first, step)
    starts: list[datetime] = []
    while start <= until and len(starts) < MOST:
        starts.append(start)
        start += step
    counts = [[0, 0] for _ in starts]
    for row in series:
        at = bisect_right(starts, row.at) - 1
        if at >= 0 and row.at < starts[-1] + step:
            counts[at][0] += row.bad
            counts[at][1] += 1
    return Rates(tuple(starts), tuple(Share(*pair) for pair in counts), step)


def _floor(at: datetime, step: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return at - (at - epoch) % step
