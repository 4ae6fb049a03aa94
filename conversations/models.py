"""What was said and called: conversations, their turns and tool calls, and live runs.

Turns, their wire and calls are partitioned by month through their UUIDv7 keys, so that
retention drops partitions. Text that came over the wire is kept character for character.
"""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from console.accounts.models import Project, User
from console.lib import json, uuid7
from console.lib.fields import RawTextField
from conversations.backtest.records import Backtest, BacktestChange  # noqa: F401
from conversations.custody import Erasure, ProjectCustody, RedactionRule, Sweep  # noqa: F401
from conversations.guard.records import ProxyGuard as ProxyGuard
from conversations.incidents.postmortem.records import PostMortem as PostMortem
from conversations.incidents.postmortem.records import PostMortemVersion as PostMortemVersion
from conversations.incidents.records import Incident as Incident
from conversations.incidents.records import IncidentEvent as IncidentEvent
from conversations.incidents.records import IncidentTurn as IncidentTurn
from conversations.incidents.records import IncidentWatcher as IncidentWatcher
from conversations.intake import DOORS as DOORS
from conversations.intake import IngestLoss as IngestLoss
from conversations.intake import IngestTally as IngestTally
from conversations.intake import Quarantined as Quarantined
from conversations.intake import ToolSighting as ToolSighting
from conversations.intake import TraceFragment as TraceFragment
from conversations.intake import TurnKey as TurnKey
from conversations.replay.records import Replay as Replay
from conversations.replay.records import ReplayCase as ReplayCase
from conversations.replay.records import ReplayOutcome as ReplayOutcome
from conversations.replay.records import ReplayVariant as ReplayVariant
from conversations.replay.snapshots import FrozenOutcome as FrozenOutcome
from conversations.replay.snapshots import ReplaySnapshot as ReplaySnapshot
from conversations.suites.records import Suite as Suite
from conversations.suites.records import SuiteCase as SuiteCase
from tools_registry.models import Toolset, ToolVersion
from tools_registry.validation.findings import Finding

VERDICTS = [(value, value.capitalize()) for value in ("accepted", "flagged", "rejected")]
PROTOCOLS = [
    ("local", "Local model"),
    ("openai", "OpenAI or compatible"),
    ("anthropic", "Anthropic"),
    ("ollama", "Ollama"),
    ("scripted", "Scripted"),
]
TURN_STATUS = [
    (value, value.capitalize())
    for value in ("running", "finished", "failed", "cancelled", "interrupted")
]
RUN_STATUS = [*TURN_STATUS, ("waiting", "Waiting for an answer")]
SOURCES = [
    (value, value) for value in ("playground", "otlp", "proxy", "api", "file", "replay", "demo")
]


class Connection(models.Model):
    """A model provider endpoint. The key itself is in the environment, under ``key_variable``.

    ``settings`` depends on the protocol: ``{"api": "chat"|"functions"|"responses"}`` for
    openai, ``{"script": …}`` for scripted. A local connection takes its address and key
    from the running console.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="connections")
    name = models.CharField(max_length=60)
    protocol = models.CharField(max_length=10, choices=PROTOCOLS)
    base_url = models.URLField(max_length=500, blank=True)
    key_variable = models.CharField(max_length=100, blank=True)
    model_names = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    settings = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="connection_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class Conversation(models.Model):
    """What one user and one application said, in order. ``key`` is the application's id."""

    id = models.UUIDField(primary_key=True, default=uuid7.now, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="conversations")
    key = models.CharField(max_length=300)
    title = RawTextField(blank=True)
    source = models.CharField(max_length=10, choices=SOURCES)
    user = models.CharField(max_length=300, blank=True)
    environment = models.CharField(max_length=60, blank=True)
    tags = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    turn_count = models.PositiveIntegerField(default=0)
    call_count = models.PositiveIntegerField(default=0)
    verdict = models.CharField(max_length=8, choices=VERDICTS, default="accepted")
    started_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="conversation_key_once")
        ]
        indexes = [
            models.Index(fields=["project", "-last_at", "-id"], name="conversation_newest"),
            models.Index(
                fields=["project", "user"],
                name="conversation_of_user",
                condition=~models.Q(user=""),
            ),
        ]

    def __str__(self) -> str:
        return self.title[:80] or self.key


