"""Calls a conversation, and what a budget of N would have cut.

The rollup counts calls by their rank: the r-th call of a tool in its conversation. So calls of rank
r are the conversations with at least r calls, and those above N are what a budget of N cuts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import connection

from analytics.costs.figures import ZERO, widen
from analytics.filters import Filter
from analytics.spans import Span
from console.accounts.models import Project
from console.lib.fields import from_stored

DIMENSIONS = ("tool", "environment")
"""What calls a conversation are divided by; the same conversation may well ask several models."""
RANKS = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 500)
LEAST = 5
"""The bars of the distribution, and how many of them there are at least."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What a budget of ``limit`` calls a conversation would have cut."""

    limit: int
    calls: int
    of_calls: int
    conversations: int
    of_conversations: int
    cost: Decimal
    misfires: int

    @property
    def percent(self) -> float:
        return 100 * self.calls / self.of_calls if self.of_calls else 0.0


@dataclass(slots=True)
class Ranks:
    """One tool, or all: calls, misfires and dollars by rank, from 1; ``repeats`` in all."""

    tool: str
    calls: dict[int, int] = field(default_factory=dict)
    misfires: dict[int, int] = field(default_factory=dict)
    repeats: int = 0
    cost: dict[int, Decimal] = field(default_factory=dict)

    @property
    def whole(self) -> int:
        return sum(self.calls.values())

    @property
    def conversations(self) -> int:
        """At least as many as called it in the time, whatever their first rank in it was."""
        return max(self.calls.values(), default=0)

    @property
    def highest(self) -> int:
        return max(self.calls, default=0)

    @property
    def per_conversation(self) -> float:
        return self.whole / self.conversations if self.conversations else 0.0

    def at_least(self, rank: int) -> int:
        """Conversations with so many calls or more."""
        return max((n for r, n in self.calls.items() if r >= rank), default=0)

    def cut(self, limit: int) -> Cut:
        over = [rank for rank in self.calls if rank > limit]
        return Cut(
            limit,
            sum(self.calls[rank] for rank in over),
            self.whole,
            self.at_least(limit + 1),
            self.conversations,
            sum((self.cost[rank] for rank in over), ZERO),
            sum(self.misfires[rank] for rank in over),
        )

    def reached(self) -> list[tuple[int, int]]:
        """How many calls, and how many conversations came to so many in the time: each has one
        call of that rank."""
        found = [(rank, self.calls.get(rank, 0)) for rank in RANKS]
        while len(found) > LEAST and not found[-1][1]:
            found.pop()
        return found


def read_ranks(project: Project, kept: Filter, span: Span) -> list[Ranks]:
    """Each tool's ranks, the tool with the longest conversation first; filtered by ``DIMENSIONS``
    alone."""
    span = widen(span)
    where, values = kept.where(DIMENSIONS)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tool, rank, sum(calls), sum(misfires), sum(repeats), sum(cost)"
            " FROM analytics_conductcount"
            f" WHERE project_id = %s AND grain = %s AND start >= %s AND start < %s{where}"
            " GROUP BY tool, rank",
            [project.pk, span.grain, span.since, span.until, *values],
        )
        rows = cursor.fetchall()
    found: dict[str, Ranks] = {}
    for name, rank, calls, misfires, repeats, cost in rows:
        tool = found.setdefault(name, Ranks(from_stored(name)))
        tool.calls[rank], tool.misfires[rank] = int(calls), int(misfires)
        tool.cost[rank] = cost
        tool.repeats += int(repeats)
    return sorted(found.values(), key=lambda one: (-one.highest, -one.whole, one.tool))


def add_up(tools: Sequence[Ranks]) -> Ranks:
    """All tools together: each pair of a conversation and a tool counts for itself."""
    whole = Ranks("")
    for one in tools:
        for rank, calls in one.calls.items():
            whole.calls[rank] = whole.calls.get(rank, 0) + calls
            whole.misfires[rank] = whole.misfires.get(rank, 0) + one.misfires[rank]
            whole.cost[rank] = whole.cost.get(rank, ZERO) + one.cost[rank]
        whole.repeats += one.repeats
    return whole
