"""The parts of an hour's statement that keep durations as sketches. Pure.

They read ``hour_calls`` and ``hour_turns`` of ``analytics.rollup_hour``.
"""

from __future__ import annotations

from analytics.rollup_sql import AT_GRAIN, STEPS
from analytics.sketch import BUCKET

_NAMED = "model, provider, environment, tool, version_id"
_TIMED = f"measure, {_NAMED}"
_TOOL_SERIES = "environment, tool, version_id"
_TURN_SERIES = "model, provider, environment"
# What durations are of is numbered, so that each bucket is counted by numbers alone: by all
# dimensions, by the environment, and by the model or tool.
SKETCHED = f"""
, tool_series AS MATERIALIZED (
  SELECT {_TOOL_SERIES}, row_number() OVER () AS series,
    dense_rank() OVER (ORDER BY environment) AS whole, dense_rank() OVER (ORDER BY tool) AS one
  FROM hour_calls WHERE latency_ms IS NOT NULL GROUP BY {_TOOL_SERIES}
),
turn_series AS MATERIALIZED (
  SELECT {_TURN_SERIES}, row_number() OVER () AS series,
    dense_rank() OVER (ORDER BY environment) AS whole, dense_rank() OVER (ORDER BY model) AS one
  FROM hour_turns GROUP BY {_TURN_SERIES}
),
finest AS MATERIALIZED (
  SELECT 'tool' AS measure, step, series, whole, one, {BUCKET % "latency_ms"} AS bucket,
    count(*) AS number
  FROM hour_calls JOIN tool_series USING ({_TOOL_SERIES})
  WHERE latency_ms IS NOT NULL GROUP BY 2, 3, 4, 5, 6
  UNION ALL
  SELECT measure, step, series, whole, one, {BUCKET % "taken"}, count(*)
  FROM hour_turns JOIN turn_series USING ({_TURN_SERIES}),
    LATERAL (VALUES ('turn', latency_ms), ('first', first_token_ms)) AS of (measure, taken)
  WHERE taken IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6
),
timed AS (
  SELECT measure, step, series, bucket, number FROM finest
  UNION ALL
  SELECT measure || 's', step, whole, bucket, sum(number)::bigint FROM finest GROUP BY 1, 2, 3, 4
  UNION ALL
  SELECT 'by_' || measure, step, one, bucket, sum(number)::bigint FROM finest GROUP BY 1, 2, 3, 4
),
every ({_TIMED}, series, whole, one) AS MATERIALIZED (
  SELECT 'tool', '', '', {_TOOL_SERIES}, series, whole, one FROM tool_series
  UNION ALL
  SELECT measure, {_TURN_SERIES}, '', 0::bigint, series, whole, one
  FROM turn_series, (VALUES ('turn'), ('first')) AS of (measure)
),
named AS MATERIALIZED (
  SELECT {_TIMED}, series FROM every
  UNION ALL
  SELECT DISTINCT measure || 's', '', '', environment, '', 0::bigint, whole FROM every
  UNION ALL
  SELECT DISTINCT 'by_' || measure, model, '', '', tool, 0::bigint, one FROM every
)
"""
SKETCHES = f"""
SELECT grain, start, {_TIMED}, number, buckets, counts
FROM named JOIN (
  SELECT grain, start, measure, series, sum(number) AS number, array_agg(bucket) AS buckets,
    array_agg(number) AS counts
  FROM (
    SELECT {AT_GRAIN} AS start, measure, series, bucket, sum(number)::bigint AS number
    FROM timed, {STEPS} GROUP BY 1, 2, 3, 4, 5
  ) counted GROUP BY grain, start, measure, series
) held USING (measure, series)
"""
