"""The statement that makes the counts of an hour anew. Pure.

It takes away what is there and inserts what the raw rows say, so that twice is the same as once,
whatever came late, twice, or was taken away. The raw rows are read once and counted in the finest
steps by all dimensions; what has longer steps or fewer dimensions is a sum of that. Its parameters
are ``project``, ``grains``, ``finest`` (the least of them), ``since``, ``until`` (the hour),
``low`` and ``high`` (its keys), and ``most``, the grains that are kept of the tables but ``FEW``.
"""

from __future__ import annotations

from functools import cache

from analytics import facts
from analytics.facts import write_list
from analytics.rollup_pairs import PAIRED_STEPS, PAIRS, read_findings
from analytics.rollup_sql import (
    AT_GRAIN,
    BIN,
    BY_CALLS,
    CALLS,
    CODE_COUNTS,
    EXPECTED,
    IN_HOUR,
    KIND_COUNTS,
    KINDS,
    MODEL_COUNTS,
    MODEL_TOOLS,
    MOST_POINTERS,
    NAMED,
    OF_TOOL,
    OFFERS,
    POINTERS,
    SHARED,
    STEPS,
    SUMMARIES,
    SUMMARY_CODES,
    TOOL_CODES,
    TOOL_COUNTS,
    TOOL_KINDS,
    TOOL_SUMS,
    TRAFFIC_CODES,
    TURNS,
    Table,
    write_rows,
)
from conversations.search.expecting import expects
from conversations.search.fields import MISFIRES

# What the statement reads: the hour's turns and calls.
_OF_CALLS = f"""id, turn_id, step, {", ".join(SHARED)}, verdict, codes, status, answered, cached,
    cost, latency_ms, findings"""
_FACTS = f"""
all_calls AS MATERIALIZED (
  SELECT c.id, c.turn_id, c.position, {BIN.format("c")} AS step, c.model, c.provider,
    c.environment, c.source, left(c.name, 200) AS tool,
    coalesce(c.tool_version_id, 0) AS version_id, c.verdict, c.codes, c.status,
    c.result IS NOT NULL AS answered, c.cached, c.cost, c.latency_ms,
    CASE WHEN c.codes <> '{{}}' THEN c.findings END AS findings
  FROM conversations_toolcall c WHERE {IN_HOUR.format("c")}
),
calling AS (SELECT turn_id, count(*) AS calls FROM all_calls GROUP BY turn_id),
hour_turns AS MATERIALIZED (
  SELECT t.id, calling.calls, {BIN.format("t")} AS step, t.model, t.provider, t.environment,
    t.source, coalesce(t.connection_id, 0) AS connection_id,
    coalesce(t.toolset_id, 0) AS toolset_id,
    t.status, t.verdict, t.codes, t.cost,
    t.input_tokens, t.cached_input_tokens, t.cache_write_tokens, t.output_tokens,
    t.reasoning_tokens, t.latency_ms, t.first_token_ms,
    CASE WHEN {expects("t")} THEN t.expected::jsonb END AS expected,
    CASE WHEN t.codes && '{{missed_call}}' THEN t.findings END AS findings
  FROM conversations_turn t LEFT JOIN calling ON calling.turn_id = t.id
  WHERE {IN_HOUR.format("t")}
),
{NAMED.format(_OF_CALLS).strip()}
"""

_MISFIRES = write_list(MISFIRES)
_BY_TOOL = ", ".join(OF_TOOL)
_SUMS_OF_CALLS = f"""count(*)::int AS calls,
      (count(*) FILTER (WHERE {facts.FLAGGED}))::int AS flagged,
      (count(*) FILTER (WHERE {facts.REJECTED}))::int AS rejected,
      (count(*) FILTER (WHERE answered))::int AS answered,
      (count(*) FILTER (WHERE {facts.ERRED}))::int AS errors,
      (count(*) FILTER (WHERE cached))::int AS cached,
      (count(*) FILTER (WHERE share IS NULL))::int AS unpriced,
      coalesce(sum(share), 0) AS model_cost, coalesce(sum(cost), 0) AS tool_cost"""

# The kind of a set of codes is found once for each set. A call costs its share of its turn.
_COUNTED = f"""
, kinds AS MATERIALIZED (
  SELECT codes, coalesce(
    (SELECT code FROM unnest({write_list(KINDS)}) WITH ORDINALITY ordered (code, place)
     WHERE code = ANY(codes) ORDER BY place LIMIT 1), '') AS kind
  FROM (SELECT DISTINCT codes FROM all_calls) found
),
by_kind AS MATERIALIZED (
  SELECT one.*, CASE WHEN kind = ANY({_MISFIRES}) THEN calls ELSE 0 END AS misfires,
    CASE WHEN kind = ANY({_MISFIRES}) THEN model_cost + tool_cost ELSE 0 END AS misfire_cost
  FROM (
    SELECT step, {_BY_TOOL}, kind, {_SUMS_OF_CALLS}
    FROM named_calls JOIN kinds USING (codes)
      LEFT JOIN (SELECT id AS turn_id, cost / calls AS share FROM hour_turns WHERE calls > 0) t
      USING (turn_id)
    GROUP BY step, {_BY_TOOL}, kind
  ) one
),
by_code AS MATERIALIZED (
  SELECT step, {_BY_TOOL}, code, count(*)::int AS calls
  FROM (
    SELECT DISTINCT id, step, {_BY_TOOL}, unnest(codes) AS code
    FROM named_calls WHERE codes <> '{{}}'
  ) each GROUP BY step, {_BY_TOOL}, code
),
by_turn AS MATERIALIZED (
  SELECT step, {", ".join(SHARED)}, connection_id, toolset_id, count(*)::int AS turns,
    count(calls)::int AS calling, (count(*) FILTER (WHERE {facts.FAILED}))::int AS failed,
    (count(*) FILTER (WHERE {facts.MISSED}))::int AS missed,
    (count(*) FILTER (WHERE {facts.REJECTED}))::int AS rejected,
    (count(*) FILTER (WHERE {facts.UNPRICED}))::int AS unpriced,
    coalesce(sum(input_tokens), 0) AS input_tokens,
    coalesce(sum(cached_input_tokens), 0) AS cached_input_tokens,
    coalesce(sum(cache_write_tokens), 0) AS cache_write_tokens,
    coalesce(sum(output_tokens), 0) AS output_tokens,
    coalesce(sum(reasoning_tokens), 0) AS reasoning_tokens, {facts.COST} AS cost
  FROM hour_turns GROUP BY step, {", ".join(SHARED)}, connection_id, toolset_id
)
"""