class Turn(models.Model):
    """One model call: the messages that are new since ``parent``, and the response.

    ``messages``, ``response`` and ``error`` are JSON text. ``message_count`` counts the whole
    list, ``inherited_count`` what of it is the parent's, ``user_count`` its messages of the
    user. ``prefix_hash`` names the whole list
    up to and with this turn's messages (``conversations.storage``). ``parameters`` is the request
    without messages and tools. Durations are milliseconds. ``cost`` is in dollars; None is
    unpriced. ``notes`` says what the source lacked, a JSON list of {code, detail}; ``expected``
    what should have been called, as the record has it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7.now, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="turns")
    parent_id = models.UUIDField(null=True, blank=True)
    number = models.PositiveIntegerField()
    key = models.CharField(max_length=300)
    at = models.DateTimeField()
    source = models.CharField(max_length=10, choices=SOURCES)
    status = models.CharField(max_length=12, choices=TURN_STATUS, default="finished")
    provider = models.CharField(max_length=60, blank=True)
    protocol = models.CharField(max_length=30, blank=True)
    model = models.CharField(max_length=200)
    connection = models.ForeignKey(
        Connection, models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    toolset = models.ForeignKey(
        Toolset, models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    messages = RawTextField(default="[]")
    message_count = models.PositiveIntegerField(default=0)
    inherited_count = models.PositiveIntegerField(default=0)
    user_count = models.PositiveIntegerField(default=0)
    prefix_hash = models.CharField(max_length=64, blank=True)
    parameters = RawTextField(default="{}")
    response = RawTextField(blank=True)
    error = RawTextField(blank=True)
    finish_reason = models.CharField(max_length=60, blank=True)
    input_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    output_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    cached_input_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    cache_write_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    reasoning_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    usage = RawTextField(default="{}")
    cost = models.DecimalField(max_digits=16, decimal_places=9, null=True, blank=True)
    price = RawTextField(blank=True)
    latency_ms = models.FloatField(null=True, blank=True)
    first_token_ms = models.FloatField(null=True, blank=True)
    user = models.CharField(max_length=300, blank=True)
    environment = models.CharField(max_length=60, blank=True)
    tags = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    verdict = models.CharField(max_length=8, choices=VERDICTS, default="accepted")
    findings = RawTextField(default="[]")
    codes = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    notes = RawTextField(default="[]")
    expected = RawTextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["project", "-id"], name="turn_newest", include=["toolset"]),
            models.Index(fields=["conversation", "number"], name="turn_of_conversation"),
        ]

    def __str__(self) -> str:
        return f"turn {self.number} of {self.conversation_id}"

    @property
    def new_messages(self) -> list[dict[str, Any]]:
        return json.load(self.messages)  # type: ignore[no-any-return]

    @property
    def found(self) -> list[Finding]:
        return [Finding.from_json(item) for item in json.load(self.findings)]


class TurnWire(models.Model):
    """The bytes of a turn, compressed: the raw request and the stream's chunks with their times.

    Packed and unpacked by ``conversations.wire``.
    """

    turn_id = models.UUIDField(primary_key=True)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_constraint=False)
    request = models.BinaryField()
    chunks = models.BinaryField()

    def __str__(self) -> str:
        return f"wire of turn {self.turn_id}"


UNTOLD = models.Q(status="", result=None) & ~models.Q(
    models.Q(codes__contains=["unanswered_call"]) | models.Q(source__in=["playground", "replay"])
)
"""Logged calls without an answer of which nothing is told yet."""


class ToolCall(models.Model):
    """One call that the model asked for, and what became of it.

    ``arguments`` is the raw text. ``result`` is the answer's raw content; None while no
    answer came. ``answered_by`` says how: hand, mock, recorded, executed or application;
    ``answered_at`` is the time of the turn or span that brought it. ``execution`` is how it was
    executed, a JSON object (``conversations.executions``). ``former`` is the judgement before the
    present one, a JSON object of verdict, findings and until. ``source`` and what follows it are
    the turn's, for lists; the database copies them where a writer leaves them out.
    """

    id = models.UUIDField(primary_key=True, default=uuid7.now, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="calls")
    turn_id = models.UUIDField()
    position = models.PositiveIntegerField()
    at = models.DateTimeField()
    call_id = RawTextField(blank=True)
    name = RawTextField()
    arguments = RawTextField()
    tool_version = models.ForeignKey(
        ToolVersion, models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    model = models.CharField(max_length=200, blank=True)
    verdict = models.CharField(max_length=8, choices=VERDICTS, default="accepted")
    findings = RawTextField(default="[]")
    layers = models.JSONField(default=list)
    codes = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    status = models.CharField(max_length=12, blank=True)
    result = RawTextField(null=True, blank=True)
    answered_by = models.CharField(max_length=12, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    former = RawTextField(blank=True)
    execution = RawTextField(blank=True, default="", db_default="")
    latency_ms = models.FloatField(null=True, blank=True)
    cached = models.BooleanField(default=False)
    cost = models.DecimalField(max_digits=16, decimal_places=9, null=True, blank=True)
    source = models.CharField(max_length=10, choices=SOURCES, blank=True, db_default="")
    provider = models.CharField(max_length=60, blank=True, db_default="")
    user = models.CharField(max_length=300, blank=True, db_default="")
    environment = models.CharField(max_length=60, blank=True, db_default="")
    tags = ArrayField(models.CharField(max_length=200), default=list, db_default=[], blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["project", "-id"], name="call_newest", include=["tool_version", "verdict"]
            ),
            models.Index(fields=["turn_id", "position"], name="call_of_turn"),
            models.Index(fields=["conversation", "id"], name="call_of_conversation"),
            models.Index(fields=["id"], name="call_waiting", condition=UNTOLD),
        ]

    def __str__(self) -> str:
        return f"{self.name} in turn {self.turn_id}"

    @property
    def found(self) -> list[Finding]:
        return [Finding.from_json(item) for item in json.load(self.findings)]


class Run(models.Model):
    """A live run of the playground: one column, one trial, as many rounds as it takes.

    ``request`` is the start request as JSON text. Runs started by one press share ``group``.
    """

    id = models.UUIDField(primary_key=True, default=uuid7.now, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="runs")
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    conversation = models.ForeignKey(Conversation, models.SET_NULL, null=True, related_name="runs")
    connection = models.ForeignKey(Connection, models.SET_NULL, null=True, related_name="+")
    group = models.UUIDField(default=uuid7.now)
    column = models.CharField(max_length=1, default="A")
    trial = models.PositiveIntegerField(default=1)
    request = RawTextField()
    model = models.CharField(max_length=200)
    title = RawTextField(blank=True)
    status = models.CharField(max_length=12, choices=RUN_STATUS, default="running")
    verdict = models.CharField(max_length=8, choices=VERDICTS, blank=True)
    error = RawTextField(blank=True)
    last_seq = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["project", "-started_at"], name="run_newest"),
            models.Index(fields=["status"], name="run_open", condition=models.Q(finished_at=None)),
        ]

    def __str__(self) -> str:
        return f"run {self.id}"


class PlaygroundSetup(models.Model):
    """What one member last had in the playground of a project, as JSON text."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    body = RawTextField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="setup_once")]

    def __str__(self) -> str:
        return f"setup of {self.user} in {self.project}"


