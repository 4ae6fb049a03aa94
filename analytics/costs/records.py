"""Rollups of who costs most, and of how often a tool is called in one conversation."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from analytics.records import Rollup, of_project, told_apart_by

KINDS = [("user", "User"), ("conversation", "Conversation"), ("tag", "Tag"), ("pair", "Pair")]


class TopStep(models.Model):
    """What one key came to in a step, or, with ``is_rest``, all that have no row of their own."""

    kind = models.CharField(max_length=12, choices=KINDS)
    key = models.CharField(max_length=300)
    tool = models.CharField(max_length=200)
    is_rest = models.BooleanField()
    keys = models.BigIntegerField()
    turns = models.BigIntegerField()
    calls = models.BigIntegerField()
    misfires = models.BigIntegerField()
    unpriced = models.BigIntegerField()
    cost = models.DecimalField(max_digits=24, decimal_places=12)
    misfire_cost = models.DecimalField(max_digits=24, decimal_places=12)
    most = models.DecimalField(max_digits=24, decimal_places=12)

    class Meta:
        abstract = True


class TopCost(Rollup, TopStep):
    """Turns of one user, conversation or tag; of kind "pair" the calls of one tool in one
    conversation.

    Each step keeps the ``rollup.KEPT`` dearest of a kind (of pairs, those called most); all others
    are added up in rows with ``is_rest``, whose ``most`` is the largest of them in dollars (of
    pairs, in calls): so much at most any other is short of in this step. Those of a longer step
    with the key "hours" are what its hours had added up. ``key`` is "" for turns without a user or
    tag. ``misfire_cost`` is the share of calls with a misfire code in what their turns and tools
    cost.
    """

    pk = told_apart_by(
        "kind", "key", "tool", "is_rest", "model", "provider", "environment", "source"
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "kind", "start"], name="top_cost_step"),
            models.Index(
                fields=["project", "grain", "kind", "model", "start"], name="top_cost_of_model"
            ),
            models.Index(
                fields=["project", "grain", "kind", "start"],
                name="top_cost_rest",
                condition=models.Q(is_rest=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} from {self.start}"


class TopSummary(TopStep):
    """The same rows by environment alone: what a page without a filter reads."""

    pk = told_apart_by("kind", "key", "tool", "is_rest", "environment")
    project = of_project()
    grain = models.IntegerField()
    start = models.DateTimeField()
    environment = models.CharField(max_length=60)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "kind", "start"], name="top_summary_step")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} from {self.start}"


class ConductCount(models.Model):
    """Calls by which of its tool in its conversation they were: ``rank`` 1 is the first.

    So the calls of rank r count the conversations with at least r calls, and all above N are what a
    budget of N calls a conversation would have cut. ``rollup.HIGHEST`` stands for every rank from
    there on. ``cost`` is the calls' share of their turns' cost and their own.
    """

    pk = told_apart_by("environment", "tool", "rank")
    project = of_project()
    grain = models.IntegerField()
    start = models.DateTimeField()
    environment = models.CharField(max_length=60)
    tool = models.CharField(max_length=200)
    rank = models.IntegerField()
    calls = models.BigIntegerField()
    misfires = models.BigIntegerField()
    repeats = models.BigIntegerField()
    cost = models.DecimalField(max_digits=24, decimal_places=12)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "start"], name="conduct_count_step")
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls of {self.tool}, rank {self.rank}, from {self.start}"
