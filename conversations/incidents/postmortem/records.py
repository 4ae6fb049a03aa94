"""Post-mortems and their history, as rows."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from console.accounts.models import User
from console.lib.fields import RawTextField


class PostMortem(models.Model):
    """An incident's document in Markdown, references as they were typed.

    ``revision`` counts what was kept; it is written by compare-and-set, so that two editors do
    not overwrite each other.
    """

    incident = models.OneToOneField(
        "conversations.Incident", models.CASCADE, related_name="post_mortem"
    )
    text = RawTextField()
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(default=timezone.now)
    updated_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    def __str__(self) -> str:
        return f"post-mortem of incident {self.incident_id}"


class PostMortemVersion(models.Model):
    """The document as one person left it: what is saved in one go by one author is one version.

    ``revision`` is the last that it holds. The newest one is the document itself.
    """

    document = models.ForeignKey(PostMortem, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    revision = models.PositiveIntegerField()
    text = RawTextField()
    author = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    begun_at = models.DateTimeField(default=timezone.now)
    saved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["document", "number"], name="post_mortem_version_once")
        ]

    def __str__(self) -> str:
        return f"version {self.number} of post-mortem {self.document_id}"
