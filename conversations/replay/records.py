"""Replays, their variants, cases and outcomes, as rows.

Outcomes own what was asked and answered, and what it cost: nothing of a replay is a turn.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from console.accounts.models import Project, User
from console.lib import json
from console.lib.fields import RawTextField
from conversations.replay.cases import Case
from conversations.replay.variants import Variant
from tools_registry.validation.findings import Finding

MODES = [
    ("next_call", "Next call"),
    ("conversation", "Conversation"),
    ("no_model", "No model"),
]
STATUS = [
    ("running", "Running"),
    ("paused", "Paused"),
    ("finished", "Finished"),
    ("cancelled", "Cancelled"),
    ("stopped", "Stopped at its ceiling"),
    ("failed", "Failed"),
]
OUTCOME_STATUS = [
    ("open", "Open"),
    ("running", "Running"),
    ("waiting", "Waiting for an answer"),
    ("done", "Done"),
    ("failed", "Failed"),
]
JUDGES = [
    (value, value.capitalize()) for value in ("expectation", "findings", "recurrence", "person")
]


class Replay(models.Model):
    """Cases × variants × trials, asked again.

    ``source`` says for people where the cases came from, ``query`` the filter where it was one.
    ``connection`` and ``model`` are asked where neither the variant names one nor the case has
    one of its own. ``answers`` is the policy of tool answers (``answers.Policy.to_json``).
    ``ceiling_dollars`` and ``ceiling_tokens`` stop it; None is without. ``estimate`` is
    ``plan.Estimate.to_json``. ``error`` says why it failed or stopped. Counts of outcomes are
    read from them, never kept here; ``total`` is how many there will be.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="replays")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    incident = models.ForeignKey(
        "conversations.Incident", models.SET_NULL, null=True, blank=True, related_name="replays"
    )
    suite = models.ForeignKey(
        "conversations.Suite", models.SET_NULL, null=True, blank=True, related_name="replays"
    )
    source = models.CharField(max_length=300, blank=True)
    query = models.CharField(max_length=2000, blank=True)
    mode = models.CharField(max_length=12, choices=MODES, default="next_call")
    trials = models.PositiveIntegerField(default=1)
    connection = models.ForeignKey(
        "conversations.Connection", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    model = models.CharField(max_length=200, blank=True)
    answers = models.JSONField(default=dict, blank=True)
    max_rounds = models.PositiveIntegerField(default=20)
    ceiling_dollars = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    ceiling_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    estimate = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, choices=STATUS, default="running")
    error = models.CharField(max_length=500, blank=True)
    total = models.PositiveIntegerField(default=0)
    requested_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    sender = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField()
    touched_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "number"], name="replay_number_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["touched_at"], name="replay_running", condition=models.Q(status="running")
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.title}"

    @property
    def name(self) -> str:
        return f"RPL-{self.number}"

    @property
    def is_open(self) -> bool:
        """Whether outcomes may still come."""
        return self.status in ("running", "paused")


class ReplayVariant(models.Model):
    """A variant of a replay, ``position`` 0 the control. ``body`` is ``Variant.to_json``, in
    which definitions and policies stand in full, so that later changes do not reach it."""

    replay = models.ForeignKey(Replay, models.CASCADE, related_name="variants", db_index=False)
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=120)
    body = RawTextField()

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["replay", "position"], name="replay_variant_once")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def value(self) -> Variant:
        return Variant.from_json(json.load(self.body))


class ReplayCase(models.Model):
    """A case of a replay. ``body`` is ``Case.to_json``; what a person says later of what should
    be called is written into it. ``turn_id`` is the stored turn it was made of. ``user`` is whose
    words they are, so that deleting a user finds them."""

    replay = models.ForeignKey(Replay, models.CASCADE, related_name="cases", db_index=False)
    position = models.PositiveIntegerField()
    key = models.CharField(max_length=300)
    title = RawTextField(blank=True)
    turn_id = models.UUIDField(null=True, blank=True)
    user = models.CharField(max_length=300, blank=True)
    body = RawTextField()

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["replay", "position"], name="replay_case_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["user"], name="replay_case_of_user", condition=~models.Q(user=""))
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def value(self) -> Case:
        return Case.from_json(json.load(self.body))


class ReplayOutcome(models.Model):
    """What came of one case under one variant in one trial (from 1): exactly one row, made when
    the replay starts. Model calls are made by whoever holds its ``claim`` until ``claimed_until``.

    ``connection`` is whom it asks; None where no model is called. ``passed`` is None where nobody
    can say by rule; ``judged_by`` says by what it was judged, "" before. ``calls`` is a JSON list
    of ``MadeCall.to_json`` of the last answer, ``findings`` those of the turn as a whole,
    ``codes`` of both. ``offered`` names the tools that were offered; ``routed`` says why, where a
    router chose. ``rounds`` is a JSON list of a conversation's rounds (``conversing.Round``),
    ``waiting`` what a person is asked. ``error`` is a fault's JSON. ``request`` and ``chunks``
    are the last call's bytes as ``conversations.wire`` packs them. Tokens and ``cost`` (dollars)
    are of all its ``model_calls``; a cost of None is unpriced. ``latency_ms`` is of the model
    calls together.
    """

    replay = models.ForeignKey(Replay, models.CASCADE, related_name="outcomes", db_index=False)
    variant = models.ForeignKey(ReplayVariant, models.CASCADE, related_name="outcomes")
    case = models.ForeignKey(ReplayCase, models.CASCADE, related_name="outcomes", db_index=False)
    trial = models.PositiveSmallIntegerField()
    connection = models.ForeignKey(
        "conversations.Connection",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    model = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=8, choices=OUTCOME_STATUS, default="open")
    claim = models.UUIDField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    passed = models.BooleanField(null=True, blank=True)
    judged_by = models.CharField(max_length=12, choices=JUDGES, blank=True)
    settled_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    settled_at = models.DateTimeField(null=True, blank=True)
    verdict = models.CharField(max_length=8, blank=True)
    codes = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    findings = RawTextField(default="[]")
    calls = RawTextField(default="[]")
    text = RawTextField(blank=True)
    finish_reason = models.CharField(max_length=60, blank=True)
    offered = models.JSONField(default=list, blank=True)
    routed = models.CharField(max_length=500, blank=True)
    rounds = RawTextField(default="[]")
    waiting = RawTextField(blank=True)
    error = RawTextField(blank=True)
    protocol = models.CharField(max_length=30, blank=True)
    request = models.BinaryField(default=b"")
    chunks = models.BinaryField(default=b"")
    model_calls = models.PositiveIntegerField(default=0)
    input_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    output_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    cost = models.DecimalField(max_digits=16, decimal_places=9, null=True, blank=True)
    latency_ms = models.FloatField(null=True, blank=True)
    first_token_ms = models.FloatField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "variant", "trial"], name="replay_outcome_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["replay", "id"], name="replay_outcome_of"),
            models.Index(
                fields=["replay", "connection", "id"],
                name="replay_outcome_open",
                condition=models.Q(status__in=["open", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"trial {self.trial} of case {self.case_id} under variant {self.variant_id}"

    @property
    def made_calls(self) -> list[dict[str, Any]]:
        return json.load(self.calls)  # type: ignore[no-any-return]

    @property
    def found(self) -> list[Finding]:
        """The findings of the turn as a whole."""
        return [Finding.from_json(item) for item in json.load(self.findings)]
