"""Which versions of a tool are offered, how often and by whom: counted from turns and calls.

Each count reads one stretch of an index that holds all it needs (``turn_newest``,
``call_newest``), so that it costs what its stretch is long, whatever is stored beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from console.accounts.models import Project
from console.lib import uuid7
from conversations.models import ToolSighting
from tools_registry.models import Toolset, ToolVersion

DAY = timedelta(days=1)
_LOOKED_AT = 200
"""Turns of a version's latest day that say by which models and environments it is offered."""

_TURNS = """
SELECT span.n - 1, found.toolset_id, found.turns
FROM unnest(%s::uuid[], %s::uuid[]) WITH ORDINALITY AS span (low, high, n)
CROSS JOIN LATERAL (
  SELECT toolset_id, count(*) AS turns FROM conversations_turn
  WHERE project_id = %s AND id >= span.low AND id < span.high AND toolset_id IS NOT NULL
  GROUP BY toolset_id
) AS found
"""
_CALLS = """
SELECT tool_version_id, count(*), count(*) FILTER (WHERE verdict = 'rejected')
FROM conversations_toolcall
WHERE project_id = %s AND id >= %s AND id < %s AND tool_version_id = ANY(%s)
GROUP BY tool_version_id
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
    spans = [(start, start + DAY) for start in starts] + [(now - DAY, now + DAY)]
    ids = {version.pk for version in versions}
    traffic = {pk: VersionTraffic([0] * days) for pk in ids}
    counted = _count_turns(project, spans)
    offered = _read_toolsets({toolset for _, toolset, _ in counted}, ids)
    recent = 0
    for span, toolset, turns in counted:
        shown = offered.get(toolset, ())
        for pk in shown:
            if span < days:
                traffic[pk].days[span] += turns
            else:
                traffic[pk].recent += turns
        recent += turns if shown and span == days else 0
    _add_calls(project, traffic, starts[0], now + DAY)
    _add_who(project, traffic, starts, offered)
    for sighting in ToolSighting.objects.filter(version__in=ids).order_by("-last_at"):
        traffic[sighting.version_id].senders.append(sighting)
    return ToolTraffic(starts, now, recent, traffic)


def _count_turns(
    project: Project, spans: Sequence[tuple[datetime, datetime]]
) -> list[tuple[int, int, int]]:
    """(index of the span, toolset, turns) for all toolsets of the project."""
    lows, highs = ([uuid7.floor(end) for end in ends] for ends in zip(*spans, strict=True))
    return _fetch(_TURNS, [lows, highs, project.pk])


def _fetch(sql: str, values: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _read_toolsets(toolsets: Collection[int], versions: set[int]) -> dict[int, set[int]]:
    """Which of the versions each toolset offers; toolsets that offer none are left out."""
    rows = Toolset.objects.filter(pk__in=toolsets, versions__overlap=list(versions))
    return {pk: versions.intersection(held) for pk, held in rows.values_list("pk", "versions")}


def _add_calls(
    project: Project, traffic: Mapping[int, VersionTraffic], since: datetime, until: datetime
) -> None:
    ends = uuid7.floor(since), uuid7.floor(until)
    for pk, calls, rejected in _fetch(_CALLS, [project.pk, *ends, list(traffic)]):
        traffic[pk].calls, traffic[pk].rejected = calls, rejected


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
    ends = uuid7.floor(now - DAY), uuid7.floor(now + DAY)
    found = dict.fromkeys(tools, 0)
    for pk, calls, _ in _fetch(_CALLS, [project.pk, *ends, list(owner)]):
        found[owner[pk]] += calls
    return found
