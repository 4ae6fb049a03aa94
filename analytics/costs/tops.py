"""Who costs most: users, conversations and tags, out of the steps' dearest.

A list of a stretch adds up the rows that each of its steps kept. Whoever was not among the dearest
of a step is short of what it cost there, at most of ``Top.bound`` dollars in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from analytics.costs.figures import ZERO, know, widen
from analytics.filters import OF_TURNS, Filter
from analytics.spans import Span
from console.accounts.models import Project
from console.lib.fields import from_stored

SHOWN = 10
_WITHIN = "project_id = %s AND grain = %s AND kind = %s AND start >= %s AND start < %s"
_SUMS = "sum(turns), sum(calls), sum(misfires), sum(unpriced), sum(cost), sum(misfire_cost)"

_RESTS = """
SELECT coalesce(sum(cost), 0), coalesce(sum(own + below), 0) FROM (
  SELECT sum(cost) AS cost, coalesce(max(most) FILTER (WHERE key = ''), 0) AS own,
    coalesce(max(most) FILTER (WHERE key <> ''), 0) AS below
  FROM {table} WHERE {within}{where} AND is_rest GROUP BY start) AS steps
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One user, conversation or tag; of pairs, ``tool`` in the conversation ``key``."""

    key: str
    tool: str
    turns: int
    calls: int
    misfires: int
    unpriced: int
    cost: Decimal
    misfire_cost: Decimal

    @property
    def known(self) -> Decimal | None:
        return know(self.cost, self.unpriced)

    @property
    def known_misfire(self) -> Decimal | None:
        return know(self.misfire_cost, self.misfires and self.unpriced)


@dataclass(frozen=True, slots=True)
class Top:
    """``rows`` are the dearest, ``others`` what all the rest cost; a key may cost up to ``bound``
    more than its row says."""

    rows: Sequence[Row]
    others: Decimal
    bound: Decimal


def read_top(project: Project, kind: str, kept: Filter, span: Span, most: int = SHOWN) -> Top:
    """The dearest of a kind (``records.KINDS``); of pairs, those with the most calls."""
    span = widen(span)
    where, values = kept.where(("tool", *OF_TURNS) if kind == "pair" else OF_TURNS)
    given = [project.pk, span.grain, kind, span.since, span.until, *values]
    is_narrow = kept.columns <= {"environment", *(["tool"] if kind == "pair" else [])}
    table = "analytics_topsummary" if is_narrow else "analytics_topcost"
    order = "sum(calls)" if kind == "pair" else "sum(cost)"
    found = _fetch(
        f"SELECT key, tool, {_SUMS}, sum(sum(cost)) OVER () FROM {table}"
        f" WHERE {_WITHIN}{where} AND NOT is_rest GROUP BY key, tool"
        f" ORDER BY {order} DESC, sum(turns) DESC, key LIMIT {most:d}",
        given,
    )
    rows = [_row(one[:-1]) for one in found]
    kept_cost = found[0][-1] if found else ZERO
    rest, bound = _fetch(_RESTS.format(table=table, within=_WITHIN, where=where), given)[0]
    shown = sum((row.cost for row in rows), ZERO)
    return Top(rows, max(ZERO, kept_cost + rest - shown), bound)


def _row(held: Sequence[Any]) -> Row:
    key, tool, *counts, cost, misfire = held
    turns, calls, misfires, unpriced = (int(count or 0) for count in counts)
    names = from_stored(key), from_stored(tool)
    return Row(*names, turns, calls, misfires, unpriced, cost or ZERO, misfire or ZERO)


def _fetch(sql: str, values: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
