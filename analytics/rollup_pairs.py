"""The part of an hour's statement that sets what was expected against what was called. Pure.

It reads ``all_calls`` and ``hour_turns`` of ``analytics.rollup_hour``. The lists' field
``expected`` finds by the same conditions: the number of each cell is that of its list.
"""

from __future__ import annotations

from conversations.search.asked import findings_as_json
from conversations.search.expecting import LIVE, RIGHT, SAID_RIGHT


def read_findings(row: str) -> str:
    """The findings of a row that has any, one by one."""
    return f"jsonb_array_elements({findings_as_json(row)})"


_NAMED = "left(f ->> 'suggestion', 200)"
# Labels go before what the record expected.
_BY = "CASE WHEN {0} IN (SELECT turn_id FROM labels) THEN 'label' ELSE 'record' END"
_OF_RECORD = """t.expected IS NOT NULL AND t.status = 'finished'
    AND t.id NOT IN (SELECT turn_id FROM labels)"""
PAIRS = f"""
, labels AS (
  SELECT l.turn_id, l.call_id, l.kind
  FROM conversations_label l JOIN hour_turns t ON t.id = l.turn_id
  WHERE l.project_id = %(project)s AND {LIVE}
),
pairs AS (
  SELECT c.turn_id, {_BY.format("c.turn_id")} AS by,
    CASE f ->> 'code' WHEN 'wrong_tool' THEN {_NAMED} ELSE '' END AS expected, c.tool AS called
  FROM all_calls c CROSS JOIN LATERAL {read_findings("c")} AS f
  WHERE c.codes && '{{wrong_tool,needless_call}}' AND c.findings IS JSON ARRAY
    AND f ->> 'code' IN ('wrong_tool', 'needless_call')
  UNION ALL
  SELECT DISTINCT t.id, {_BY.format("t.id")}, {_NAMED}, ''
  FROM hour_turns t CROSS JOIN LATERAL {read_findings("t")} AS f
  WHERE t.findings IS JSON ARRAY AND f ->> 'code' = 'missed_call'
  UNION ALL
  SELECT turn_id, 'label', tool, tool FROM (
    SELECT DISTINCT l.turn_id, c.id, coalesce(c.tool, '') AS tool
    FROM labels l LEFT JOIN all_calls c ON c.turn_id = l.turn_id WHERE {SAID_RIGHT}
  ) met
  UNION ALL
  SELECT t.id, 'record', c.tool, c.tool FROM hour_turns t JOIN all_calls c ON c.turn_id = t.id
  WHERE {_OF_RECORD} AND {RIGHT}
  UNION ALL
  SELECT t.id, 'record', '', '' FROM hour_turns t
  WHERE {_OF_RECORD} AND t.expected -> 'calls' = '[]' AND t.calls IS NULL
)
"""
PAIRED_STEPS = """(
  SELECT t.step, t.model, t.provider, t.environment, t.source, p.by, p.expected, p.called,
    1 AS number
  FROM pairs p JOIN hour_turns t ON t.id = p.turn_id WHERE p.expected IS NOT NULL
) found"""
