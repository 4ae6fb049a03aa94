"""A bound tried on recorded traffic before it is set: what it would have cut, and its cost. Pure.

The rows are recorded calls of one tool, the oldest first: calls that a bound refuses are left
out of what it counts from then on, as they are when it is set.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Past:
    """One recorded call. ``at`` in seconds of any clock, ``cost`` in US dollars (None where it
    is not known), ``same`` what makes two calls one to a cache: the arguments' hash."""

    conversation: str
    cost: Decimal | None = None
    at: float = 0.0
    user: str = ""
    latency_ms: float | None = None
    same: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a bound would have done to ``calls`` recorded calls.

    ``cut`` calls would not have been made, in so many ``groups``, which are conversations or
    users as ``of`` says; they cost ``saved`` US dollars, and ``unpriced`` of them have no known
    cost. ``verb`` is what the bound does to a call.
    """

    bound: str
    calls: int
    cut: int
    groups: int
    saved: Decimal
    unpriced: int
    of: str = "conversation"
    verb: str = "cut"

    def to_text(self) -> str:
        """As "a budget of 5 would have cut 1,930 calls and saved $5.79"."""
        if not self.cut:
            return (
                f"{self.bound} would have {self.verb} none of {self.calls:,}"
                f" call{'s' * (self.calls != 1)}"
            )
        priced = self.unpriced < self.cut and self.verb != "ended"
        places = 2 if not self.saved or self.saved >= Decimal("0.01") else 4
        saving = f" and saved ${self.saved:,.{places}f}" if priced else ""
        calls = f"{self.cut:,} call{'s' * (self.cut != 1)}"
        text = f"{self.bound} would have {self.verb} {calls}{saving}"
        return f"{text}; {self.unpriced:,} of them have no known cost" if self.unpriced else text


def try_budget(rows: Iterable[Past], budget: int) -> Effect:
    """At most ``budget`` calls a conversation."""
    made: dict[str, int] = defaultdict(int)
    cut: list[Past] = []
    for row in (rows := list(rows)):
        made[row.conversation] += 1
        if made[row.conversation] > budget:
            cut.append(row)
    return _sum(f"a budget of {budget:,}", rows, cut, {row.conversation for row in cut})


def try_rate(rows: Iterable[Past], rate: int) -> Effect:
    """At most ``rate`` calls in any minute of one user."""
    given: dict[str, deque[float]] = defaultdict(deque)
    cut: list[Past] = []
    for row in (rows := list(rows)):
        within = given[row.user]
        while within and within[0] <= row.at - MINUTE:
            within.popleft()
        if len(within) < rate:
            within.append(row.at)
        else:
            cut.append(row)
    effect = _sum(f"a rate of {rate:,} a minute", rows, cut, {row.user for row in cut})
    return replace(effect, of="user")


def try_timeout(rows: Iterable[Past], timeout_ms: int) -> Effect:
    """No call longer than ``timeout_ms``. Such a call is made and paid for, so it saves nothing."""
    rows = list(rows)
    cut = [row for row in rows if row.latency_ms is not None and row.latency_ms > timeout_ms]
    conversations = {row.conversation for row in cut}
    effect = _sum(f"a timeout of {timeout_ms:,} ms", rows, cut, conversations)
    return replace(effect, saved=Decimal(0), unpriced=0, verb="ended")


def try_cache(rows: Iterable[Past], ttl_s: float) -> Effect:
    """Results kept for ``ttl_s`` seconds: the calls that would not have been executed again."""
    kept: dict[str, float] = {}
    cut: list[Past] = []
    for row in (rows := list(rows)):
        if row.same in kept and row.at < kept[row.same] + ttl_s:
            cut.append(row)
        else:
            kept[row.same] = row.at
    effect = _sum(f"a cache of {ttl_s:,.0f} s", rows, cut, {row.conversation for row in cut})
    return replace(effect, verb="answered")


def _sum(bound: str, rows: Sequence[Past], cut: Sequence[Past], groups: set[str]) -> Effect:
    costs = [row.cost for row in cut if row.cost is not None]
    saved = sum(costs, Decimal(0))
    return Effect(bound, len(rows), len(cut), len(groups), saved, len(cut) - len(costs))
