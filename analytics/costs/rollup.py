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
_OF_STEP = "project_id = %(project)s AND grain = %(grain)s AND start = %(start)s"
_IN_HOUR = "project_id = %(project)s AND id >= %(low)s AND id < %(high)s"

_LINES = f"""
  lines AS MATERIALIZED (
    SELECT row_number() OVER () AS line, {_SHARED} FROM {{0}} GROUP BY {_SHARED}
    UNION ALL SELECT 0, '', '', '', '')"""

# Sets of dimensions are numbered, so that many rows are told apart by numbers and not by names.
# A call costs its share of its turn and its own.
_HOUR = f"""
WITH calls AS MATERIALIZED (
    SELECT id, turn_id, conversation_id, left(name, 200) AS tool, codes, coalesce(cost, 0) AS own
    FROM conversations_toolcall WHERE {_IN_HOUR}),
  said AS MATERIALIZED (
    SELECT id, conversation_id, left(model, 200) AS model, provider, environment, source,
      "user", tags, cost
    FROM conversations_turn WHERE {_IN_HOUR}),
  {_LINES.format("said").strip()},
  turns AS MATERIALIZED (
    SELECT id, conversation_id, "user", tags, line, cost, cost / together AS share
    FROM said JOIN lines USING ({_SHARED}) LEFT JOIN (
      SELECT turn_id, count(*) AS together FROM calls GROUP BY turn_id
    ) called ON turn_id = id),
  priced AS MATERIALIZED (
    SELECT id, turn_id, conversation_id, tool, line, own, is_repeat, 0 AS turns, 1 AS calls,
      is_misfire::int AS misfires, unpriced, cost,
      CASE WHEN is_misfire THEN cost ELSE 0 END AS misfire_cost
    FROM (
      SELECT c.*, c.codes && %(misfires)s::varchar[] AS is_misfire,
        c.codes && '{{repeated_call}}' AS is_repeat, coalesce(t.line, 0) AS line,
        (t.cost IS NULL)::int AS unpriced, coalesce(t.share, 0) + c.own AS cost
      FROM calls c LEFT JOIN turns t ON t.id = c.turn_id) one),
  whole AS MATERIALIZED (
    SELECT t.conversation_id, t."user", t.tags, t.line, count(*) AS turns,
      coalesce(sum(c.calls), 0) AS calls, coalesce(sum(c.misfires), 0) AS misfires,
      count(*) FILTER (WHERE t.cost IS NULL) AS unpriced,
      coalesce(sum(t.cost), 0) + coalesce(sum(c.own), 0) AS cost,
      coalesce(sum(c.misfire_cost), 0) AS misfire_cost
    FROM turns t LEFT JOIN (
      SELECT turn_id, count(*) AS calls, sum(misfires) AS misfires, sum(own) AS own,
        sum(misfire_cost) AS misfire_cost
      FROM priced GROUP BY turn_id) c ON c.turn_id = t.id
    GROUP BY t.conversation_id, t."user", t.tags, t.line)"""
_TAGGED = """(
  SELECT whole.*, tag FROM whole,
    unnest(CASE WHEN tags = '{}' THEN '{""}' ELSE tags END) AS tag) AS tagged"""


def _keep(kind: str, source: str, key: str, tool: str = "''") -> str:
    """Rows of the greatest keys of a kind; those of the others become one for each set of
    dimensions. Identifiers sort as their text does."""
    weight, number = ("calls", "0") if kind == "pair" else ("cost", "sum(turns)")
    collated = "" if key == "conversation_id" else ' COLLATE "C"'
    order = f'weight DESC, number DESC, key{collated}, tool COLLATE "C"'
    return f"""
  weighed_{kind} AS MATERIALIZED (
    SELECT {key} AS key, {tool} AS tool, sum({weight}) AS weight, {number} AS number
    FROM {source} GROUP BY 1, 2),
  ranked_{kind} AS MATERIALIZED (
    SELECT *, row_number() OVER (ORDER BY {order}) AS place
    FROM (SELECT * FROM weighed_{kind} ORDER BY {order} LIMIT %(kept)s + 1) AS first),
  held_{kind} AS (
    SELECT '{kind}' AS kind, kept_key::text AS key, kept_tool AS tool, line, {_ADDED}
    FROM {source} LEFT JOIN (
      SELECT key AS kept_key, tool AS kept_tool FROM ranked_{kind} WHERE place <= %(kept)s
    ) AS kept ON kept_key = {key} AND kept_tool = {tool}
    GROUP BY kept_key, kept_tool, line)"""


