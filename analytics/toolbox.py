"""The tools of a project: what they weigh, how often they were offered, and what was called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db import connection

from analytics.filters import OF_TURNS, Filter
from analytics.metrics import Tally
from analytics.rollup_sql import OFFERS
from analytics.spans import Span
from console.accounts.models import Project
from tools_registry.lint import weigh
from tools_registry.models import Toolset, ToolVersion


@dataclass(slots=True)
class ToolUse:
    """One tool in a span. ``weight`` are the estimated tokens of its newest version, ``tokens``
    what its definitions took in all turns that offered them."""

    name: str
    version: int
    weight: int
    offered: int = 0
    tokens: int = 0
    tally: Tally = field(default_factory=Tally)
    is_registered: bool = True

    @property
    def is_idle(self) -> bool:
        """Was it offered and never called?"""
        return bool(self.offered) and not self.tally.calls

    @property
    def per_call(self) -> float | None:
        """Tokens of definitions for each call of it."""
        return self.tokens / self.tally.calls if self.tally.calls else None


def count_offers(project: Project, kept: Filter, span: Span) -> dict[int, int]:
    """Turns by the toolset that they offered, those without tools as 0."""
    where, values = kept.where(OF_TURNS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT toolset_id, sum(turns) FROM {OFFERS.name} WHERE project_id = %s"
            f" AND grain = %s AND start >= %s AND start < %s{where} GROUP BY toolset_id",
            [project.pk, span.grain, span.since, span.until, *values],
        )
        return {toolset: int(turns) for toolset, turns in cursor.fetchall()}


def read_uses(
    project: Project, offers: Mapping[int, int], calls: Mapping[str, Tally]
) -> list[ToolUse]:
    """All tools that are registered, were offered, or were called; those that took most tokens of
    definitions first."""
    turns = _count_versions(offers)
    versions = _read_versions(project, turns)
    weights = _weigh(pk for pk, _, _ in versions)
    uses: dict[str, ToolUse] = {}
    for pk, number, name in versions:
        use = uses.setdefault(name, ToolUse(name, number, weights[pk]))
        use.version, use.weight = number, weights[pk]
        use.offered += turns.get(pk, 0)
        use.tokens += weights[pk] * turns.get(pk, 0)
    for name, tally in calls.items():
        use = uses.setdefault(name, ToolUse(name, 0, 0, is_registered=False))
        use.tally = tally
    return sorted(uses.values(), key=lambda use: (-use.tokens, -use.tally.calls, use.name))


def _count_versions(offers: Mapping[int, int]) -> Counter[int]:
    turns: Counter[int] = Counter()
    rows = Toolset.objects.filter(pk__in=[pk for pk in offers if pk])
    for pk, versions in rows.values_list("pk", "versions"):
        for version in set(versions):
            turns[version] += offers[pk]
    return turns


def _read_versions(project: Project, turns: Mapping[int, int]) -> list[tuple[int, int, str]]:
    """The versions that were offered, and the newest of every tool that is not archived: key,
    number and tool, the oldest first."""
    newest = ToolVersion.objects.filter(project=project, tool__archived_at=None)
    newest = newest.order_by("tool", "-number").distinct("tool")
    ids = set(newest.values_list("pk", flat=True)) | {pk for pk in turns if pk}
    rows = ToolVersion.objects.filter(project=project, pk__in=ids).order_by("number")
    return list(rows.values_list("pk", "number", "tool__name"))


_weights: dict[int, int] = {}
_MOST_WEIGHTS = 20_000


def _weigh(versions: Iterable[int]) -> dict[int, int]:
    """Estimated tokens of versions, each weighed once a process: they never change."""
    wanted = list(versions)
    missing = [pk for pk in wanted if pk not in _weights]
    if missing:
        if len(_weights) > _MOST_WEIGHTS:
            _weights.clear()
            missing = wanted
        for version in ToolVersion.objects.filter(pk__in=missing):
            _weights[version.pk] = weigh(version.spec)
    return {pk: _weights[pk] for pk in wanted}
