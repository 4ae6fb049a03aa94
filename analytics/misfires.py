"""What the page of misfires shows: rates by kind and dimension, places, and what was expected."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.db.models import F, Sum

from analytics.comparison import LEAST
from analytics.filters import OF_TURNS, Filter
from analytics.metrics import Counted, Tally
from analytics.records import ExpectedCount
from analytics.spans import Span
from console.accounts.models import Project
from console.lib.fields import from_stored
from conversations.search.fields import MISFIRES
from tools_registry.models import ToolVersion

MOST_KINDS = 5
"""Kinds that a chart tells apart; the others are one."""
MOST_PLACES = 8
MOST_NAMES = 8
"""Tools that a matrix tells apart."""
ENOUGH = 50
"""Labelled or expected turns that a matrix needs."""


def rank_kinds(counted: Mapping[tuple[object, ...], Tally]) -> list[tuple[str, int]]:
    """Misfire kinds of tallies by (kind,), the most frequent first."""
    kinds = Counter({str(key[0]): tally.calls for key, tally in counted.items()})
    return [(kind, count) for kind, count in kinds.most_common() if kind in MISFIRES and count]


class Version(NamedTuple):
    """A tool version by name."""

    pk: int
    number: int
    tool: str


def read_versions(project: Project, ids: Iterable[int]) -> dict[int, Version]:
    rows = ToolVersion.objects.filter(project=project, pk__in=[pk for pk in ids if pk])
    return {
        pk: Version(pk, number, tool)
        for pk, number, tool in rows.values_list("pk", "number", "tool__name")
    }


# ---- a version's before and after


@dataclass(frozen=True, slots=True)
class Step:
    """One version of a tool after another, with the calls of both."""

    tool: str
    before: Version
    after: Version
    was: Tally
    is_now: Tally


def list_steps(
    counted: Mapping[tuple[object, ...], Tally], versions: Mapping[int, Version]
) -> list[Step]:
    """Each version with the one of its tool that calls knew before it, of tallies by
    (version_id,); the newest versions first."""
    by_tool: dict[str, list[Version]] = {}
    tallies = {key[0]: tally for key, tally in counted.items()}
    for version in versions.values():
        by_tool.setdefault(version.tool, []).append(version)
    steps = []
    for held in by_tool.values():
        held.sort(key=lambda version: version.number)
        for before, after in zip(held, held[1:], strict=False):
            was, is_now = tallies[before.pk], tallies[after.pk]
            steps.append(Step(after.tool, before, after, was, is_now))
    return sorted(steps, key=lambda step: -step.after.pk)


def choose_step(steps: Sequence[Step]) -> Step | None:
    """The step that most misfires depend on, of those with enough calls on both sides."""

    def weight(step: Step) -> float:
        change = step.is_now.misfired.percent - step.was.misfired.percent
        return abs(change) * math.sqrt(min(step.was.calls, step.is_now.calls))

    fit = [one for one in steps if min(one.was.calls, one.is_now.calls) >= LEAST]
    return max(fit, key=weight, default=None)


# ---- places of findings


@dataclass(frozen=True, slots=True)
class Place:
    """Where findings are: ``days`` are the calls of each step, for a small line."""

    tool: str
    version: int
    code: str
    pointer: str
    calls: int
    example: str
    steps: tuple[int, ...]


LONGEST_POINTER = 300
"""Characters that a place keeps of a pointer."""
PLACED_BY = ("tool", "version", "environment")
"""What places are divided by: of the others of a filter, all are counted."""
_PLACES = """
SELECT tool, code, pointer, max(version_id), sum(calls) AS calls, max(example),
  array_agg(start ORDER BY start), array_agg(calls ORDER BY start)
