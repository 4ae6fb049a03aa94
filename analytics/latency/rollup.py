"""The parts of an hour's statement that keep durations as sketches. Pure.

They read ``hour_calls`` and ``hour_turns`` of ``analytics.rollup_hour``.
"""

from __future__ import annotations

from analytics.rollup_sql import STEPS
from analytics.sketch import BUCKET

_NAMED = "model, provider, environment, tool, version_id"
_TIMED = f"measure, {_NAMED}"
_TOOL_SERIES = "environment, tool, version_id"
_TURN_SERIES = "model, provider, environment"
# What durations are of is numbered, so that each bucket is counted by numbers alone. Of nine
# numbers the first three are of tools, the next of turns, the last of first tokens; of each three
# one is by all dimensions, one by the environment, one by the model or tool.
SKETCHED = f"""
, tool_series AS MATERIALIZED (
  SELECT {_TOOL_SERIES}, 9 * row_number() OVER () AS line,
    9 * dense_rank() OVER (ORDER BY environment) + 1 AS whole,
    9 * dense_rank() OVER (ORDER BY tool) + 2 AS one
  FROM by_kind GROUP BY {_TOOL_SERIES}
),
turn_series AS MATERIALIZED (
  SELECT {_TURN_SERIES}, 9 * row_number() OVER () AS line,
    9 * dense_rank() OVER (ORDER BY environment) + 1 AS whole,
    9 * dense_rank() OVER (ORDER BY model) + 2 AS one
  FROM by_turn GROUP BY {_TURN_SERIES}
),
finest AS MATERIALIZED (
  SELECT step, line, whole, one, {BUCKET % "latency_ms"} AS bucket, count(*) AS number
  FROM hour_calls JOIN tool_series USING ({_TOOL_SERIES})
  WHERE latency_ms IS NOT NULL GROUP BY 1, 2, 3, 4, 5
  UNION ALL
  SELECT step, line + place, whole + place, one + place, {BUCKET % "taken"}, count(*)
  FROM hour_turns JOIN turn_series USING ({_TURN_SERIES}),
    LATERAL (VALUES (3, latency_ms), (6, first_token_ms)) AS of (place, taken)
  WHERE taken IS NOT NULL GROUP BY 1, 2, 3, 4, 5
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
SKETCHES = f"""
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
