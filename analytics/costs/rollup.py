"""Hours of the dearest and of conduct, written anew from the raw rows; longer steps from shorter.

Both run within the transaction of the other rollups, and may be repeated at will.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from analytics import spans
from console.lib import uuid7
from conversations.search.fields import MISFIRES

KEPT = 100
"""Users, conversations, tags and pairs of each step that have rows of their own."""
KEPT_LONGER = 150
"""The same, of steps longer than an hour."""
HIGHEST = 1000
LOOKED_BACK = timedelta(days=7)
"""How far back a conversation's earlier calls are counted."""
_TOPS, _SUMMARY, _CONDUCT = (
    "analytics_topcost",
    "analytics_topsummary",
    "analytics_conductcount",
)
_SHARED = "model, provider, environment, source"
_RANKED = "environment, tool, rank"
_SUMS = "turns, calls, misfires, unpriced, cost, misfire_cost"
_ORDER = 'weight DESC, number DESC, key COLLATE "C", tool COLLATE "C"'
_OF_STEP = "project_id = %(project)s AND grain = %(grain)s AND start = %(start)s"
_IN_HOUR = "project_id = %(project)s AND id >= %(low)s AND id < %(high)s"

# What a turn's calls are, and what each costs: its share of the turn and its own.
_CALLS = f"""
  calls AS MATERIALIZED (
    SELECT id, turn_id, conversation_id, left(name, 200) AS tool, codes, coalesce(cost, 0) AS own
    FROM conversations_toolcall WHERE {_IN_HOUR}),
  turns AS MATERIALIZED (
    SELECT id, conversation_id, left(model, 200) AS model, provider, environment, source,
      "user", tags, cost, cost / together AS share
    FROM conversations_turn LEFT JOIN (
      SELECT turn_id, count(*) AS together FROM calls GROUP BY turn_id
    ) called ON turn_id = id WHERE {_IN_HOUR}),
  priced AS MATERIALIZED (
    SELECT c.id, c.turn_id, c.conversation_id, c.tool,
      c.codes && %(misfires)s::varchar[] AS is_misfire, c.codes && '{{repeated_call}}' AS is_repeat,
      coalesce(t.share, 0) + c.own AS cost, c.own, t.cost IS NULL AS is_unpriced,
      coalesce(t.model, '') AS model, coalesce(t.provider, '') AS provider,
      coalesce(t.environment, '') AS environment, coalesce(t.source, '') AS source
    FROM calls c LEFT JOIN turns t ON t.id = c.turn_id)"""

_HOUR_TOPS = f"""
WITH {_CALLS},
  told AS (
    SELECT turn_id, count(*) AS calls, count(*) FILTER (WHERE is_misfire) AS misfires,
      sum(own) AS own, coalesce(sum(cost) FILTER (WHERE is_misfire), 0) AS misfire_cost
    FROM priced GROUP BY turn_id),
  whole AS MATERIALIZED (
    SELECT t.conversation_id, t."user", t.tags, {_SHARED}, count(*) AS turns,
      coalesce(sum(c.calls), 0) AS calls, coalesce(sum(c.misfires), 0) AS misfires,
      count(*) FILTER (WHERE t.cost IS NULL) AS unpriced,
      coalesce(sum(t.cost), 0) + coalesce(sum(c.own), 0) AS cost,
      coalesce(sum(c.misfire_cost), 0) AS misfire_cost
    FROM turns t LEFT JOIN told c ON c.turn_id = t.id
    GROUP BY t.conversation_id, t."user", t.tags, {_SHARED}),
  each AS MATERIALIZED (
    SELECT 'user' AS kind, "user" AS key, '' AS tool, {_SHARED}, {_SUMS} FROM whole
    UNION ALL SELECT 'conversation', conversation_id::text, '', {_SHARED}, {_SUMS} FROM whole
    UNION ALL SELECT 'tag', tag, '', {_SHARED}, {_SUMS} FROM whole,
      unnest(CASE WHEN tags = '{{}}' THEN '{{""}}' ELSE tags END) AS tag
    UNION ALL
    SELECT 'pair', conversation_id::text, tool, {_SHARED}, 0, count(*),
      count(*) FILTER (WHERE is_misfire), count(*) FILTER (WHERE is_unpriced), sum(cost),
      coalesce(sum(cost) FILTER (WHERE is_misfire), 0)
    FROM priced GROUP BY conversation_id, tool, {_SHARED})"""

