"""What a project asks for its data: what is replaced before storing, how long it is kept, and
what was removed."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from console.accounts.models import Project, User
from console.lib.fields import RawTextField

TURN_DAYS, WIRE_DAYS = 90, 30
LONGEST_DAYS = 3650


def _make_salt() -> str:
    return secrets.token_hex(32)


class ProjectCustody(models.Model):
    """How long a project's turns and their bytes are kept, in days after the turn; None is ever.

    ``salt`` keys the pseudonyms and hashes of user ids, so that they differ between projects.
    """

    project = models.OneToOneField(Project, models.CASCADE, related_name="custody")
    turn_days = models.PositiveIntegerField(null=True, blank=True, default=TURN_DAYS)
    wire_days = models.PositiveIntegerField(null=True, blank=True, default=WIRE_DAYS)
    salt = models.CharField(max_length=64, default=_make_salt, editable=False)
    swept_at = models.DateTimeField(null=True, blank=True)
    idle_toolsets = ArrayField(models.BigIntegerField(), default=list, blank=True, editable=False)
    """Toolsets that no turn had at the last sweep; those that still have none at the next go."""

    def __str__(self) -> str:
        return f"custody of {self.project_id}"

    @classmethod
    def of(cls, project: Project) -> ProjectCustody:
        """The project's row, made with the defaults where there is none yet."""
        return cls.objects.get_or_create(project=project)[0]


class RedactionRule(models.Model):
    """A rule by which something is replaced before it is stored.

    ``value`` is the name of a built-in rule, an RE2 pattern or a JSON pointer.
    """

    KINDS: ClassVar = [("builtin", "Built in"), ("pattern", "Pattern"), ("pointer", "Pointer")]

    project = models.ForeignKey(Project, models.CASCADE, related_name="redaction_rules")
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=8, choices=KINDS)
    value = models.CharField(max_length=500)
    replacement = models.CharField(max_length=100, blank=True)
    enabled = models.BooleanField(default=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="redaction_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class Sweep(models.Model):
    """What one pass of retention removed from a project; passes that removed nothing leave none."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="sweeps")
    at = models.DateTimeField(default=timezone.now)
    turns = models.PositiveBigIntegerField(default=0)
    calls = models.PositiveBigIntegerField(default=0)
    wires = models.PositiveBigIntegerField(default=0)
    conversations = models.PositiveBigIntegerField(default=0)
    toolsets = models.PositiveBigIntegerField(default=0)
    others = models.PositiveBigIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["project", "-at"], name="sweep_newest")]

    def __str__(self) -> str:
        return f"sweep of {self.at}"


class Erasure(models.Model):
    """The deletion of one user's data: who asked, when, and what was deleted.

    ``user_hash`` is the keyed hash of the user id. ``subject`` is the id itself, held only
    while the work is under way. Counts are of rows deleted so far.
    """

    STATUS: ClassVar = [
        (value, value.capitalize()) for value in ("running", "finished", "cancelled", "failed")
    ]

    project = models.ForeignKey(Project, models.CASCADE, related_name="erasures")
    requested_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    user_hash = models.CharField(max_length=64)
    subject = RawTextField(blank=True)
    status = models.CharField(max_length=10, choices=STATUS, default="running")
    cancel_asked = models.BooleanField(default=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    total = models.PositiveBigIntegerField(default=0)
    conversations = models.PositiveBigIntegerField(default=0)
    turns = models.PositiveBigIntegerField(default=0)
    calls = models.PositiveBigIntegerField(default=0)
    wires = models.PositiveBigIntegerField(default=0)
    others = models.PositiveBigIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["project", "-id"], name="erasure_newest")]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "user_hash"],
                name="erasure_once",
                condition=models.Q(status="running"),
            )
        ]

    def __str__(self) -> str:
        return f"erasure {self.pk}, {self.status}"

    @property
    def is_open(self) -> bool:
        return self.status == "running"