FROM (
  SELECT tool, code, pointer, start, max(version_id) AS version_id, sum(calls) AS calls,
    max(example) AS example
  FROM analytics_pointercount
  WHERE project_id = %s AND grain = %s AND start >= %s AND start < %s AND code = ANY(%s){where}
  GROUP BY tool, code, pointer, start
) held GROUP BY tool, code, pointer ORDER BY calls DESC, tool, code, pointer LIMIT %s
"""


def read_places(
    project: Project, kept: Filter, span: Span, codes: Sequence[str] = MISFIRES
) -> list[Place]:
    """The places with most findings of these codes; of the filter counts what is ``PLACED_BY``."""
    where, values = kept.where(PLACED_BY)
    given = [project.pk, span.grain, span.since, span.until, list(codes), *values, MOST_PLACES]
    with connection.cursor() as cursor:
        cursor.execute(_PLACES.replace("{where}", where), given)
        rows = cursor.fetchall()
    starts = span.starts
    return [
        Place(
            from_stored(tool), version, code, pointer, int(calls), example, _spread(starts, at, n)
        )
        for tool, code, pointer, version, calls, example, at, n in rows
    ]


def _spread(
    starts: Sequence[datetime], held: Sequence[datetime], counts: Sequence[int]
) -> tuple[int, ...]:
    found = dict(zip(held, counts, strict=True))
    return tuple(int(found.get(start, 0)) for start in starts)


# ---- expected against called


@dataclass(frozen=True, slots=True)
class Expected:
    """Turns by (expected, called); "" is no call, names beyond the most frequent are ``OTHER``:
    ``others``, which are empty where they are too many to be named. ``others_wrong`` are those of
    them that were taken for one another."""

    names: tuple[str, ...]
    counts: Mapping[tuple[str, str], int]
    labelled: int
    right: int
    whole: int
    others: tuple[str, ...] = ()
    others_wrong: int = 0


MOST_OTHERS = 40
OTHER = "other tools"


def read_expected(project: Project, kept: Filter, span: Span) -> Expected:
    """What was expected in turns of the span, by labels and records, against what was called."""
    where, values = kept.where(OF_TURNS)
    rows = ExpectedCount.objects.filter(
        project=project, grain=span.grain, start__gte=span.since, start__lt=span.until
    )
    if where:
        rows = rows.extra(where=[where.removeprefix(" AND ")], params=values)
    held = rows.values_list("expected", "called", "by").annotate(n=Sum(F("number"))).order_by()
    pairs: Counter[tuple[str, str]] = Counter()
    labelled = 0
    for expected, called, by, number in held:
        pairs[from_stored(expected), from_stored(called)] += number
        labelled += number if by == "label" else 0
    return _bound(pairs, labelled)


def _bound(pairs: Counter[tuple[str, str]], labelled: int) -> Expected:
    sizes: Counter[str] = Counter()
    for (expected, called), number in pairs.items():
        sizes[expected] += number
        sizes[called] += number
    ranked = [name for name, _ in sizes.most_common() if name]
    kept, others = ranked[:MOST_NAMES], ranked[MOST_NAMES:]
    counts: Counter[tuple[str, str]] = Counter()
    for (expected, called), number in pairs.items():
        named = [name if name in kept or not name else OTHER for name in (expected, called)]
        counts[named[0], named[1]] += number
    held = {name for pair in counts for name in pair}
    names = [*kept, *(name for name in (OTHER, "") if name in held)]
    right = sum(number for (expected, called), number in pairs.items() if expected == called)
    told = tuple(others) if len(others) <= MOST_OTHERS else ()
    wrong = sum(
        number
        for (expected, called), number in pairs.items()
        if expected != called and {expected, called} <= set(others)
    )
    return Expected(tuple(names), counts, labelled, right, sum(pairs.values()), told, wrong)


def largest(counted: Counted, name: str, most: int = 8) -> list[tuple[str | int, Tally]]:
    """A dimension's values with most misfires, then most calls."""
    rows = [(key[0], tally) for key, tally in counted[name,].items()]
    return sorted(rows, key=lambda row: (-row[1].misfires, -row[1].calls, str(row[0])))[:most]