_ADDED = ", ".join(f"sum({name}) AS {name}" for name in _SUMS.split(", "))
_KEYED = "kind, key, tool, is_rest"
_PUT = (
    "INSERT INTO {table} (project_id, grain, start, " + _KEYED + ", keys, most, {dimensions}, "
    f"{_SUMS}) SELECT %(project)s, %(grain)s, %(start)s"
)
_KINDS = ("user", "conversation", "tag", "pair")
_GONE = """
    SELECT '{0}' AS kind, (SELECT count(*) FROM weighed_{0}) - %(kept)s AS keys, weight AS most
    FROM ranked_{0} WHERE place = %(kept)s + 1"""
_PUT_TOPS = f"""
  gone AS MATERIALIZED ({" UNION ALL".join(_GONE.format(kind) for kind in _KINDS)}),
  held AS MATERIALIZED (
    SELECT kind, coalesce(key, '') AS key, coalesce(tool, '') AS tool, key IS NULL AS is_rest,
      CASE WHEN key IS NULL THEN gone.keys ELSE 1 END AS keys,
      CASE WHEN key IS NULL THEN gone.most ELSE 0 END AS most, {_SHARED}, {_SUMS}
    FROM ({" UNION ALL ".join(f"SELECT * FROM held_{kind}" for kind in _KINDS)}) AS one
      JOIN lines USING (line) LEFT JOIN gone USING (kind)),
  summed AS (
    {_PUT.format(table=_SUMMARY, dimensions="environment")}, {_KEYED}, max(keys), max(most),
      environment, {_ADDED}
    FROM held GROUP BY {_KEYED}, environment)
{_PUT.format(table=_TOPS, dimensions=_SHARED)}, {_KEYED}, keys, most, {_SHARED}, {_SUMS}
FROM held"""

_SHORTER = """project_id = %(project)s AND grain = %(shorter)s
      AND start >= %(start)s AND start < %(end)s"""

_LONGER = f"""
WITH found AS MATERIALIZED (
    SELECT kind, key, tool, {_SHARED}, {_SUMS} FROM {_TOPS} WHERE {_SHORTER} AND NOT is_rest),
  {_LINES.format("found").strip()},
  each AS MATERIALIZED (
    SELECT kind, key, tool, line, {_SUMS} FROM found JOIN lines USING ({_SHARED}))"""


def _keep_each(kind: str) -> str:
    return _keep(kind, f"(SELECT * FROM each WHERE kind = '{kind}') AS of_kind", "key", "tool")


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
_CONDUCT_OF_HOUR = f"""
  numbered AS (
    SELECT c.id, c.rank FROM (SELECT DISTINCT conversation_id FROM calls) t, LATERAL (
      SELECT id, row_number() OVER (PARTITION BY name ORDER BY id) AS rank
      FROM conversations_toolcall
      WHERE conversation_id = t.conversation_id AND project_id = %(project)s
        AND id >= %(back)s AND id < %(high)s) c),
  conduct AS (
    INSERT INTO {_CONDUCT} (project_id, grain, start, {_RANKED}, calls, misfires, repeats, cost)
    SELECT %(project)s, %(grain)s, %(start)s, environment, tool, least(rank, {HIGHEST}), count(*),
      sum(misfires), count(*) FILTER (WHERE is_repeat), sum(cost)
    FROM priced JOIN lines USING (line) JOIN numbered USING (id)
    GROUP BY environment, tool, least(rank, {HIGHEST}))"""

_HOUR_TOPS = ",".join(
    (
        _HOUR,
        _CONDUCT_OF_HOUR,
        _keep("user", "whole", '"user"'),
        _keep("conversation", "whole", "conversation_id"),
        _keep("tag", _TAGGED, "tag"),
        _keep("pair", "priced", "conversation_id", "tool"),
        _PUT_TOPS,
    )
)
_LONGER_TOPS = ",".join((_LONGER, *(_keep_each(kind) for kind in _KINDS), _PUT_TOPS))

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
    cursor.execute(_HOUR_TOPS, given)
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
        cursor.execute(_LONGER_TOPS, given)
        cursor.execute(_AS_USUAL)
        for statement in _LONGER_RESTS:
            cursor.execute(statement, given)
        cursor.execute(_TAKE_CONDUCT, given)
        cursor.execute(_LONGER_CONDUCT, given)
