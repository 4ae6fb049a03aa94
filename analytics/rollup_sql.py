"""The tables of rollups, and the statement that makes longer steps of shorter ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from conversations.search.fields import MISFIRES
from tools_registry.validation.findings import CODES

MOST_POINTERS = 200
"""Of a step: places of findings that have rows of their own."""
KINDS = (*MISFIRES, *(code for code in CODES if code not in MISFIRES))
"""All codes in the order in which the first that a call has is its kind."""

SHARED = ("model", "provider", "environment", "source")
OF_TOOL = (*SHARED, "tool", "version_id")

STEPS = "unnest(%(grains)s::int[]) AS of (grain)"
EPOCH = "'2000-01-01 00:00+00'::timestamptz"
AT_GRAIN = f"of.grain, date_bin(make_interval(mins => of.grain), step, {EPOCH})"
"""The steps of each of the ``grains`` that the finest ones add up to."""
BIN = f"date_bin(make_interval(mins => %(finest)s), {{0}}.at, {EPOCH})"
IN_HOUR = "{0}.project_id = %(project)s AND {0}.id >= %(low)s AND {0}.id < %(high)s"
MOST_NAMES = 100
"""Of an hour: names of unknown tools that have rows of their own."""
# Names of tools without a version are a model's own words: the most frequent keep theirs.
NAMED = f"""
named_calls AS NOT MATERIALIZED (
  SELECT {{0}}, version_id,
    CASE WHEN version_id = 0 AND tool IN (
      SELECT tool FROM all_calls WHERE version_id = 0 GROUP BY tool
      ORDER BY count(*) DESC, tool OFFSET {MOST_NAMES}
    ) THEN '' ELSE tool END AS tool
  FROM all_calls
)
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A rollup: the dimensions that tell its rows apart, and the sums that they hold."""

    name: str
    dimensions: tuple[str, ...]
    sums: tuple[str, ...]
    others: tuple[tuple[str, str], ...] = ()
    """Columns that are no sums, each with its aggregate over shorter steps."""

    @property
    def rest(self) -> tuple[str, ...]:
        """Columns but for whose and when."""
        return (*self.dimensions, *self.sums, *(name for name, _ in self.others))

    @property
    def columns(self) -> str:
        return ", ".join(("project_id", "grain", "start", *self.rest))


_OF_TOOLS = ("environment", "tool", "version_id")
_CALL_SUMS = (
    "calls", "flagged", "rejected", "answered", "errors", "cached", "unpriced", "model_cost",
    "tool_cost",
)  # fmt: skip
CALLS = Table("analytics_callcount", (*OF_TOOL, "kind"), _CALL_SUMS)
SUMMARIES = Table("analytics_summarycount", ("environment", "kind"), _CALL_SUMS)
KIND_COUNTS = Table("analytics_kindcount", (*SHARED, "kind"), _CALL_SUMS)
TOOL_KINDS = Table("analytics_toolkindcount", (*_OF_TOOLS, "kind"), _CALL_SUMS)
TOOL_SUMS = (*_CALL_SUMS, "misfires", "misfire_cost")
TOOL_COUNTS = Table("analytics_toolcount", _OF_TOOLS, TOOL_SUMS)
MODEL_COUNTS = Table("analytics_modelcount", ("environment", "model"), TOOL_SUMS)
MODEL_TOOLS = Table("analytics_modeltoolcount", ("model", *_OF_TOOLS), TOOL_SUMS)
SUMMARY_CODES = Table("analytics_summarycodecount", ("environment", "code"), ("calls",))
CODE_COUNTS = Table("analytics_codecount", (*OF_TOOL, "code"), ("calls",))
TRAFFIC_CODES = Table("analytics_trafficcodecount", (*SHARED, "code"), ("calls",))
TOOL_CODES = Table("analytics_toolcodecount", (*_OF_TOOLS, "code"), ("calls",))
POINTERS = Table(
    "analytics_pointercount",
    (*_OF_TOOLS, "code", "pointer"),
    ("calls",),
    (("example", "max(example)"),),
)
TURNS = Table(
    "analytics_turncount",
    (*SHARED, "connection_id"),
    (
        "turns", "calling", "failed", "missed", "rejected", "unpriced", "input_tokens",
        "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "cost",
    ),
)  # fmt: skip
OFFERS = Table("analytics_offercount", (*SHARED, "toolset_id"), ("turns",))
EXPECTED = Table("analytics_expectedcount", (*SHARED, "by", "expected", "called"), ("number",))
LATENCIES = Table(
    "analytics_latencysketch",
    ("measure", "model", "provider", "environment", "tool", "version_id"),
    ("number",),
    (("buckets", ""), ("counts", "")),
)
BY_CALLS = (SUMMARIES, MODEL_COUNTS, KIND_COUNTS, TOOL_COUNTS, MODEL_TOOLS, TOOL_KINDS, CALLS)
BY_CODE = (SUMMARY_CODES, TRAFFIC_CODES, TOOL_CODES, CODE_COUNTS)
"""The same counts by fewer and by all dimensions, those with fewest rows first."""
BY_KIND = tuple(table for table in BY_CALLS if "kind" in table.dimensions)
TABLES = (*BY_CALLS, *BY_CODE, POINTERS, TURNS, OFFERS, EXPECTED, LATENCIES)
FEW = (SUMMARIES, TURNS)
"""Those whose five minutes are kept for longer (``spans.KEPT_FEW_FIVES``): an hour has few rows,
however many calls."""


def narrowest(tables: Sequence[Table], columns: Iterable[str]) -> Table:
    """The first of the tables that has all of the columns; ``start`` and "version" are known."""
    wanted = {"version_id" if name == "version" else name for name in columns} - {"start"}
    return next(table for table in tables if wanted <= set(table.dimensions))


def take_away(table: Table) -> str:
    """Removes the rows of a stretch in all of the grains that are written."""
    return (
        f"DELETE FROM {table.name} WHERE project_id = %(project)s AND grain = ANY(%(grains)s)"
        " AND start >= %(since)s AND start < %(until)s"
    )


def write_rows(table: Table, rows: str) -> str:
    """Parts of an hour's statement: the rows of a table, those before taken away, these put in."""
    columns = ", ".join(("grain", "start", *table.rest))
    kept = "" if table in FEW else " WHERE grain = ANY(%(most)s)"
    return (
        f"held_{table.name} AS ({rows.strip()}), gone_{table.name} AS ({take_away(table)}),"
        f" new_{table.name} AS (INSERT INTO {table.name} ({table.columns})"
        f" SELECT %(project)s::bigint, {columns} FROM held_{table.name}{kept})"
    )


@cache
def write_longer() -> str:
    """The statement that makes the rows of one longer step of the rows of shorter ones.

    Its parameters are those of an hour without keys, and ``shorter``, the grain of the others.
    """
    parts = []
    for table in TABLES:
        parts.append(f"gone_{table.name} AS ({take_away(table)})")
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
