"""What was priced again, by whom, and what came of it: kept as the event that it is."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from console.accounts.models import Project, User
from console.lib import json, uuid7
from console.lib.fields import RawTextField

STATUS = [
    ("previewing", "Looking"),
    ("previewed", "Ready to apply"),
    ("applying", "Applying"),
    ("applied", "Applied"),
    ("cancelled", "Cancelled"),
    ("failed", "Failed"),
]


class Repricing(models.Model):
    """Turns of [since, until), those of ``model`` and ``connection`` where they are given, only
    those without a price with ``only_unpriced``.

    ``cursor`` is the key after which turns are still to be priced in this pass; ``total`` and
    ``done`` count those of the pass. ``chain`` names the tasks that may go on with it. ``preview``
    and ``tally`` are what the looking and the writing pass found (``tally.Tally.to_json``).
    """

    id = models.UUIDField(primary_key=True, default=uuid7.now, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="repricings")
    since = models.DateTimeField()
    until = models.DateTimeField()
    model = models.CharField(max_length=200, blank=True)
    connection = models.ForeignKey(
        "conversations.Connection",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    connection_name = models.CharField(max_length=60, blank=True)
    only_unpriced = models.BooleanField(default=False)
    status = models.CharField(max_length=10, choices=STATUS, default="previewing")
    cancel_asked = models.BooleanField(default=False)
    chain = models.PositiveIntegerField(default=0)
    cursor = models.UUIDField(null=True, blank=True)
    total = models.PositiveBigIntegerField(null=True, blank=True)
    done = models.PositiveBigIntegerField(default=0)
    preview = RawTextField(default="{}")
    tally = RawTextField(default="{}")
    error = models.CharField(max_length=300, blank=True)
    requested_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    applied_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="repricing_newest"),
            models.Index(
                fields=["touched_at"],
                name="repricing_open",
                condition=models.Q(status__in=["previewing", "applying"]),
            ),
        ]

    def __str__(self) -> str:
        return f"re-pricing of {self.created_at}"

    @property
    def is_open(self) -> bool:
        return self.status in ("previewing", "applying")

    @property
    def has_written(self) -> bool:
        return self.status == "applied" or self.tally != "{}"

    @property
    def told(self) -> dict[str, Any]:
        """What the newest pass found."""
        told = self.tally if self.has_written else self.preview
        return json.load(told)  # type: ignore[no-any-return]
