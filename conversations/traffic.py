"""Which versions of a tool are offered, how often and by whom: counted from turns and calls.

Each count reads one stretch of an index that holds all it needs (``turn_newest``,
``call_newest``), so that it costs what its stretch is long, whatever is stored beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection

from console.accounts.models import Project
from console.lib import uuid7
from conversations.models import ToolSighting
from tools_registry.models import Toolset, ToolVersion

DAY = timedelta(days=1)
Span = tuple[datetime, datetime]
Count = tuple[int, int, int]
"""A toolset's or version's id, how many turns or calls, how many of these were rejected."""
_LOOKED_AT = 200
"""Turns of a version's latest day that say by which models and environments it is offered."""

_CLOSED = timedelta(hours=1)
"""How long after its end a day is taken for counted; what comes later is seen after ``_KEPT``."""
_KEPT = 900
_TURNS = """
SELECT span.n - 1, found.toolset_id, found.turns, 0
FROM unnest(%s::uuid[], %s::uuid[]) WITH ORDINALITY AS span (low, high, n)
CROSS JOIN LATERAL (
  SELECT toolset_id, count(*) AS turns FROM conversations_turn
  WHERE project_id = %s AND id >= span.low AND id < span.high AND toolset_id IS NOT NULL
  GROUP BY toolset_id
) AS found
"""
_CALLS = """
SELECT span.n - 1, found.tool_version_id, found.calls, found.rejected
FROM unnest(%s::uuid[], %s::uuid[]) WITH ORDINALITY AS span (low, high, n)
CROSS JOIN LATERAL (
  SELECT tool_version_id, count(*) AS calls,
    count(*) FILTER (WHERE verdict = 'rejected') AS rejected
  FROM conversations_toolcall
  WHERE project_id = %s AND id >= span.low AND id < span.high AND tool_version_id IS NOT NULL
  GROUP BY tool_version_id
) AS found
"""
_WHO = """
SELECT model, environment, count(*) FROM (
  SELECT model, environment FROM conversations_turn
  WHERE project_id = %s AND id >= %s AND id < %s AND toolset_id = ANY(%s)
  ORDER BY id DESC LIMIT %s
) AS latest GROUP BY model, environment ORDER BY 3 DESC
"""


@dataclass(slots=True)
class VersionTraffic:
    """``days`` counts the turns of each day that offered the version, ``recent`` those of the last
    24 hours; ``calls`` and ``rejected`` are of the whole window.
    """

    days: list[int]
    recent: int = 0
    calls: int = 0
    rejected: int = 0
    models: list[str] = field(default_factory=list)
    environments: list[str] = field(default_factory=list)
    senders: list[ToolSighting] = field(default_factory=list)

    @property
    def turns(self) -> int:
        return sum(self.days)


@dataclass(frozen=True, slots=True)
class ToolTraffic:
    """``starts`` are the days' first moments; ``recent`` counts the turns of the last 24 hours that
    offered any version of the tool: the base of shares.
    """

    starts: Sequence[datetime]
    until: datetime
    recent: int
    versions: Mapping[int, VersionTraffic]

    @property
    def highest(self) -> int:
        """Turns of the version and day that had most; at least 1."""
        return max((max(one.days, default=0) for one in self.versions.values()), default=0) or 1


