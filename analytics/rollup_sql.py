"""The statements of rollups: one that makes the rows of an hour anew, one for longer steps.

An hour's statement takes away what is there and inserts what the raw rows say, so that twice is
the same as once, whatever came late, twice, or was taken away. Its parameters are ``project``,
``grain``, ``since``, ``until`` (the hour), ``low`` and ``high`` (its keys).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analytics import facts
from analytics.facts import write_list
from analytics.sketch import BUCKET
from conversations.search.fields import MISFIRES
from tools_registry.validation.findings import CODES

MOST_NAMES, MOST_POINTERS = 100, 200
"""Of an hour: names of unknown tools, and places of findings, that have rows of their own."""
KINDS = (*MISFIRES, *(code for code in CODES if code not in MISFIRES))
"""All codes in the order in which the first that a call has is its kind."""

_SHARED = ("model", "provider", "environment", "source")
_OF_TOOL = (*_SHARED, "tool", "version_id")


@dataclass(frozen=True, slots=True)
class Table:
    """A rollup: the dimensions that tell its rows apart, and the sums that they hold."""

    name: str
    dimensions: tuple[str, ...]
    sums: tuple[str, ...]
    others: tuple[tuple[str, str], ...] = ()
    """Columns that are no sums, each with its aggregate over shorter steps."""

    @property
    def columns(self) -> str:
        return ", ".join(
            (
                "project_id",
                "grain",
                "start",
                *self.dimensions,
                *self.sums,
                *(n for n, _ in self.others),
            )
        )


_OF_TOOLS = ("environment", "tool", "version_id")
_CALL_SUMS = (
    "calls", "flagged", "rejected", "answered", "errors", "cached", "unpriced", "model_cost",
    "tool_cost",
)  # fmt: skip
CALLS = Table("analytics_callcount", (*_OF_TOOL, "kind"), _CALL_SUMS)
SUMMARIES = Table("analytics_summarycount", ("environment", "kind"), _CALL_SUMS)
KIND_COUNTS = Table("analytics_kindcount", (*_SHARED, "kind"), _CALL_SUMS)
TOOL_KINDS = Table("analytics_toolkindcount", (*_OF_TOOLS, "kind"), _CALL_SUMS)
_TOOL_SUMS = (*_CALL_SUMS, "misfires", "misfire_cost")
TOOL_COUNTS = Table("analytics_toolcount", _OF_TOOLS, _TOOL_SUMS)
MODEL_TOOLS = Table("analytics_modeltoolcount", ("model", *_OF_TOOLS), _TOOL_SUMS)
SUMMARY_CODES = Table("analytics_summarycodecount", ("environment", "code"), ("calls",))
CODE_COUNTS = Table("analytics_codecount", (*_OF_TOOL, "code"), ("calls",))
TRAFFIC_CODES = Table("analytics_trafficcodecount", (*_SHARED, "code"), ("calls",))
TOOL_CODES = Table("analytics_toolcodecount", (*_OF_TOOLS, "code"), ("calls",))
POINTERS = Table(
    "analytics_pointercount",
    (*_OF_TOOLS, "code", "pointer"),
    ("calls",),
    (("example", "max(example)"),),
)
TURNS = Table(
    "analytics_turncount",
    (*_SHARED, "connection_id"),
    (
        "turns", "calling", "failed", "missed", "rejected", "unpriced", "input_tokens",
        "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "cost",
    ),
)  # fmt: skip
OFFERS = Table("analytics_offercount", (*_SHARED, "toolset_id"), ("turns",))
EXPECTED = Table("analytics_expectedcount", (*_SHARED, "by", "expected", "called"), ("number",))
LATENCIES = Table(
    "analytics_latencysketch",
    ("measure", "model", "provider", "environment", "tool", "version_id"),
    ("number",),
    (("buckets", ""), ("counts", "")),
)
BY_CALLS = (SUMMARIES, KIND_COUNTS, TOOL_COUNTS, MODEL_TOOLS, TOOL_KINDS, CALLS)
BY_CODE = (SUMMARY_CODES, TRAFFIC_CODES, TOOL_CODES, CODE_COUNTS)
"""The same counts by fewer and by all dimensions, those with fewest rows first."""
BY_KIND = tuple(table for table in BY_CALLS if "kind" in table.dimensions)
TABLES = (*BY_CALLS, *BY_CODE, POINTERS, TURNS, OFFERS, EXPECTED, LATENCIES)


def narrowest(tables: Sequence[Table], columns: Iterable[str]) -> Table:
    """The first of the tables that has all of the columns; ``start`` and "version" are known."""
    wanted = {"version_id" if name == "version" else name for name in columns} - {"start"}
    return next(table for table in tables if wanted <= set(table.dimensions))


_STEP = "%(project)s::bigint, %(grain)s::int, step"
_BIN = "date_bin(make_interval(mins => %(grain)s), {0}.at, '2000-01-01 00:00+00')"
_KEYS = "{0}.project_id = %(project)s AND {0}.id >= %(low)s AND {0}.id < %(high)s"

# What the statement reads: the hour's turns and calls, each call with its share of its turn's cost.
# Names of tools without a version are a model's own words: the most frequent keep theirs.
_FACTS = f"""
hour_turns AS MATERIALIZED (
  SELECT t.id, {_BIN.format("t")} AS step, t.model, t.provider, t.environment, t.source,
    coalesce(t.connection_id, 0) AS connection_id, coalesce(t.toolset_id, 0) AS toolset_id,
    t.status, t.verdict, t.codes, t.cost,
    t.input_tokens, t.cached_input_tokens, t.cache_write_tokens, t.output_tokens,
    t.reasoning_tokens, t.latency_ms, t.first_token_ms,
    CASE WHEN t.expected LIKE '%%"calls"%%' AND t.expected IS JSON OBJECT
      AND position('\\u' IN t.expected) = 0 THEN t.expected::jsonb END AS expected
  FROM conversations_turn t WHERE {_KEYS.format("t")}
),
all_calls AS MATERIALIZED (
  SELECT c.id, c.turn_id, c.position, {_BIN.format("c")} AS step, c.model, c.provider,
    c.environment, c.source, left(c.name, 200) AS tool,
    coalesce(c.tool_version_id, 0) AS version_id, c.verdict, c.codes, c.status,
    c.result IS NOT NULL AS answered, c.cached, c.cost, c.latency_ms,
    CASE WHEN c.codes <> '{{}}' THEN c.findings END AS findings
  FROM conversations_toolcall c WHERE {_KEYS.format("c")}
),
strange AS (
  SELECT tool FROM all_calls WHERE version_id = 0 GROUP BY tool
  ORDER BY count(*) DESC, tool OFFSET {MOST_NAMES}
),
shares AS (
  SELECT t.id, t.cost / count(*) AS cost FROM hour_turns t JOIN all_calls c ON c.turn_id = t.id
  GROUP BY t.id, t.cost
),
hour_calls AS MATERIALIZED (
  SELECT c.id, c.turn_id, c.step, c.model, c.provider, c.environment, c.source,
    CASE WHEN c.version_id = 0 AND c.tool IN (SELECT tool FROM strange) THEN '' ELSE c.tool END
    AS tool,
    c.version_id, c.verdict, c.codes, c.status, c.answered, c.cached, c.cost, c.latency_ms,
    c.findings, s.cost AS model_cost
  FROM all_calls c LEFT JOIN shares s ON s.id = c.turn_id
)
"""

_MISFIRES = write_list(MISFIRES)

# Counted by all dimensions once; the rows by fewer are sums of these.
_COUNTED = f"""
, by_codes AS (
  SELECT step, model, provider, environment, source, tool, version_id, codes, count(*) AS calls,
    count(*) FILTER (WHERE {facts.FLAGGED}) AS flagged,
    count(*) FILTER (WHERE {facts.REJECTED}) AS rejected,
    count(*) FILTER (WHERE answered) AS answered,
    count(*) FILTER (WHERE {facts.ERRED}) AS errors,
    count(*) FILTER (WHERE cached) AS cached,
    count(*) FILTER (WHERE model_cost IS NULL) AS unpriced,
    coalesce(sum(model_cost), 0) AS model_cost, coalesce(sum(cost), 0) AS tool_cost
  FROM hour_calls GROUP BY step, model, provider, environment, source, tool, version_id, codes
),
by_kind AS MATERIALIZED (
  SELECT one.*, CASE WHEN kind = ANY({_MISFIRES}) THEN calls ELSE 0 END AS misfires,
    CASE WHEN kind = ANY({_MISFIRES}) THEN model_cost + tool_cost ELSE 0 END AS misfire_cost
  FROM (SELECT held.*, CASE WHEN codes = '{{}}' THEN '' ELSE coalesce(
    (SELECT ordered.code FROM unnest({write_list(KINDS)}) WITH ORDINALITY ordered (code, place)
     WHERE ordered.code = ANY(held.codes) ORDER BY place LIMIT 1), '') END AS kind
  FROM by_codes held) one
),
by_code AS MATERIALIZED (
  SELECT held.*, one.code FROM by_codes held
  CROSS JOIN LATERAL (SELECT DISTINCT unnest(held.codes) AS code) one WHERE codes <> '{{}}'
)
"""


def _sum_counted(table: Table, source: str) -> str:
    names = ", ".join(table.dimensions)
    sums = ", ".join(f"sum({name})" for name in table.sums)
    return f"\nSELECT {_STEP}, {names}, {sums} FROM {source} GROUP BY step, {names}\n"


_REFUSED = r"\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})"
# Escapes that jsonb refuses are taken out first; what is left is read, not kept.
_POINTERS = f"""
SELECT {_STEP}, environment, tool, version_id, code, pointer, calls, example
FROM (
  SELECT counted.*, dense_rank() OVER (PARTITION BY step ORDER BY whole DESC, tool, code, pointer)
    AS place
  FROM (SELECT step, environment, tool, version_id, code, pointer, count(DISTINCT id) AS calls,
    sum(count(DISTINCT id)) OVER (PARTITION BY step, tool, code, pointer) AS whole,
    max(message) AS example
  FROM (
    SELECT c.step, c.id, c.environment, c.tool, c.version_id,
      left(f ->> 'code', 40) AS code, left(coalesce(f ->> 'pointer', ''), 300) AS pointer,
      left(f ->> 'message', 300) AS message
    FROM hour_calls c CROSS JOIN LATERAL jsonb_array_elements(
      regexp_replace(c.findings, '{_REFUSED}', '\\\\ufffd', 'g')::jsonb
    ) AS f
    WHERE c.findings IS JSON ARRAY
  ) found GROUP BY step, environment, tool, version_id, code, pointer) counted
) ranked WHERE place <= {MOST_POINTERS}
"""

_TURNS = f"""
SELECT {_STEP}, model, provider, environment, source, connection_id, count(*),
  count(*) FILTER (WHERE id IN (SELECT turn_id FROM hour_calls)),
  count(*) FILTER (WHERE {facts.FAILED}),
  count(*) FILTER (WHERE {facts.MISSED}),
  count(*) FILTER (WHERE {facts.REJECTED}),
  count(*) FILTER (WHERE {facts.UNPRICED}),
  coalesce(sum(input_tokens), 0), coalesce(sum(cached_input_tokens), 0),
  coalesce(sum(cache_write_tokens), 0), coalesce(sum(output_tokens), 0),
  coalesce(sum(reasoning_tokens), 0), {facts.COST}
