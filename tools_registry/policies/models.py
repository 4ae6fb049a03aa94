"""Stored policies: drafts that change, one published policy a tool, retired ones kept."""

from __future__ import annotations

from datetime import datetime

from django.db import models, transaction
from django.utils import timezone

from console.accounts.models import Project, User
from console.lib import json
from console.lib.fields import RawTextField
from tools_registry.policies.spec import PolicySpec

STATES = (("draft", "Draft"), ("published", "Published"), ("retired", "Retired"))
EVENTS = STATES[1:]


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
                other._leave(now)
            self.state, self.published_by, self.published_at = "published", user, now
            self.save(update_fields=["state", "published_by", "published_at", "changed_at"])
            self._note("published", now, user)

    @transaction.atomic
    def retire(self, user: User | None) -> None:
        """From now on the tool has no policy."""
        now = timezone.now()
        self._leave(now)
        self._note("retired", now, user)

    def _leave(self, now: datetime) -> None:
        self.state, self.retired_at = "retired", now
        self.save(update_fields=["state", "retired_at", "changed_at"])

    def _note(self, kind: str, at: datetime, by: User | None) -> None:
        self.events.create(project_id=self.project_id, kind=kind, at=at, by=by)


class PolicyEvent(models.Model):
    """A policy was published or retired: by whom and when. Never changes.

    One that gave way to the next has no event of that: the next one's publishing tells it.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    policy = models.ForeignKey(Policy, models.CASCADE, related_name="events")
    kind = models.CharField(max_length=10, choices=EVENTS)
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        app_label = "tools_registry"
        indexes = [models.Index(fields=["project", "at"], name="policy_event_by_time")]

    def __str__(self) -> str:
        return f"{self.policy} {self.kind}"
