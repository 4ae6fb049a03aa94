"""What was expected of a turn and its calls, by labels or by its record, as SQL. Pure.

The matrix of what was expected against what was called is counted by the same conditions.
"""

from __future__ import annotations

RIGHT = "NOT c.codes && '{wrong_tool,needless_call,wrong_count}'"
"""Of calls: no finding says that another one was expected."""
LIVE = "l.superseded_at IS NULL AND l.kind <> 'withdrawn'"
"""Of labels."""


def expects(turn: str) -> str:
    """Whether the record of a turn says what was expected."""
    return (
        f"""({turn}.expected LIKE '%%"calls"%%' OR {turn}.expected LIKE '%%"acceptable"%%')"""
        f" AND {turn}.expected IS JSON OBJECT AND position('\\u' IN {turn}.expected) = 0"
    )


def _labels(turn: str, condition: str = "") -> str:
    more = f" AND {condition}" if condition else ""
    return (
        "EXISTS (SELECT FROM conversations_label l"
        f" WHERE l.project_id = %s AND l.turn_id = {turn} AND {LIVE}{more})"
    )


SAID_RIGHT = (
    f"(l.call_id = c.id AND l.kind IN ('right', 'wrong_arguments') AND {RIGHT}"
    " OR l.call_id IS NULL AND l.kind = 'right')"
)
"""Of a call with a label of its turn: the label speaks of it, or of the turn as a whole."""
MET_BY_CALL = f"""({_labels("c.turn_id", SAID_RIGHT)}
  OR {RIGHT} AND EXISTS (SELECT FROM conversations_turn e
    WHERE e.id = c.turn_id AND e.status = 'finished' AND {expects("e")})
  AND NOT {_labels("c.turn_id")})"""
"""The call was expected. Its parameter, twice, is the project."""
MET_BY_TURN = f"""(NOT EXISTS (SELECT FROM conversations_toolcall called
    WHERE called.turn_id = t.id AND called.project_id = t.project_id)
  AND ({_labels("t.id", "l.call_id IS NULL AND l.kind = 'right'")}
    OR t.status = 'finished'
    AND CASE WHEN {expects("t")} THEN t.expected::jsonb -> 'calls' = '[]' ELSE false END
    AND NOT {_labels("t.id")}))"""
"""No call was expected, and none was made. Its parameter, twice, is the project."""
