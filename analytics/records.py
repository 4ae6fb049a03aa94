"""Rollups: what turns and calls add up to, by step of time and dimension.

``grain`` is a step's length in minutes (``analytics.spans``), ``start`` its first moment. Rows of
an hour are written anew from the raw rows, never incremented; those of longer steps from hours.
No row refers to the raw ones by key, so that neither holds the other.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from analytics import rollup_sql
from console.accounts.models import Project

_NAME = 200


def told_apart_by(*dimensions: str) -> models.CompositePrimaryKey:
    """What no two rows share. The one statement that writes them sees to it: the database keeps no
    index of it, which would take longer than the rows."""
    return models.CompositePrimaryKey("project_id", "grain", "start", *dimensions)


def of_project() -> models.ForeignKey[Project, Project]:
    """Whose rows they are: Django deletes them with the project. The database does not look the
    project up for each of thousands of rows that are written anew every few seconds."""
    return models.ForeignKey(
        Project, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )


class Rollup(models.Model):
    """What all have: whose, when, and the dimensions that turns and calls share."""

    project = of_project()
    grain = models.IntegerField()
    start = models.DateTimeField()
    model = models.CharField(max_length=_NAME)
    provider = models.CharField(max_length=60)
    environment = models.CharField(max_length=60)
    source = models.CharField(max_length=10)

    class Meta:
        abstract = True


class OfTool(Rollup):
    """``version_id`` is 0 for calls whose tool has no known version."""

    tool = models.CharField(max_length=_NAME)
    version_id = models.BigIntegerField()

    class Meta:
        abstract = True


class Sums(models.Model):
    """Calls. ``model_cost`` is each call's share of what its turn cost, in dollars; ``unpriced``
    counts the calls of turns without a price.
    """

    calls = models.BigIntegerField()
    flagged = models.BigIntegerField()
    rejected = models.BigIntegerField()
    answered = models.BigIntegerField()
    errors = models.BigIntegerField()
    cached = models.BigIntegerField()
    unpriced = models.BigIntegerField()
    model_cost = models.DecimalField(max_digits=24, decimal_places=12)
    tool_cost = models.DecimalField(max_digits=24, decimal_places=12)

    class Meta:
        abstract = True


class CallSums(Sums):
    """Calls by kind: a call's first misfire code in the order of the layers, else its first other
    code, "" without any. So kinds add up to all calls.
    """

    kind = models.CharField(max_length=40)

    class Meta:
        abstract = True


class ToolSums(Sums):
    """Calls of all kinds, how many of them are misfires, and what these cost with all."""

    misfires = models.BigIntegerField()
    misfire_cost = models.DecimalField(max_digits=24, decimal_places=12)

    class Meta:
        abstract = True


class CallCount(OfTool, CallSums):
    """Calls by every dimension: many rows, for filters that ask for a tool and a model at once."""

    pk = told_apart_by(*rollup_sql.CALLS.dimensions)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "start"], name="call_count_step")
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls of {self.tool} from {self.start}"


class KindCount(Rollup, CallSums):
    """Calls by kind, of all tools together: what a page without a tool reads."""

    pk = told_apart_by(*rollup_sql.KIND_COUNTS.dimensions)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "start"], name="kind_count_step"),
            models.Index(fields=["project", "grain", "model", "start"], name="kind_count_of_model"),
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls of kind {self.kind or 'none'} from {self.start}"


class ToolStep(models.Model):
    """What rollups by tool have that leave out who was asked."""

    project = of_project()
    grain = models.IntegerField()
    start = models.DateTimeField()
    environment = models.CharField(max_length=60)
    tool = models.CharField(max_length=_NAME)
    version_id = models.BigIntegerField()

    class Meta:
        abstract = True


class SummaryCount(CallSums):
    """Calls by environment and kind alone: few rows, whatever comes."""

    pk = told_apart_by(*rollup_sql.SUMMARIES.dimensions)
    project = of_project()
    grain = models.IntegerField()
    start = models.DateTimeField()
    environment = models.CharField(max_length=60)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "start"], name="summary_count_step")
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls of kind {self.kind or 'none'} from {self.start}"


class ToolCount(ToolStep, ToolSums):
    """Calls by tool, of all kinds and models together."""

    pk = told_apart_by(*rollup_sql.TOOL_COUNTS.dimensions)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "start"], name="tool_count_step")
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls of {self.tool} from {self.start}"


class ModelCount(ToolSums):
    """Calls by model and environment alone, of all kinds together: few rows, whatever comes."""

    pk = told_apart_by(*rollup_sql.MODEL_COUNTS.dimensions)
    project = of_project()
    grain = models.IntegerField()
    start = models.DateTimeField()
    environment = models.CharField(max_length=60)
    model = models.CharField(max_length=_NAME)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "start"], name="model_count_step")
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls by {self.model} from {self.start}"


class ModelToolCount(ToolStep, ToolSums):
    """Calls by model and tool, of all kinds together."""

    pk = told_apart_by(*rollup_sql.MODEL_TOOLS.dimensions)
    model = models.CharField(max_length=_NAME)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "start"], name="model_tool_count_step"),
            models.Index(fields=["project", "grain", "model", "start"], name="model_tool_of_model"),
            models.Index(fields=["project", "grain", "tool", "start"], name="model_tool_of_tool"),
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls of {self.tool} by {self.model} from {self.start}"


class ToolKindCount(ToolStep, CallSums):
    """Calls by tool and kind, of all models together: read one tool at a time."""

    pk = told_apart_by(*rollup_sql.TOOL_KINDS.dimensions)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "start"], name="tool_kind_count_step"),
            models.Index(fields=["project", "grain", "tool", "start"], name="tool_kind_of_tool"),
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls of {self.tool} from {self.start}"


class CodeCount(OfTool):
    """Calls that have a finding code: one with two codes counts in both."""

    pk = told_apart_by(*rollup_sql.CODE_COUNTS.dimensions)
    code = models.CharField(max_length=40)
    calls = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "start"], name="code_count_step")
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls with {self.code} from {self.start}"


class SummaryCodeCount(models.Model):
    """Calls that have a finding code, by environment alone."""

    pk = told_apart_by(*rollup_sql.SUMMARY_CODES.dimensions)
    project = of_project()
    grain = models.IntegerField()
    start = models.DateTimeField()
    environment = models.CharField(max_length=60)
    code = models.CharField(max_length=40)
    calls = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "start"], name="summary_code_count_step")
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls with {self.code} from {self.start}"


class TrafficCodeCount(Rollup):
    """Calls that have a finding code, of all tools together."""

    pk = told_apart_by(*rollup_sql.TRAFFIC_CODES.dimensions)
    code = models.CharField(max_length=40)
    calls = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "start"], name="traffic_code_count_step")
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls with {self.code} from {self.start}"


class ToolCodeCount(ToolStep):
    """Calls that have a finding code by tool, of all models together."""

    pk = told_apart_by(*rollup_sql.TOOL_CODES.dimensions)
    code = models.CharField(max_length=40)
    calls = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "start"], name="tool_code_count_step"),
            models.Index(fields=["project", "grain", "tool", "start"], name="tool_code_of_tool"),
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls of {self.tool} with {self.code} from {self.start}"


class PointerCount(ToolStep):
    """Calls with a finding at a JSON pointer. The most frequent places of an hour have their own
    rows, the others none: how many there are is bounded whatever a model makes up.
    """

    pk = told_apart_by(*rollup_sql.POINTERS.dimensions)
    code = models.CharField(max_length=40)
    pointer = models.CharField(max_length=300)
    calls = models.BigIntegerField()
    example = models.CharField(max_length=300)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "start"], name="pointer_count_step")
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls with {self.code} at {self.pointer} from {self.start}"


class TurnCount(Rollup):
    """Turns, what they used and what they cost. ``missed`` counts those in which a call should
    have been made; ``unpriced`` those without a price; ``connection_id`` is 0 without one.
    """

    pk = told_apart_by(*rollup_sql.TURNS.dimensions)
    connection_id = models.BigIntegerField()
    turns = models.BigIntegerField()
    calling = models.BigIntegerField()
    failed = models.BigIntegerField()
    missed = models.BigIntegerField()
    rejected = models.BigIntegerField()
    unpriced = models.BigIntegerField()
    input_tokens = models.BigIntegerField()
    cached_input_tokens = models.BigIntegerField()
    cache_write_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    reasoning_tokens = models.BigIntegerField()
    cost = models.DecimalField(max_digits=24, decimal_places=12)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "start"], name="turn_count_step")
        ]

    def __str__(self) -> str:
        return f"{self.turns} turns of {self.model} from {self.start}"


class OfferCount(Rollup):
    """Turns by the toolset that they offered; ``toolset_id`` is 0 for turns without tools."""

    pk = told_apart_by(*rollup_sql.OFFERS.dimensions)
    toolset_id = models.BigIntegerField()
    turns = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "start"], name="offer_count_step")
        ]

    def __str__(self) -> str:
        return f"{self.turns} turns with toolset {self.toolset_id} from {self.start}"


MEASURES = [("turn", "Whole turn"), ("first", "First token"), ("tool", "Tool")]


class LatencySketch(models.Model):
    """Durations as a DDSketch (``analytics.sketch``): ``counts[i]`` of them lie in the bucket
    ``buckets[i]``. ``measure`` turn and first are by model, tool is by tool and version; turns,
    firsts and tools are the same by environment alone, by_turn, by_first and by_tool by model or
    by tool alone.
    """

    pk = told_apart_by(*rollup_sql.LATENCIES.dimensions)
    project = of_project()
    grain = models.IntegerField()
    start = models.DateTimeField()
    measure = models.CharField(max_length=8)
    model = models.CharField(max_length=_NAME)
    provider = models.CharField(max_length=60)
    environment = models.CharField(max_length=60)
    tool = models.CharField(max_length=_NAME)
    version_id = models.BigIntegerField()
    number = models.BigIntegerField()
    buckets = ArrayField(models.SmallIntegerField())
    counts = ArrayField(models.BigIntegerField())

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "measure", "start"], name="latency_step")
        ]

    def __str__(self) -> str:
        return f"{self.number} durations ({self.measure}) from {self.start}"


class ExpectedCount(Rollup):
    """Turns by what was expected and what was called; "" stands for no call. ``by`` says who
    expected it: a label, or the record.
    """

    pk = told_apart_by(*rollup_sql.EXPECTED.dimensions)
    by = models.CharField(max_length=6)
    expected = models.CharField(max_length=_NAME)
    called = models.CharField(max_length=_NAME)
    number = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "start"], name="expected_step")
        ]

    def __str__(self) -> str:
        return f"{self.expected or 'none'} taken for {self.called or 'none'} from {self.start}"


class DirtyHour(models.Model):
    """An hour whose raw rows changed: written by triggers within the changing transaction.

    Without any constraint, so that writers never wait for each other; whoever recomputes takes all
    rows of the hour away.
    """

    project_id = models.BigIntegerField()
    hour = models.DateTimeField()

    def __str__(self) -> str:
        return f"project {self.project_id} from {self.hour}"


class DirtyMonth(models.Model):
    """A month whose days were computed anew since it was itself."""

    project_id = models.BigIntegerField()
    start = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project_id", "start"], name="dirty_month_once")
        ]

    def __str__(self) -> str:
        return f"project {self.project_id}, {self.start:%Y-%m}"
