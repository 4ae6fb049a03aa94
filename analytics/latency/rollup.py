"""The statement that keeps an hour's durations as sketches, made anew as its counts are. Pure.

Its parameters are those of ``analytics.rollup_hour``.
"""

from __future__ import annotations

from functools import cache

from analytics.rollup_sql import BIN, IN_HOUR, LATENCIES, NAMED, STEPS, write_rows
from analytics.sketch import BUCKET

_NAMED = "model, provider, environment, tool, version_id"
_TIMED = f"measure, {_NAMED}"
_TOOL_SERIES = "environment, tool, version_id"
_TURN_SERIES = "model, provider, environment"
_FACTS = f"""
all_calls AS MATERIALIZED (
  SELECT {BIN.format("c")} AS step, c.environment, left(c.name, 200) AS tool,
    coalesce(c.tool_version_id, 0) AS version_id, c.latency_ms
  FROM conversations_toolcall c WHERE {IN_HOUR.format("c")}
),
{NAMED.format("step, environment, latency_ms").strip()},
of_calls AS MATERIALIZED (
  SELECT step, {_TOOL_SERIES}, {BUCKET % "latency_ms"} AS bucket, count(*) AS number
  FROM named_calls WHERE latency_ms IS NOT NULL GROUP BY step, {_TOOL_SERIES}, bucket
),
of_turns AS MATERIALIZED (
  SELECT step, {_TURN_SERIES}, place, bucket, count(*) AS number
  FROM (
    SELECT {BIN.format("t")} AS step, {_TURN_SERIES}, place, {BUCKET % "taken"} AS bucket
    FROM conversations_turn t,
      LATERAL (VALUES (3, latency_ms), (6, first_token_ms)) AS of (place, taken)
    WHERE {IN_HOUR.format("t")} AND taken IS NOT NULL
  ) timed GROUP BY step, {_TURN_SERIES}, place, bucket
)
"""
# What durations are of is numbered, so that each bucket is counted by numbers alone. Of nine
# numbers the first three are of tools, the next of turns, the last of first tokens; of each three
# one is by all dimensions, one by the environment, one by the model or tool.
_SKETCHED = f"""
, tool_series AS MATERIALIZED (
  SELECT {_TOOL_SERIES}, 9 * row_number() OVER () AS line,
    9 * dense_rank() OVER (ORDER BY environment) + 1 AS whole,
    9 * dense_rank() OVER (ORDER BY tool) + 2 AS one
  FROM of_calls GROUP BY {_TOOL_SERIES}
),
turn_series AS MATERIALIZED (
  SELECT {_TURN_SERIES}, 9 * row_number() OVER () AS line,
    9 * dense_rank() OVER (ORDER BY environment) + 1 AS whole,
    9 * dense_rank() OVER (ORDER BY model) + 2 AS one
  FROM of_turns GROUP BY {_TURN_SERIES}
),
finest AS MATERIALIZED (
  SELECT step, line, whole, one, bucket, number
  FROM of_calls JOIN tool_series USING ({_TOOL_SERIES})
  UNION ALL
  SELECT step, line + place, whole + place, one + place, bucket, number
  FROM of_turns JOIN turn_series USING ({_TURN_SERIES})
),
timed AS MATERIALIZED (
  SELECT step, line, bucket, number FROM finest
  UNION ALL
  SELECT step, whole, bucket, sum(number)::bigint FROM finest GROUP BY 1, 2, 3
  UNION ALL
  SELECT step, one, bucket, sum(number)::bigint FROM finest GROUP BY 1, 2, 3
),
every ({_TIMED}, line, whole, one) AS MATERIALIZED (
  SELECT 'tool', '', '', {_TOOL_SERIES}, line, whole, one FROM tool_series
  UNION ALL
  SELECT measure, {_TURN_SERIES}, '', 0::bigint, line + place, whole + place, one + place
  FROM turn_series, (VALUES ('turn', 3), ('first', 6)) AS of (measure, place)
),
named AS MATERIALIZED (
  SELECT {_TIMED}, line FROM every
  UNION ALL
  SELECT DISTINCT measure || 's', '', '', environment, '', 0::bigint, whole FROM every
  UNION ALL
  SELECT DISTINCT 'by_' || measure, model, '', '', tool, 0::bigint, one FROM every
)
"""
_SKETCH = "sum(number) AS number, array_agg(bucket) AS buckets, array_agg(number) AS counts"
# The finest steps are counted already; the longer one is the hour.
_SKETCHES = f"""
SELECT grain, start, {_TIMED}, number, buckets, counts
FROM named JOIN (
  SELECT %(finest)s::int AS grain, step AS start, line, {_SKETCH} FROM timed GROUP BY step, line
  UNION ALL
  SELECT grain, %(since)s::timestamptz, line, {_SKETCH}
  FROM (
    SELECT of.grain, line, bucket, sum(number)::bigint AS number
    FROM timed, {STEPS} WHERE of.grain > %(finest)s GROUP BY of.grain, line, bucket
  ) counted GROUP BY grain, line
) held USING (line)
"""


@cache
def write_sketches() -> str:
    """The statement that makes all sketches of an hour anew, in steps of each of ``grains``."""
    parts = [(_FACTS + _SKETCHED).strip(), write_rows(LATENCIES, _SKETCHES)]
    return f"WITH {', '.join(parts)} SELECT count(*) FROM finest"