# Of the rows "each", those of the greatest keys are kept; the others become one for each set of
# dimensions.
_KEEP = f"""
  , weighed AS MATERIALIZED (
    SELECT kind, key, tool, sum(CASE kind WHEN 'pair' THEN calls ELSE cost END) AS weight,
      sum(turns) AS number
    FROM each GROUP BY kind, key, tool),
  counted AS MATERIALIZED (SELECT kind, count(*) AS keys FROM weighed GROUP BY kind),
  ranked AS MATERIALIZED (
    SELECT counted.kind, one.*, row_number() OVER (PARTITION BY counted.kind ORDER BY {_ORDER})
      AS place
    FROM counted, LATERAL (
      SELECT key, tool, weight, number FROM weighed WHERE weighed.kind = counted.kind
      ORDER BY {_ORDER} LIMIT %(kept)s + 1) AS one),
  kept AS MATERIALIZED (SELECT kind, key, tool FROM ranked WHERE place <= %(kept)s),
  gone AS MATERIALIZED (
    SELECT kind, counted.keys - %(kept)s AS keys, weight AS most
    FROM ranked JOIN counted USING (kind) WHERE place = %(kept)s + 1)"""
_ADDED = ", ".join(f"sum({name}) AS {name}" for name in _SUMS.split(", "))
_KEYED = "kind, key, tool, is_rest"
_PUT = (
    "INSERT INTO {table} (project_id, grain, start, " + _KEYED + ", keys, most, {dimensions}, "
    f"{_SUMS}) SELECT %(project)s, %(grain)s, %(start)s"
)
_PUT_TOPS = f"""
  , held AS MATERIALIZED (
    SELECT each.kind, coalesce(kept.key, '') AS key, coalesce(kept.tool, '') AS tool,
      kept.key IS NULL AS is_rest,
      max(CASE WHEN kept.key IS NULL THEN gone.keys ELSE 1 END) AS keys,
      max(CASE WHEN kept.key IS NULL THEN gone.most ELSE 0 END) AS most, {_SHARED}, {_ADDED}
    FROM each
    LEFT JOIN kept ON kept.kind = each.kind AND kept.key = each.key AND kept.tool = each.tool
    LEFT JOIN gone ON gone.kind = each.kind
    GROUP BY each.kind, kept.key, kept.tool, {_SHARED}),
  summed AS (
    {_PUT.format(table=_SUMMARY, dimensions="environment")}, {_KEYED}, max(keys), max(most),
      environment, {_ADDED}
    FROM held GROUP BY {_KEYED}, environment)
{_PUT.format(table=_TOPS, dimensions=_SHARED)}, {_KEYED}, keys, most, {_SHARED}, {_SUMS}
FROM held"""

_SHORTER = """project_id = %(project)s AND grain = %(shorter)s
      AND start >= %(start)s AND start < %(end)s"""

_LONGER_TOPS = f"""
WITH each AS MATERIALIZED (
    SELECT kind, key, tool, {_SHARED}, {_SUMS} FROM {_TOPS} WHERE {_SHORTER} AND NOT is_rest)"""


def _write_rests(table: str, dimensions: str) -> str:
    """What the shorter steps had already added up stays so, and what it hides adds up as well."""
    return f"""
WITH hidden AS (
  SELECT kind, sum(own + below) AS most FROM (
    SELECT kind, start, coalesce(max(most) FILTER (WHERE key = ''), 0) AS own,
      coalesce(max(most) FILTER (WHERE key <> ''), 0) AS below
    FROM {table} WHERE {_SHORTER} AND is_rest GROUP BY kind, start) AS steps
  GROUP BY kind)
{_PUT.format(table=table, dimensions=dimensions)}, kind, 'hours', '', true, max(keys),
  max(hidden.most), {dimensions}, {_ADDED}
FROM {table} rest JOIN hidden USING (kind) WHERE {_SHORTER} AND is_rest
GROUP BY kind, {dimensions}"""


_LONGER_RESTS = (_write_rests(_TOPS, _SHARED), _write_rests(_SUMMARY, "environment"))

# Conversations are looked up one by one: those of a quiet hour are few in a week of many calls.
_HOUR_CONDUCT = f"""
  , numbered AS (
    SELECT c.id, c.rank FROM (SELECT DISTINCT conversation_id FROM calls) t, LATERAL (
      SELECT id, row_number() OVER (PARTITION BY name ORDER BY id) AS rank
      FROM conversations_toolcall
      WHERE conversation_id = t.conversation_id AND project_id = %(project)s
        AND id >= %(back)s AND id < %(high)s) c),
  conduct AS (
    INSERT INTO {_CONDUCT} (project_id, grain, start, {_RANKED}, calls, misfires, repeats, cost)
    SELECT %(project)s, %(grain)s, %(start)s, environment, tool, least(rank, {HIGHEST}), count(*),
      count(*) FILTER (WHERE is_misfire), count(*) FILTER (WHERE is_repeat), sum(cost)
    FROM priced JOIN numbered USING (id) GROUP BY environment, tool, least(rank, {HIGHEST}))"""