def _sum_steps(table: Table, source: str) -> str:
    """Rows of each grain out of those of the finest steps."""
    names, sums = ", ".join(table.dimensions), _write_sums(table)
    return (
        f"SELECT {AT_GRAIN} AS start, {names}, {sums} FROM {source}, {STEPS} GROUP BY 1, 2, {names}"
    )


def _add_hour(table: Table, source: str) -> str:
    """Rows of the finest steps as they are, and those of the hour out of them."""
    names = ", ".join(table.dimensions)
    carried = ", ".join(TOOL_SUMS if table in BY_CALLS else table.sums)
    return (
        f"SELECT %(finest)s::int AS grain, step AS start, {names}, {carried} FROM {source}"
        f" UNION ALL SELECT of.grain, %(since)s::timestamptz, {names}, {_write_sums(table)}"
        f" FROM {source}, {STEPS} WHERE of.grain > %(finest)s GROUP BY of.grain, {names}"
    )


def _sum_rows(table: Table, source: Table) -> str:
    """Rows of fewer dimensions out of those of more."""
    names = ", ".join(table.dimensions)
    return (
        f"SELECT grain, start, {names}, {_write_sums(table)} FROM held_{source.name}"
        f" GROUP BY grain, start, {names}"
    )


def _write_sums(table: Table) -> str:
    """Counts of an hour fit into integers, whose sums are many times faster than those of longer
    ones. By calls, misfires are carried along for those that are summed of the rows."""
    carried = TOOL_SUMS if table in BY_CALLS else table.sums
    kinds = {name: "" if name.endswith(("cost", "tokens")) else "::int" for name in carried}
    return ", ".join(f"sum({name}){kind} AS {name}" for name, kind in kinds.items())


_PLACE = "environment, tool, version_id, code, pointer"
_POINTERS = f"""
SELECT grain, start, {_PLACE}, calls, example
FROM (
  SELECT counted.*, dense_rank() OVER (
    PARTITION BY grain, start ORDER BY whole DESC, tool, code, pointer) AS place
  FROM (
    SELECT held.*, sum(calls) OVER (PARTITION BY grain, start, tool, code, pointer) AS whole
    FROM (
      SELECT {AT_GRAIN} AS start, {_PLACE}, sum(calls) AS calls, max(example) AS example
      FROM (
        SELECT step, {_PLACE}, count(DISTINCT id) AS calls, max(message) AS example
        FROM (
          SELECT c.step, c.id, c.environment, c.tool, c.version_id,
            left(f ->> 'code', 40) AS code, left(coalesce(f ->> 'pointer', ''), 300) AS pointer,
            left(f ->> 'message', 300) AS message
          FROM named_calls c CROSS JOIN LATERAL {read_findings("c")} AS f
          WHERE c.findings IS JSON ARRAY
        ) found GROUP BY step, {_PLACE}
      ) finest, {STEPS} GROUP BY 1, 2, {_PLACE}
    ) held
  ) counted
) ranked WHERE place <= {MOST_POINTERS}
"""

# Those that others are sums of come first.
_ROWS = {
    CALLS: _add_hour(CALLS, "by_kind"),
    KIND_COUNTS: _sum_rows(KIND_COUNTS, CALLS),
    SUMMARIES: _sum_rows(SUMMARIES, KIND_COUNTS),
    MODEL_TOOLS: _sum_rows(MODEL_TOOLS, CALLS),
    MODEL_COUNTS: _sum_rows(MODEL_COUNTS, MODEL_TOOLS),
    TOOL_KINDS: _sum_rows(TOOL_KINDS, CALLS),
    TOOL_COUNTS: _sum_rows(TOOL_COUNTS, TOOL_KINDS),
    CODE_COUNTS: _add_hour(CODE_COUNTS, "by_code"),
    TRAFFIC_CODES: _sum_rows(TRAFFIC_CODES, CODE_COUNTS),
    SUMMARY_CODES: _sum_rows(SUMMARY_CODES, TRAFFIC_CODES),
    TOOL_CODES: _sum_rows(TOOL_CODES, CODE_COUNTS),
    POINTERS: _POINTERS,
    TURNS: _sum_steps(TURNS, "by_turn"),
    OFFERS: _sum_steps(OFFERS, "by_turn"),
    EXPECTED: _sum_steps(EXPECTED, PAIRED_STEPS),
}


@cache
def write_counts() -> str:
    """The statement that makes all counts of an hour anew, in steps of each of ``grains``."""
    parts = [(_FACTS + _COUNTED + PAIRS).strip()]
    parts += [write_rows(table, rows) for table, rows in _ROWS.items()]
    return f"WITH {', '.join(parts)} SELECT count(*) FROM all_calls"