def read_traffic(
    project: Project, versions: Sequence[ToolVersion], now: datetime, days: int
) -> ToolTraffic:
    """The traffic of one tool's versions over the last ``days`` UTC days, today's included."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [today - DAY * n for n in reversed(range(days))]
    spans = [(start, start + DAY) for start in starts]
    ids = {version.pk for version in versions}
    traffic = {pk: VersionTraffic([0] * days) for pk in ids}
    turns = _count_kept(project, _TURNS, spans, now) + _count(project, _TURNS, [(now - DAY, now)])
    offered = _read_toolsets({toolset for span in turns for toolset, _, _ in span}, ids)
    recent = _add_turns(traffic, turns, offered)
    for counted in _count_kept(project, _CALLS, spans, now):
        for pk, calls, rejected in counted:
            if pk in traffic:
                traffic[pk].calls += calls
                traffic[pk].rejected += rejected
    _add_who(project, traffic, starts, offered)
    for sighting in ToolSighting.objects.filter(version__in=ids).order_by("-last_at"):
        traffic[sighting.version_id].senders.append(sighting)
    return ToolTraffic(starts, now, recent, traffic)


def _add_turns(
    traffic: Mapping[int, VersionTraffic],
    turns: Sequence[Sequence[Count]],
    offered: Mapping[int, set[int]],
) -> int:
    """Spread each toolset's turns over its versions; the last span is that of the last 24 hours,
    whose turns with any of the versions are returned."""
    *days, last = turns
    for index, counted in enumerate(days):
        for toolset, count, _ in counted:
            for pk in offered.get(toolset, ()):
                traffic[pk].days[index] += count
    for toolset, count, _ in last:
        for pk in offered.get(toolset, ()):
            traffic[pk].recent += count
    return sum(count for toolset, count, _ in last if toolset in offered)


def _count_kept(
    project: Project, sql: str, spans: Sequence[Span], now: datetime
) -> list[list[Count]]:
    """As ``_count``; days that are over are counted once in a while."""
    kind = "turns" if sql is _TURNS else "calls"
    keys = [f"traffic:{kind}:{project.pk}:{start:%Y%m%d}" for start, _ in spans]
    closed = {key for key, (_, end) in zip(keys, spans, strict=True) if end + _CLOSED <= now}
    kept: dict[str, list[Count]] = cache.get_many(closed)
    missing = [index for index, key in enumerate(keys) if key not in kept]
    counted = _count(project, sql, [spans[index] for index in missing]) if missing else []
    fresh = {keys[index]: found for index, found in zip(missing, counted, strict=True)}
    cache.set_many({key: fresh[key] for key in closed & fresh.keys()}, _KEPT)
    return [(kept | fresh)[key] for key in keys]


def _count(project: Project, sql: str, spans: Sequence[Span]) -> list[list[Count]]:
    """Of each span the counts of all toolsets, or versions, of the project."""
    lows, highs = ([uuid7.floor(end) for end in ends] for ends in zip(*spans, strict=True))
    found: list[list[Count]] = [[] for _ in spans]
    for index, key, count, rejected in _fetch(sql, [lows, highs, project.pk]):
        found[index].append((key, count, rejected))
    return found


def _fetch(sql: str, values: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _read_toolsets(toolsets: Collection[int], versions: set[int]) -> dict[int, set[int]]:
    """Which of the versions each toolset offers; toolsets that offer none are left out."""
    rows = Toolset.objects.filter(pk__in=toolsets, versions__overlap=list(versions))
    return {pk: versions.intersection(held) for pk, held in rows.values_list("pk", "versions")}


def _add_who(
    project: Project,
    traffic: Mapping[int, VersionTraffic],
    starts: Sequence[datetime],
    offered: Mapping[int, set[int]],
) -> None:
    """Models and environments, from the newest turns of the last day that offered the version."""
    for pk, one in traffic.items():
        active = [start for start, turns in zip(starts, one.days, strict=True) if turns]
        if not active:
            continue
        toolsets = [toolset for toolset, shown in offered.items() if pk in shown]
        ends = uuid7.floor(active[-1]), uuid7.floor(active[-1] + DAY)
        rows = _fetch(_WHO, [project.pk, *ends, toolsets, _LOOKED_AT])
        one.models = list(dict.fromkeys(model for model, _, _ in rows if model))
        one.environments = list(dict.fromkeys(name for _, name, _ in rows if name))


def count_calls(project: Project, tools: Collection[int], now: datetime) -> dict[int, int]:
    """Calls of each tool in the last 24 hours, by the tool's id; of all versions of it."""
    owner = dict(
        ToolVersion.objects.filter(project=project, tool__in=tools).values_list("pk", "tool_id")
    )
    found = dict.fromkeys(tools, 0)
    for pk, calls, _ in _count(project, _CALLS, [(now - DAY, now)])[0]:
        if pk in owner:
            found[owner[pk]] += calls
    return found
