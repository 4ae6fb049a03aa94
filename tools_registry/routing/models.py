"""Stored routers: each a name with immutable numbered versions, and what classifiers said."""

from __future__ import annotations

from typing import Any

from django.db import models, transaction
from django.utils import timezone

from console.accounts.models import Project, User
from console.lib import json
from console.lib.fields import RawTextField
from tools_registry.routing.spec import RouterSpec


class Router(models.Model):
    """A router of a project, known by its name."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="routers")
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "tools_registry"
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="router_name_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def latest(self) -> RouterVersion | None:
        return self.versions.order_by("-number").first()

    def write(self, spec: RouterSpec, user: User | None, note: str = "") -> RouterVersion:
        """Keep the next version; the newest one where its content is the same."""
        with transaction.atomic():
            Router.objects.select_for_update().get(pk=self.pk)
            newest = self.latest
            if newest is not None and newest.hash == spec.hash:
                return newest
            return self.versions.create(
                project_id=self.project_id,
                number=newest.number + 1 if newest else 1,
                document=json.dump(spec.to_json()),
                hash=spec.hash,
                note=note,
                created_by=user,
            )

    def archive(self, *, back: bool = False) -> None:
        self.archived_at = None if back else timezone.now()
        self.save(update_fields=["archived_at"])


class RouterVersion(models.Model):
    """``document`` is ``RouterSpec.to_json()`` as text; a trigger refuses any change."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    router = models.ForeignKey(Router, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    document = RawTextField()
    hash = models.CharField(max_length=64)
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "tools_registry"
        constraints = [
            models.UniqueConstraint(fields=["router", "number"], name="router_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.router.name} v{self.number}"

    @property
    def spec(self) -> RouterSpec:
        return RouterSpec.from_json(json.load(self.document))


class ClassifierAnswer(models.Model):
    """What a classifier said of an input, so that it is asked once.

    ``question`` is the SHA-256 of what it was asked with (``classifier.question_hash``).
    ``scores`` are by group, JSON text; "" where it failed, with ``error`` saying why.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    question = models.CharField(max_length=64)
    scores = RawTextField(blank=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "tools_registry"
        constraints = [
            models.UniqueConstraint(fields=["project", "question"], name="classifier_answer_once")
        ]

    def __str__(self) -> str:
        return f"answer to {self.question[:8]}"

    def read(self) -> dict[str, Any]:
        return json.load(self.scores) if self.scores else {}
