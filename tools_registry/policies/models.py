"""Stored policies: drafts that change, one published policy a tool, retired ones kept."""

from __future__ import annotations

from typing import Any

from django.db import models, transaction
from django.utils import timezone

from console.accounts.models import Project, User
from console.lib import json
from console.lib.fields import RawTextField
from tools_registry.policies.spec import PolicySpec

STATES = (("draft", "Draft"), ("published", "Published"), ("retired", "Retired"))


class Policy(models.Model):
    """One numbered policy of a tool.

    ``document`` is ``PolicySpec.to_json()`` as text, ``hash`` the SHA-256 of its canonical form.
    A draft may change; once published, a trigger in the database refuses any change but that of
    its state to retired, of the note, and deletion. At most one is published for a tool.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    tool = models.ForeignKey("tools_registry.Tool", models.CASCADE, related_name="policies")
    number = models.PositiveIntegerField()
    document = RawTextField()
    hash = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=STATES, default="draft")
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    published_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    published_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "tools_registry"
        constraints = [
            models.UniqueConstraint(fields=["tool", "number"], name="policy_number_once"),
            models.UniqueConstraint(
                fields=["tool"],
                condition=models.Q(state="published"),
                name="policy_published_once",
            ),
        ]

    def __str__(self) -> str:
        return f"policy {self.number} of {self.tool.name}"

    @property
    def spec(self) -> PolicySpec:
        return PolicySpec.from_json(json.load(self.document))

    def write(self, spec: PolicySpec) -> None:
        """Make the draft hold this policy; not saved yet."""
        self.document, self.hash = json.dump(spec.to_json()), spec.hash

    def publish(self, user: User | None) -> None:
        """Make it the policy that calls are judged with; the former one is retired."""
        now = timezone.now()
        with transaction.atomic():
            rivals = type(self).objects.select_for_update().filter(tool_id=self.tool_id)
            for other in rivals.filter(state="published").exclude(pk=self.pk):
                other.retire(now)
            self.state, self.published_by, self.published_at = "published", user, now
            self.save(update_fields=["state", "published_by", "published_at", "changed_at"])

    def retire(self, now: Any = None) -> None:
        self.state, self.retired_at = "retired", now or timezone.now()
        self.save(update_fields=["state", "retired_at", "changed_at"])
