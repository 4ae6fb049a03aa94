"""Backtests and the calls that they would change, as rows."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from console.accounts.models import Project, User
from console.lib import json, uuid7
from console.lib.fields import RawTextField
from tools_registry.models import ToolDraft, ToolVersion
from tools_registry.specs import ToolSpec

STATUS = [(value, value.capitalize()) for value in ("running", "finished", "cancelled", "failed")]


class Backtest(models.Model):
    """What was judged, by what, how far it is, and what came of it.

    ``definition`` is the judging ``ToolSpec`` as JSON text, ``version`` or ``draft`` where it was
    taken from. ``policy`` is a ``PolicySpec`` as JSON text, "" for none; ``policy_name`` says
    which. ``query`` is the filter, without the tool. ``cursor`` is the key before which calls are
    still to be judged, None at first. ``available`` counts the calls that the filter finds; None
    while or where that is not known. ``seconds`` is the time spent on batches. ``chain`` names the
    tasks that may go on with it; those of an earlier chain stop. ``tally`` is ``Tally.to_json``.
    """

    id = models.UUIDField(primary_key=True, default=uuid7.now, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="backtests")
    tool = models.CharField(max_length=256)
    version = models.ForeignKey(
        ToolVersion, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    draft = models.ForeignKey(
        ToolDraft, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    definition = RawTextField()
    policy = RawTextField(blank=True)
    policy_name = models.CharField(max_length=60, blank=True)
    query = models.CharField(max_length=2000, blank=True)
    limit = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=STATUS, default="running")
    cancel_asked = models.BooleanField(default=False)
    requested_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    touched_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    chain = models.PositiveIntegerField(default=0)
    cursor = models.UUIDField(null=True, blank=True)
    available = models.PositiveBigIntegerField(null=True, blank=True)
    counted = models.BooleanField(default=False)
    done = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0.0)
    tally = RawTextField(default="{}")
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="backtest_newest"),
            models.Index(
                fields=["touched_at"], name="backtest_open", condition=models.Q(status="running")
            ),
        ]

    def __str__(self) -> str:
        return f"backtest of {self.tool}"

    @property
    def is_open(self) -> bool:
        return self.status == "running"

    @property
    def spec(self) -> ToolSpec:
        return ToolSpec.from_json(json.load(self.definition))

    @property
    def judge_name(self) -> str:
        """What the calls are judged by, for people."""
        return f"v{self.version.number}" if self.version else "a draft"

    @property
    def total(self) -> int:
        """The calls that are to be judged, as far as that is known."""
        return self.limit if self.available is None else min(self.limit, self.available)

    @property
    def told(self) -> dict[str, Any]:
        return json.load(self.tally)  # type: ignore[no-any-return]


class BacktestChange(models.Model):
    """A call whose verdict or findings would be others.

    It names the call and says nothing of what is in it, so that retention and deletion need not
    know of it: findings are made again when they are shown. ``keys`` are the codes and pointers
    that come or go, as ``Tally`` has them.
    """

    pk = models.CompositePrimaryKey("backtest_id", "call_id")
    backtest = models.ForeignKey(Backtest, models.CASCADE, related_name="changes", db_index=False)
    call_id = models.UUIDField()
    kind = models.CharField(max_length=14)
    before = models.CharField(max_length=8)
    after = models.CharField(max_length=8)
    keys = ArrayField(models.TextField(), default=list)

    def __str__(self) -> str:
        return f"{self.kind}: call {self.call_id}"
