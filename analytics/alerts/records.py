"""Rules, what they found, whom they tell and what became of it, as rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from analytics.alerts.lifecycle import Standing
from analytics.alerts.readings import Asked, read_filter
from analytics.alerts.rules import Rule
from analytics.alerts.watched import WATCHED, Watched, of_budget
from analytics.budgets.records import Budget
from console.accounts.models import Project, User
from console.lib import json, uuid7
from console.lib.fields import RawTextField
from conversations.incidents.records import SEVERITIES, Incident

STATES = [("no_data", "No data"), ("ok", "OK"), ("warning", "Warning"), ("alert", "Alert")]
NOTICES = [
    ("alert", "Alert"),
    ("warning", "Warning"),
    ("recovered", "Recovered"),
    ("no_data", "No data"),
    ("reminder", "Reminder"),
]
CHANNEL_KINDS = [
    ("webhook", "Signed webhook"),
    ("slack", "Slack or compatible"),
    ("pagerduty", "PagerDuty"),
    ("email", "E-mail"),
]
DELIVERY_STATUS = [("waiting", "Waiting"), ("sent", "Sent"), ("failed", "Failed")]


class AlertChannel(models.Model):
    """Where alerts are told. Secrets stay in the environment, under ``variable``: what a webhook is
    signed with, the address of a Slack webhook, PagerDuty's routing key. ``url`` is a webhook's,
    ``addresses`` are an e-mail's. ``tells_incidents`` says that it also hears what becomes of
    incidents."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=10, choices=CHANNEL_KINDS)
    url = models.CharField(max_length=500, blank=True)
    variable = models.CharField(max_length=100, blank=True)
    addresses = ArrayField(models.EmailField(), default=list, blank=True)
    tells_incidents = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "name"],
                name="alert_channel_name_once",
                condition=Q(archived_at=None),
            )
        ]

    def __str__(self) -> str:
        return self.name


class AlertRule(models.Model):
    """What is watched, when it alerts, and how it stands.

    ``metric`` is a key of ``WATCHED``, ``query`` a filter of the lists without times; ``budget`` is
    the one that ``watched.BUDGET`` speaks of, and its filter the one that counts. The levels
    are as ``rules.Rule`` has them; ``window`` and ``renotify`` are seconds. What follows ``due_at``
    is the last look's: ``value`` in the metric's unit and ``expected`` by the past, None where
    there is none, ``lack`` why there is no figure, ``error`` why it could not look. ``incident``
    is the one that its last alert opened or joined.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    name = models.CharField(max_length=100)
    metric = models.CharField(max_length=30)
    query = models.CharField(max_length=2000, blank=True)
    budget = models.ForeignKey(
        Budget, models.CASCADE, null=True, blank=True, related_name="alert_rules"
    )
    basis = models.CharField(max_length=10, default="threshold")
    direction = models.CharField(max_length=5, default="above")
    window = models.PositiveIntegerField()
    minimum = models.PositiveIntegerField(default=1)
    level = models.FloatField()
    warning = models.FloatField(null=True, blank=True)
    recovery = models.FloatField(null=True, blank=True)
    severity = models.CharField(max_length=8, choices=SEVERITIES, default="high")
    renotify = models.PositiveIntegerField(default=0)
    tells_no_data = models.BooleanField(default=False)
    opens_incident = models.BooleanField(default=True)
    channels: models.ManyToManyField[AlertChannel, models.Model] = models.ManyToManyField(
        AlertChannel, related_name="rules", blank=True
    )
    enabled = models.BooleanField(default=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=STATES, default="no_data")
    since = models.DateTimeField()
    told = models.CharField(max_length=8, choices=STATES, default="ok")
    told_at = models.DateTimeField(null=True, blank=True)
    missing_since = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True, blank=True)
    value = models.FloatField(null=True, blank=True)
    expected = models.FloatField(null=True, blank=True)
    part = models.FloatField(default=0)
    base = models.PositiveBigIntegerField(default=0)
    lack = models.CharField(max_length=5, blank=True)
    error = models.CharField(max_length=300, blank=True)
    incident = models.ForeignKey(Incident, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "name"], name="alert_rule_name_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="alert_rule_due", condition=Q(enabled=True))
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def watched(self) -> Watched:
        if self.budget:
            return of_budget(self.budget.name, self.budget.period)
        return WATCHED[self.metric]

    @property
    def filter(self) -> str:
        """What it counts, in the lists' language."""
        return self.budget.query if self.budget else self.query

    @property
    def asked(self) -> Asked:
        """Raises BadQuery where the filter no longer reads."""
        return Asked(self.project, self.watched, read_filter(self.filter))

    @property
    def rule(self) -> Rule:
        return Rule(
            unit=self.watched.unit,
            window=self.window,
            level=self.level,
            warning=self.warning,
            recovery=self.recovery,
            basis=self.basis,  # type: ignore[arg-type]
            direction=self.direction,  # type: ignore[arg-type]
            minimum=self.minimum,
            renotify=self.renotify,
            tells_no_data=self.tells_no_data,
            share=self.watched.share,
        )

    @property
    def standing(self) -> Standing:
        return Standing(
            state=self.state,  # type: ignore[arg-type]
            since=self.since,
            told=self.told,  # type: ignore[arg-type]
            told_at=self.told_at,
            missing_since=self.missing_since,
        )

    def stand(self, standing: Standing) -> None:
        """Take over a standing, without saving it."""
        self.state, self.since = standing.state, standing.since
        self.told, self.told_at = standing.told, standing.told_at
        self.missing_since = standing.missing_since


