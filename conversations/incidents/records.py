"""Incidents, their turns, events and watchers, as rows."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from console.accounts.models import Project, User

SEVERITIES = [(value, value.capitalize()) for value in ("low", "medium", "high", "critical")]
STATUS = [
    (value, value.capitalize()) for value in ("open", "acknowledged", "mitigated", "resolved")
]
KINDS = [(value, value.capitalize()) for value in ("calls", "turns", "conversations")]
JOINED = [
    ("filter", "Matches the filter"),
    ("hand", "Added by hand"),
    ("api", "Added by API"),
]
EVENTS = [
    ("opened", "Opened"),
    ("alert", "Alert"),
    ("acknowledged", "Acknowledged"),
    ("mitigated", "Mitigated"),
    ("resolved", "Resolved"),
    ("reopened", "Reopened"),
    ("changed", "Changed"),
    ("joined", "Turns added"),
    ("note", "Note"),
    ("published", "Fix published"),
]

NEWS = ("acknowledged", "mitigated", "resolved", "reopened", "changed", "note", "published")
"""Events of which those who watch are told. Alerts have receivers of their own."""


class Incident(models.Model):
    """Turns that went wrong together.

    ``kind`` and ``query`` are a filter of the lists, its times taken out: they are ``since`` and
    ``until``, None while it goes on. "" as the query is an incident of turns added by hand alone.
    ``alert_key`` names what of the alerts opened it, ``alert`` what the alert said and
    ``alert_url`` its page; "" without one. ``cause`` is what people found to be the cause.
    ``opened_by`` is a person, ``sender`` names the key of a program. ``recurrences`` counts how
    often it was reopened. ``cursor`` is the key up to which turns were looked for, None at first;
    ``is_full`` says that it holds as many turns as an incident may. ``acknowledged_at`` and what
    follows are the times of the last such step; None where it was not made or was taken back.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="incidents")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    severity = models.CharField(max_length=8, choices=SEVERITIES, default="medium")
    status = models.CharField(max_length=12, choices=STATUS, default="open")
    owner = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=13, choices=KINDS, default="calls")
    query = models.CharField(max_length=2000, blank=True)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    opened_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    sender = models.CharField(max_length=100, blank=True)
    opened_at = models.DateTimeField()
    alert_key = models.CharField(max_length=200, blank=True)
    alert = models.CharField(max_length=500, blank=True)
    alert_url = models.CharField(max_length=300, blank=True)
    cause = models.CharField(max_length=2000, blank=True)
    recurrences = models.PositiveIntegerField(default=0)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    mitigated_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    cursor = models.UUIDField(null=True, blank=True)
    is_full = models.BooleanField(default=False)
    watchers: models.ManyToManyField[User, IncidentWatcher] = models.ManyToManyField(
        User, through="IncidentWatcher", related_name="+"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "number"], name="incident_number_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["project", "alert_key", "-number"],
                name="incident_of_alert",
                condition=~models.Q(alert_key=""),
            ),
            models.Index(
                fields=["project"], name="incident_open", condition=~models.Q(status="resolved")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.title}"

    @property
    def name(self) -> str:
        return f"INC-{self.number}"

    @property
    def is_open(self) -> bool:
        return self.status != "resolved"


class IncidentTurn(models.Model):
    """A turn of an incident, or one call of it: ids and a time alone, so that retention and
    deletion need not know of it; what is gone is not shown. ``call_id`` None is the whole turn.
    """

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="turns", db_index=False)
    turn_id = models.UUIDField()
    call_id = models.UUIDField(null=True, blank=True)
    conversation_id = models.UUIDField()
    at = models.DateTimeField()
    how = models.CharField(max_length=6, choices=JOINED)
    added_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["incident", "turn_id", "call_id"],
                name="incident_turn_once",
                nulls_distinct=False,
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["incident", "at"], name="incident_turn_by_time"),
            models.Index(fields=["turn_id"], name="incident_of_turn"),
        ]

    def __str__(self) -> str:
        return f"turn {self.turn_id} of incident {self.incident_id}"


class IncidentEvent(models.Model):
    """What somebody did or said, or an alert did. What the record itself tells, such as the first
    call, versions and replays, is read when the timeline is shown (``timeline.read_timeline``).

    ``text`` is plain text. ``detail`` is a JSON object that depends on the kind. ``to_tell`` says
    that those who watch were not told of it yet.
    """

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="events", db_index=False)
    at = models.DateTimeField()
    kind = models.CharField(max_length=12, choices=EVENTS)
    text = models.CharField(max_length=2000, blank=True)
    detail = models.JSONField(default=dict, blank=True)
    author = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    to_tell = models.BooleanField(default=False, db_default=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["incident", "at"], name="incident_event_by_time"),
            models.Index(
                fields=["id"], name="incident_event_to_tell", condition=models.Q(to_tell=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of incident {self.incident_id}"


class IncidentWatcher(models.Model):
    """A member who wants to hear of the incident."""

    incident = models.ForeignKey(Incident, models.CASCADE, db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["incident", "user"], name="incident_watcher_once")
        ]

    def __str__(self) -> str:
        return f"{self.user} watches incident {self.incident_id}"
