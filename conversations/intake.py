"""What came in: keys of turns, counts by the hour, quarantine, pieces of traces, sightings."""

from __future__ import annotations

from django.db import models

from console.accounts.models import ApiKey, Project, User
from console.lib.fields import RawTextField
from tools_registry.models import ToolVersion

DOORS = [
    ("api", "Turn records"),
    ("otlp", "OpenTelemetry"),
    ("proxy", "Recording proxy"),
    ("file", "Files"),
    ("page", "Sent again from quarantine"),
]


class TurnKey(models.Model):
    """Which turn an application's own id stands for: the arbiter of what is a duplicate.

    ``id`` is made of project and key (``conversations.storage.key_of``). The turns' own table
    cannot hold this once, as it is partitioned by time and the same id may come with another.
    """

    id = models.UUIDField(primary_key=True)
    project = models.ForeignKey(
        Project, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    turn_id = models.UUIDField()

    def __str__(self) -> str:
        return f"key of turn {self.turn_id}"


class IngestTally(models.Model):
    """What one key sent in one hour of receipt: sent = stored + duplicate + rejected + quarantined.

    ``beside`` counts spans and log records that are no turn of their own. Writers that meet
    take different ``shard``s, so that none waits for another.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    api_key = models.ForeignKey(ApiKey, models.CASCADE, null=True, blank=True, related_name="+")
    hour = models.DateTimeField()
    door = models.CharField(max_length=10, choices=DOORS)
    shard = models.PositiveSmallIntegerField(default=0)
    sent = models.PositiveBigIntegerField(default=0)
    stored = models.PositiveBigIntegerField(default=0)
    duplicate = models.PositiveBigIntegerField(default=0)
    rejected = models.PositiveBigIntegerField(default=0)
    quarantined = models.PositiveBigIntegerField(default=0)
    beside = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "hour", "door", "api_key", "shard"],
                name="tally_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(
                    sent=models.F("stored")
                    + models.F("duplicate")
                    + models.F("rejected")
                    + models.F("quarantined")
                ),
                name="tally_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sent} sent in the hour of {self.hour}"


LOSSES = [
    ("spool_full", "The spool was full"),
    ("memory_full", "More came than could be stored or spooled"),
    ("spool_unwritable", "The spool could not be written"),
    ("too_fast", "The key sent faster than it may"),
]


class IngestLoss(models.Model):
    """Turns of the proxy that passed and were not recorded: how many, why, and when.

    They count as rejected in the tally. ``size`` is the bytes of their requests and answers.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    api_key = models.ForeignKey(ApiKey, models.CASCADE, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=20, choices=LOSSES)
    turns = models.PositiveBigIntegerField()
    size = models.PositiveBigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["project", "-last_at"], name="loss_newest")]

    def __str__(self) -> str:
        return f"{self.turns} turns lost until {self.last_at}"


class Quarantined(models.Model):
    """A record that could not be stored as it came: its bytes, and why."""

    STATUS = (("open", "Open"), ("resent", "Sent again"), ("discarded", "Discarded"))

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    api_key = models.ForeignKey(ApiKey, models.CASCADE, null=True, blank=True, related_name="+")
    door = models.CharField(max_length=10, choices=DOORS)
    received_at = models.DateTimeField()
    reason = models.CharField(max_length=40)
    detail = RawTextField(blank=True)
    pointer = RawTextField(blank=True)
    body = models.BinaryField()
    content_type = models.CharField(max_length=100, default="application/json")
    status = models.CharField(max_length=10, choices=STATUS, default="open")
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["project", "status", "-id"], name="quarantine_newest")]

    def __str__(self) -> str:
        return f"{self.reason} in quarantine since {self.received_at}"


class TraceFragment(models.Model):
    """A piece of a trace that others may still have to be joined with, for a day.

    ``kind`` is turn (its messages have not come yet), log, result (a tool span), or site (a
    stored turn whose calls results may answer). ``part`` tells the log records of one span
    apart. ``call_id`` is the row of the call that a result was joined to.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    trace = models.CharField(max_length=32)
    span = models.CharField(max_length=16)
    kind = models.CharField(max_length=6)
    part = models.CharField(max_length=32, blank=True)
    body = RawTextField()
    call_id = models.UUIDField(null=True, blank=True)
    api_key = models.ForeignKey(
        ApiKey, models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False
    )
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "trace", "span", "kind", "part"], name="fragment_once"
            )
        ]
        indexes = [models.Index(fields=["received_at"], name="fragment_oldest")]

    def __str__(self) -> str:
        return f"{self.kind} of span {self.span}"


class ToolSighting(models.Model):
    """Who offers a tool version to models, seen in traffic: a service's name, or a key's."""

    version = models.ForeignKey(ToolVersion, models.CASCADE, related_name="sightings")
    sender = models.CharField(max_length=210)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "sender"], name="sighting_once")]

    def __str__(self) -> str:
        return f"version {self.version_id} offered by {self.sender}"