_LONGER_CONDUCT = f"""
INSERT INTO {_CONDUCT} (project_id, grain, start, {_RANKED}, calls, misfires, repeats, cost)
SELECT %(project)s, %(grain)s, %(start)s, {_RANKED}, sum(calls), sum(misfires), sum(repeats),
  sum(cost)
FROM {_CONDUCT} WHERE {_SHORTER} GROUP BY {_RANKED}"""

# Calls that come late move the ranks of those after them.
_LATER = """
INSERT INTO analytics_dirtyhour (project_id, hour)
SELECT DISTINCT %(project)s::bigint, date_trunc('hour', later.at, 'UTC')
FROM conversations_toolcall later
WHERE later.project_id = %(project)s AND later.id >= %(high)s AND later.id < %(ahead)s
  AND date_trunc('hour', later.at, 'UTC') <> ALL(%(hours)s::timestamptz[])
  AND later.conversation_id IN (
    SELECT conversation_id FROM conversations_toolcall
    WHERE project_id = %(project)s AND id >= %(low)s AND id < %(high)s)"""
# The planner knows nothing of how many rows each step has, and would sort where it could hash.
_BY_HASH = (
    "SET LOCAL enable_mergejoin = off; SET LOCAL enable_nestloop = off;"
    " SET LOCAL enable_sort = off; SET LOCAL work_mem = '64MB'"
)
_AS_USUAL = (
    "SET LOCAL enable_mergejoin TO DEFAULT; SET LOCAL enable_nestloop TO DEFAULT;"
    " SET LOCAL enable_sort TO DEFAULT; SET LOCAL work_mem TO DEFAULT"
)
_TAKE_TOPS = f"""WITH summary AS (DELETE FROM {_SUMMARY} WHERE {_OF_STEP})
DELETE FROM {_TOPS} WHERE {_OF_STEP}"""
_TAKE_CONDUCT = f"""WITH gone AS (DELETE FROM {_CONDUCT} WHERE {_OF_STEP} RETURNING calls)
SELECT coalesce(sum(calls), 0) FROM gone"""
_COUNT = f"SELECT coalesce(sum(calls), 0) FROM {_CONDUCT} WHERE {_OF_STEP}"


def write_hours(project: int, hours: Sequence[datetime]) -> None:
    """Write hours anew, in order; later hours in which their conversations went on are marked."""
    with connection.cursor() as cursor:
        for start in sorted(hours):
            _write_hour(cursor, project, start, hours)


def _write_hour(
    cursor: CursorWrapper, project: int, start: datetime, hours: Sequence[datetime]
) -> None:
    end = start + timedelta(hours=1)
    given: dict[str, Any] = {
        "project": project,
        "grain": spans.HOUR,
        "start": start,
        "low": uuid7.floor(start),
        "high": uuid7.floor(end),
        "back": uuid7.floor(start - LOOKED_BACK),
        "ahead": uuid7.floor(end + LOOKED_BACK),
        "hours": list(hours),
        "misfires": list(MISFIRES),
        "kept": KEPT,
    }
    cursor.execute(_TAKE_TOPS, given)
    cursor.execute(_TAKE_CONDUCT, given)
    before = cursor.fetchone()[0]
    cursor.execute(_BY_HASH)
    cursor.execute(_HOUR_TOPS + _HOUR_CONDUCT + _KEEP + _PUT_TOPS, given)
    cursor.execute(_AS_USUAL)
    cursor.execute(_COUNT, given)
    if cursor.fetchone()[0] != before:
        cursor.execute(_LATER, given)


def write_longer(project: int, grain: int, shorter: int, start: datetime) -> None:
    """Write a longer step anew from the shorter ones within it."""
    given: dict[str, Any] = {
        "project": project,
        "grain": grain,
        "shorter": shorter,
        "start": start,
        "end": spans.after(start, grain),
        "kept": KEPT_LONGER,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_TOPS, given)
        cursor.execute(_BY_HASH)
        cursor.execute(_LONGER_TOPS + _KEEP + _PUT_TOPS, given)
        cursor.execute(_AS_USUAL)
        for statement in _LONGER_RESTS:
            cursor.execute(statement, given)
        cursor.execute(_TAKE_CONDUCT, given)
        cursor.execute(_LONGER_CONDUCT, given)