FROM hour_turns GROUP BY step, model, provider, environment, source, connection_id
"""

_OFFERS = f"""
SELECT {_STEP}, model, provider, environment, source, toolset_id, count(*)
FROM hour_turns GROUP BY step, model, provider, environment, source, toolset_id
"""

# One pair for each call that was expected or made; labels go before what the record expected.
_EXPECTED = """
, labels AS (
  SELECT l.turn_id, l.call_id, l.kind, CASE WHEN l.expected <> '' AND l.expected IS JSON OBJECT
    AND position('\\u' IN l.expected) = 0 THEN left(l.expected::jsonb ->> 'name', 200) END
    AS expected
  FROM conversations_label l JOIN hour_turns t ON t.id = l.turn_id
  WHERE l.project_id = %(project)s AND l.superseded_at IS NULL AND l.kind <> 'withdrawn'
),
wanted AS (
  SELECT t.id, array_agg(left(one.value ->> 'name', 200)) AS names
  FROM hour_turns t CROSS JOIN LATERAL jsonb_array_elements(
    CASE WHEN jsonb_typeof(t.expected -> 'calls') = 'array' THEN t.expected -> 'calls' END) one
  WHERE t.expected IS NOT NULL AND t.status = 'finished'
    AND t.id NOT IN (SELECT turn_id FROM labels)
  GROUP BY t.id
),
made AS (
  SELECT turn_id, array_agg(tool ORDER BY position) AS tools FROM all_calls GROUP BY turn_id
),
pairs AS (
  SELECT l.turn_id, 'label' AS by, coalesce(l.expected, CASE l.kind WHEN 'needless' THEN ''
    WHEN 'wrong_tool' THEN NULL ELSE c.tool END) AS expected, coalesce(c.tool, '') AS called
  FROM labels l JOIN all_calls c ON c.id = l.call_id
  UNION ALL
  SELECT l.turn_id, 'label', l.expected, '' FROM labels l
  WHERE l.kind = 'missing' AND l.expected IS NOT NULL
  UNION ALL
  SELECT l.turn_id, 'label', coalesce(c.tool, ''), coalesce(c.tool, '')
  FROM labels l LEFT JOIN all_calls c ON c.turn_id = l.turn_id
  WHERE l.kind = 'right' AND l.call_id IS NULL
  UNION ALL
  SELECT w.id, 'record', one.name, CASE WHEN one.name = ANY(m.tools) THEN one.name ELSE coalesce(
    (SELECT tool FROM unnest(m.tools) WITH ORDINALITY o (tool, place)
     WHERE tool <> ALL (w.names) ORDER BY place LIMIT 1), '') END
  FROM wanted w CROSS JOIN LATERAL unnest(w.names) AS one (name)
  LEFT JOIN made m ON m.turn_id = w.id
  UNION ALL
  SELECT t.id, 'record', '', coalesce(m.tools[1], '')
  FROM hour_turns t LEFT JOIN made m ON m.turn_id = t.id
  WHERE t.expected -> 'calls' = '[]' AND t.status = 'finished'
    AND t.id NOT IN (SELECT turn_id FROM labels)
)
"""
_EXPECTED_ROWS = f"""
SELECT {_STEP}, t.model, t.provider, t.environment, t.source, p.by, p.expected, p.called, count(*)
FROM pairs p JOIN hour_turns t ON t.id = p.turn_id WHERE p.expected IS NOT NULL
GROUP BY step, t.model, t.provider, t.environment, t.source, p.by, p.expected, p.called
"""

_SKETCH_COLUMNS = "measure, model, provider, environment, tool, version_id"
_SKETCHES = f"""
SELECT {_STEP}, {_SKETCH_COLUMNS}, sum(number), array_agg(bucket), array_agg(number)
FROM (
  SELECT step, {_SKETCH_COLUMNS}, bucket, count(*) AS number FROM (
    SELECT step, 'turn' AS measure, model, provider, environment, '' AS tool,
      0::bigint AS version_id, {BUCKET % "latency_ms"} AS bucket
    FROM hour_turns WHERE latency_ms IS NOT NULL
    UNION ALL
    SELECT step, 'first', model, provider, environment, '', 0, {BUCKET % "first_token_ms"}
    FROM hour_turns WHERE first_token_ms IS NOT NULL
    UNION ALL
    SELECT step, 'tool', '', '', environment, tool, version_id, {BUCKET % "latency_ms"}
    FROM hour_calls WHERE latency_ms IS NOT NULL
    UNION ALL
    SELECT step, 'tools', '', '', environment, '', 0, {BUCKET % "latency_ms"}
    FROM hour_calls WHERE latency_ms IS NOT NULL
  ) one GROUP BY step, {_SKETCH_COLUMNS}, bucket
) counted GROUP BY step, {_SKETCH_COLUMNS}
"""

_ROWS = {
    **{table: _sum_counted(table, "by_kind") for table in BY_CALLS},
    **{table: _sum_counted(table, "by_code") for table in BY_CODE},
    POINTERS: _POINTERS,
    TURNS: _TURNS,
    OFFERS: _OFFERS,
    EXPECTED: _EXPECTED_ROWS,
    LATENCIES: _SKETCHES,
}


def _take_away(table: Table) -> str:
    return (
        f"DELETE FROM {table.name} WHERE project_id = %(project)s AND grain = %(grain)s"
        " AND start >= %(since)s AND start < %(until)s"
    )


def write_hour() -> str:
    """The statement that makes all rows of an hour anew, in steps of ``grain``."""
    parts = [f"{_FACTS.strip()}\n{_COUNTED.strip()}\n{_EXPECTED.strip()}"]
    for table, rows in _ROWS.items():
        parts.append(f"gone_{table.name} AS ({_take_away(table)})")
        parts.append(
            f"new_{table.name} AS (INSERT INTO {table.name} ({table.columns})\n{rows.strip()})"
        )
    return f"WITH {', '.join(parts)} SELECT count(*) FROM hour_calls"


def write_longer() -> str:
    """The statement that makes the rows of one longer step of the rows of shorter ones.

    Its parameters are those of an hour without keys, and ``shorter``, the grain of the others.
    """
    parts = []
    for table in TABLES:
        parts.append(f"gone_{table.name} AS ({_take_away(table)})")
        parts.append(
            f"new_{table.name} AS (INSERT INTO {table.name} ({table.columns})\n{_sum_up(table)})"
        )
    return f"WITH {', '.join(parts)} SELECT 1"


_WITHIN = (
    "project_id = %(project)s AND grain = %(shorter)s AND start >= %(since)s AND start < %(until)s"
)


def _sum_up(table: Table) -> str:
    names = ", ".join(table.dimensions)
    head = f"SELECT %(project)s::bigint, %(grain)s::int, %(since)s::timestamptz, {names}"
    if table is LATENCIES:
        return (
            f"{head}, sum(number), array_agg(bucket), array_agg(number) FROM ("
            f"SELECT {names}, bucket, sum(held) AS number FROM {table.name},"
            f" unnest(buckets, counts) AS u (bucket, held) WHERE {_WITHIN}"
            f" GROUP BY {names}, bucket) merged GROUP BY {names}"
        )
    sums = ", ".join([f"sum({name})" for name in table.sums] + [how for _, how in table.others])
    if table is POINTERS:
        return (
            f"{head}, calls, example FROM (SELECT counted.*,"
            " dense_rank() OVER (ORDER BY whole DESC, tool, code, pointer) AS place"
            f" FROM (SELECT {names}, sum(calls) AS calls,"
            " max(example) AS example, sum(sum(calls)) OVER (PARTITION BY tool, code, pointer)"
            f" AS whole FROM {table.name} WHERE {_WITHIN} GROUP BY {names}) counted) ranked"
            f" WHERE place <= {MOST_POINTERS}"
        )
    return f"{head}, {sums} FROM {table.name} WHERE {_WITHIN} GROUP BY {names}"
