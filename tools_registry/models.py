"""Tools, drafts of them, their immutable versions, and the toolsets offered to models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import IntegrityError, models
from django.utils import timezone

from console.accounts.models import Project, User
from console.lib import json
from console.lib.fields import RawTextField
from tools_registry.drafts import Draft, read_draft
from tools_registry.imports.models import ToolImport as ToolImport
from tools_registry.policies.models import Policy as Policy
from tools_registry.policies.models import PolicyEvent as PolicyEvent
from tools_registry.routing.models import ClassifierAnswer as ClassifierAnswer
from tools_registry.routing.models import Router as Router
from tools_registry.routing.models import RouterVersion as RouterVersion
from tools_registry.specs import ToolSpec

ORIGINS = (("registered", "Registered"), ("observed", "Observed"))
EVENTS = (("published", "Published"), ("retired", "Retired"))
_CHANGEABLE = frozenset(["note", "first_seen_at", "last_seen_at", "published_at", "retired_at"])


_NONE = models.Value([], output_field=models.JSONField())


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

    @property
    def current(self) -> ToolVersion | None:
        """The newest version that is not retired: what applications should offer."""
        return self.versions.filter(retired_at=None).order_by("-number").first()

    @property
    def published(self) -> ToolVersion | None:
        """The newest version that somebody published and nobody retired."""
        rows = self.versions.filter(retired_at=None).exclude(published_at=None)
        return rows.order_by("-number").first()

    def archive(self) -> None:
        """Take the tool out of lists; its versions and what was recorded of them stay."""
        self.archived_at = self.archived_at or timezone.now()
        self.save(update_fields=["archived_at"])

    def unarchive(self) -> None:
        self.archived_at = None
        self.save(update_fields=["archived_at"])


class ToolVersion(models.Model):
    """One immutable definition; a trigger in the database refuses any change of it.

    Only the note, the times of sight and the state may change. ``definition`` is
    ``ToolSpec.to_json()`` as text with its key order; ``hash`` is the SHA-256 of its canonical
    form, once per tool. ``published_at`` is when a person or program published it last, None for
    one that traffic alone brought; a retired one is still judged and no longer offered. Who
    changed the state and why is in ``VersionEvent``.
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
    published_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

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

    @property
    def state(self) -> str:
        """ "retired", "published", or "observed" while traffic alone knows it."""
        if self.retired_at:
            return "retired"
        return "published" if self.published_at else "observed"


class VersionEvent(models.Model):
    """A version was published or retired: by whom, when and why. Never changes.

    ``by`` is the person; ``sender`` names the key of a program. ``reason`` says why it was
    published although lint reported the errors in ``overrode``, a list of "code pointer".
    ``evidence`` is what spoke for it, a list of ``{name, url, text}``.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    version = models.ForeignKey(ToolVersion, models.CASCADE, related_name="events")
    kind = models.CharField(max_length=10, choices=EVENTS)
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    sender = models.CharField(max_length=100, blank=True)
    note = models.CharField(max_length=300, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    overrode = models.JSONField(default=list, blank=True)
    evidence = models.JSONField(default=list, db_default=_NONE, blank=True)

    class Meta:
        indexes = [models.Index(fields=["project", "at"], name="version_event_by_time")]

    def __str__(self) -> str:
        return f"{self.version} {self.kind}"


class ToolDraft(models.Model):
    """A definition in the making: what somebody typed, whether it can be read or not.

    ``tool`` is None while no version of it exists; ``name`` is the last that could be read.
    ``base`` is the version it started from. It is written by compare-and-set on ``revision``, so
    that two editors do not overwrite each other. A draft is open until it is published as
    ``version`` or discarded; its row stays, as backtests and replays refer to it.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    tool = models.ForeignKey(Tool, models.CASCADE, null=True, blank=True, related_name="drafts")
    name = models.CharField(max_length=256, blank=True)
    base = models.ForeignKey(
        ToolVersion, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    text = RawTextField()
    note = models.CharField(max_length=300, blank=True)
    revision = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    updated_at = models.DateTimeField(default=timezone.now)
    version = models.ForeignKey(
        ToolVersion, models.CASCADE, null=True, blank=True, related_name="drafts"
    )
    discarded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["project", "-updated_at"],
                name="draft_open",
                condition=models.Q(version=None, discarded_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"draft {self.pk} of {self.name or 'a tool without a name'}"

    @property
    def is_open(self) -> bool:
        return self.version_id is None and self.discarded_at is None

    def read(self) -> Draft:
        """The definition with what keeps it from being published."""
        return read_draft(self.text)

    def write(self, text: str, note: str, *, revision: int, user: User | None) -> bool:
        """Keep what was typed; False where another wrote since ``revision``, or it is closed."""
        spec = read_draft(text).spec
        changed = {
            "text": text,
            "note": note[:300],
            "name": spec.name[:256] if spec and not self.tool_id else self.name,
            "revision": revision + 1,
            "updated_by": user,
            "updated_at": timezone.now(),
        }
        mine = ToolDraft.objects.filter(pk=self.pk, revision=revision).filter(OPEN)
        if not mine.update(**changed):
            return False
        self.refresh_from_db()
        return True

    def discard(self) -> None:
        ToolDraft.objects.filter(pk=self.pk).filter(OPEN).update(discarded_at=timezone.now())

    def reopen(self) -> None:
        ToolDraft.objects.filter(pk=self.pk, version=None).update(discarded_at=None)


OPEN = models.Q(version=None, discarded_at=None)
"""Drafts that are neither published nor discarded."""


class LintWord(models.Model):
    """A word that is right in this project whatever the list of misspellings says; lower case."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    word = models.CharField(max_length=60)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "word"], name="lint_word_once")]

    def __str__(self) -> str:
        return self.word


class LintSettings(models.Model):
    """What a project has lint check: the providers whose strictness counts, and its limits.

    No provider means what each of them refuses. Limits are a count of tools, and tokens.
    """

    project = models.OneToOneField(Project, models.CASCADE, related_name="lint_settings")
    providers = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    most_tools = models.PositiveIntegerField(default=20)
    heavy_tool = models.PositiveIntegerField(default=1000)
    heavy_toolset = models.PositiveIntegerField(default=10_000)

    def __str__(self) -> str:
        return f"lint of {self.project}"


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


class ToolHost(models.Model):
    """A private host that tools of the project may reach, as OUTBOUND_ALLOW writes it, if the
    server's own list has it too."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    host = models.CharField(max_length=300)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "host"], name="tool_host_once")]

    def __str__(self) -> str:
        return self.host