class AlertEvent(models.Model):
    """A change of a rule's state, or a reminder. ``notice`` is what was told, "" where nothing was;
    ``text`` the sentence, ``silenced`` whether a silence kept it from being told."""

    id = models.UUIDField(primary_key=True, default=uuid7.now, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    rule = models.ForeignKey(AlertRule, models.CASCADE, related_name="events", db_index=False)
    at = models.DateTimeField()
    before = models.CharField(max_length=8, choices=STATES)
    state = models.CharField(max_length=8, choices=STATES)
    notice = models.CharField(max_length=9, choices=NOTICES, blank=True)
    text = models.CharField(max_length=500)
    silenced = models.BooleanField(default=False)
    value = models.FloatField(null=True, blank=True)
    expected = models.FloatField(null=True, blank=True)
    part = models.FloatField(default=0)
    base = models.PositiveBigIntegerField(default=0)
    began_at = models.DateTimeField(null=True, blank=True)
    incident = models.ForeignKey(Incident, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["rule", "-id"], name="alert_event_of_rule"),
            models.Index(fields=["project", "-id"], name="alert_event_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.rule_id}: {self.before} to {self.state}"


class AlertSilence(models.Model):
    """A time in which a rule tells nothing; all rules of the project where ``rule`` is None."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    rule = models.ForeignKey(
        AlertRule, models.CASCADE, null=True, blank=True, related_name="silences"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)
    author = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "-ends_at"], name="alert_silence_newest")
        ]

    def __str__(self) -> str:
        return f"silence until {self.ends_at}"

    def covers(self, now: datetime) -> bool:
        return self.starts_at <= now < self.ends_at


class AlertDelivery(models.Model):
    """One message to one channel, tried until it arrives or cannot; without a channel it goes to
    the e-mail ``addresses``. ``event`` None is a test, or of an incident.

    ``body`` is what is told, as JSON text (``payload.build``). ``attempts`` is a JSON list of
    ``{at, outcome, detail, ms}``; ``tries`` counts those begun. ``next_at`` is when it is tried
    next, or taken for lost by the worker that has it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7.now, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    channel = models.ForeignKey(
        AlertChannel,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="deliveries",
        db_index=False,
    )
    addresses = ArrayField(models.EmailField(), default=list, db_default=[], blank=True)
    event = models.ForeignKey(
        AlertEvent, models.CASCADE, null=True, blank=True, related_name="deliveries"
    )
    body = RawTextField()
    status = models.CharField(max_length=7, choices=DELIVERY_STATUS, default="waiting")
    attempts = models.JSONField(default=list)
    tries = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["next_at"], name="alert_delivery_due", condition=Q(status="waiting")
            ),
            models.Index(fields=["project", "-id"], name="alert_delivery_newest"),
            models.Index(fields=["channel", "-id"], name="alert_delivery_of_channel"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk} to {self.channel_id}"

    @property
    def message(self) -> dict[str, Any]:
        """What is told."""
        told: dict[str, Any] = json.load(self.body)
        return told

    @property
    def is_test(self) -> bool:
        return bool(self.message["type"] == "test")

    @property
    def receiver(self) -> AlertChannel:
        """The channel, or what stands for one where it goes to people."""
        if self.channel:
            return self.channel
        name = ", ".join(self.addresses)
        return AlertChannel(
            project_id=self.project_id, name=name, kind="email", addresses=self.addresses
        )