LABELS = [
    ("right", "Right"),
    ("wrong_tool", "Wrong tool"),
    ("wrong_arguments", "Wrong arguments"),
    ("needless", "Needless call"),
    ("missing", "Missing call"),
    ("withdrawn", "Withdrawn"),
]


class Label(models.Model):
    """What a person said of a call, or of the whole turn where ``call_id`` is None.

    ``expected`` is the call that should have been made as JSON text, ``{name, arguments}``; ""
    where none was named. A label never changes: a later one of the same call supersedes it.
    ``verdict_before`` is the turn's when the label was set.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="labels")
    turn_id = models.UUIDField()
    call_id = models.UUIDField(null=True, blank=True)
    kind = models.CharField(max_length=16, choices=LABELS)
    expected = RawTextField(blank=True)
    note = models.CharField(max_length=500, blank=True)
    verdict_before = models.CharField(max_length=8, choices=VERDICTS, blank=True)
    author = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    superseded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["turn_id", "call_id"],
                name="label_once",
                condition=models.Q(superseded_at=None),
                nulls_distinct=False,
            )
        ]
        indexes = [
            models.Index(fields=["turn_id"], name="label_of_turn"),
            models.Index(fields=["project", "kind", "-id"], name="label_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} on turn {self.turn_id}"


LISTS = [("conversations", "Conversations"), ("turns", "Turns"), ("calls", "Calls")]


class SavedView(models.Model):
    """A filter under a name, for one list: of one member, or shared where ``user`` is None."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=40)
    kind = models.CharField(max_length=13, choices=LISTS)
    query = models.CharField(max_length=2000, blank=True)
    columns = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "user", "kind", "name"],
                name="view_name_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return self.name
