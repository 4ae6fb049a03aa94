"""Tools, their immutable versions, and the toolsets that were offered to models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import IntegrityError, models
from django.utils import timezone

from console.accounts.models import Project, User
from console.lib import json
from console.lib.fields import RawTextField
from tools_registry.specs import ToolSpec

ORIGINS = (("registered", "Registered"), ("observed", "Observed"))
_CHANGEABLE = frozenset(["note", "first_seen_at", "last_seen_at"])


class Immutable(IntegrityError):
    """A version was to be changed or deleted; the database would refuse it as well."""


class Tool(models.Model):
    """A function that a model may call, known by its name within a project."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="tools")
    name = models.CharField(max_length=256)
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="tool_name_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def latest(self) -> ToolVersion | None:
        """The version with the highest number."""
        return self.versions.order_by("-number").first()

    def archive(self) -> None:
        """Take the tool out of lists; its versions and what was recorded of them stay."""
        self.archived_at = self.archived_at or timezone.now()
        self.save(update_fields=["archived_at"])

    def unarchive(self) -> None:
        self.archived_at = None
        self.save(update_fields=["archived_at"])


class ToolVersion(models.Model):
    """One immutable definition; a trigger in the database refuses any change of it.

    Only the note and the times of sight may change. ``definition`` is ``ToolSpec.to_json()``
    as text with its key order; ``hash`` is the SHA-256 of its canonical form, once per tool.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    tool = models.ForeignKey(Tool, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    hash = models.CharField(max_length=64)
    definition = RawTextField()
    origin = models.CharField(max_length=10, choices=ORIGINS, default="registered")
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    first_seen_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tool", "hash"], name="version_hash_once"),
            models.UniqueConstraint(fields=["tool", "number"], name="version_number_once"),
        ]
        indexes = [models.Index(fields=["project", "hash"], name="version_by_hash")]

    def __str__(self) -> str:
        return f"{self.tool.name} v{self.number}"

    def save(
        self,
        *args: Any,
        force_insert: bool | tuple[models.base.ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        if not self._state.adding and not _CHANGEABLE.issuperset(update_fields or ["id"]):
            raise Immutable(f"{self} cannot change: save a new version instead")
        super().save(
            *args,
            force_insert=force_insert,
            force_update=force_update,
            using=using,
            update_fields=update_fields,
        )

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise Immutable(f"{self} cannot be deleted: archive the tool instead")

    @property
    def spec(self) -> ToolSpec:
        return ToolSpec.from_json(json.load(self.definition))


class Toolset(models.Model):
    """The exact ordered tools offered to a model in one turn, stored once.

    ``wire`` is the request's ``tools`` array as JSON text, key order kept; ``hash`` is its
    SHA-256. ``versions`` holds the ids of the tool versions in the order of the array, 0
    where an entry is no function (a provider's built-in tool).
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    hash = models.CharField(max_length=64)
    wire = RawTextField()
    versions = ArrayField(models.BigIntegerField())
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "hash"], name="toolset_once")]

    def __str__(self) -> str:
        return f"toolset {self.hash[:8]}, {len(self.versions)} tools"

    @property
    def tools(self) -> list[dict[str, Any]]:
        return json.load(self.wire)  # type: ignore[no-any-return]
