"""Conversations, their partitions and search indexes, and all that is made of them."""

from __future__ import annotations

from datetime import UTC, datetime

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import console.lib.fields
import console.lib.uuid7
import conversations.custody
import conversations.partitions
from console.lib.creation import CreateModels
from conversations.search import index_sql


def make_first_partitions(apps, schema_editor):
    conversations.partitions.make_partitions(datetime.now(UTC))


class Migration(migrations.Migration):
    replaces = [
        ("conversations", "0001_initial"),
        ("conversations", "0002_ingest"),
        ("conversations", "0003_custody"),
        ("conversations", "0004_search"),
        ("conversations", "0005_idle_toolsets"),
        ("conversations", "0006_waiting_and_users"),
        ("conversations", "0007_backtests"),
        ("conversations", "0008_counting_indexes"),
        ("conversations", "0009_losses"),
        ("conversations", "0010_incidents"),
        ("conversations", "0011_suites"),
        ("conversations", "0012_replays"),
        ("conversations", "0013_replay_snapshots"),
        ("conversations", "0014_executions"),
        ("conversations", "0015_proxy_guard"),
        ("conversations", "0016_incident_news"),
        ("conversations", "0017_frozen_outcomes"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0001_squashed_0003_scope_execute"),
        ("tools_registry", "0001_squashed_0011_policy_events"),
    ]

    operations = [
        CreateModels(
            migrations.CreateModel(
                name="Backtest",
                fields=[
                    (
                        "id",
                        models.UUIDField(
                            default=console.lib.uuid7.now,
                            editable=False,
                            primary_key=True,
                            serialize=False,
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="backtests",
                            to="accounts.project",
                        ),
                    ),
                    ("tool", models.CharField(max_length=256)),
                    (
                        "version",
                        models.ForeignKey(
                            blank=True,
                            db_index=False,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to="tools_registry.toolversion",
                        ),
                    ),
                    (
                        "draft",
                        models.ForeignKey(
                            blank=True,
                            db_index=False,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to="tools_registry.tooldraft",
                        ),
                    ),
                    ("definition", console.lib.fields.RawTextField()),
                    ("policy", console.lib.fields.RawTextField(blank=True)),
                    ("policy_name", models.CharField(blank=True, max_length=60)),
                    ("query", models.CharField(blank=True, max_length=2000)),
                    ("limit", models.PositiveIntegerField()),
                    (
                        "status",
                        models.CharField(
                            choices=[
                                ("running", "Running"),
                                ("finished", "Finished"),
                                ("cancelled", "Cancelled"),
                                ("failed", "Failed"),
                            ],
                            default="running",
                            max_length=10,
                        ),
                    ),
                    ("cancel_asked", models.BooleanField(default=False)),
                    (
                        "requested_by",
                        models.ForeignKey(
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("created_at", models.DateTimeField()),
                    ("touched_at", models.DateTimeField()),
                    ("finished_at", models.DateTimeField(blank=True, null=True)),
                    ("chain", models.PositiveIntegerField(default=0)),
                    ("cursor", models.UUIDField(blank=True, null=True)),
                    ("available", models.PositiveBigIntegerField(blank=True, null=True)),
                    ("counted", models.BooleanField(default=False)),
                    ("done", models.PositiveBigIntegerField(default=0)),
                    ("seconds", models.FloatField(default=0.0)),
                    ("tally", console.lib.fields.RawTextField(default="{}")),
                    ("error", models.CharField(blank=True, max_length=300)),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["project", "-id"], name="backtest_newest"),
                        models.Index(
                            condition=models.Q(("status", "running")),
                            fields=["touched_at"],
                            name="backtest_open",
                        ),
                    ],
                },
            ),
            migrations.CreateModel(
                name="BacktestChange",
                fields=[
                    (
                        "pk",
                        models.CompositePrimaryKey(
                            "backtest_id",
                            "call_id",
                            blank=True,
                            editable=False,
                            primary_key=True,
                            serialize=False,
                        ),
                    ),
                    (
                        "backtest",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="changes",
                            to="conversations.backtest",
                        ),
                    ),
                    ("call_id", models.UUIDField()),
                    ("kind", models.CharField(max_length=14)),
                    ("before", models.CharField(max_length=8)),
                    ("after", models.CharField(max_length=8)),
                    (
                        "keys",
                        django.contrib.postgres.fields.ArrayField(
                            base_field=models.TextField(), default=list, size=None
                        ),
                    ),
                ],
            ),
            migrations.CreateModel(
                name="ProjectCustody",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.OneToOneField(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="custody",
                            to="accounts.project",
                        ),
                    ),
                    ("turn_days", models.PositiveIntegerField(blank=True, default=90, null=True)),
                    ("wire_days", models.PositiveIntegerField(blank=True, default=30, null=True)),
                    (
                        "salt",
                        models.CharField(
                            default=conversations.custody._make_salt, editable=False, max_length=64
                        ),
                    ),
                    ("swept_at", models.DateTimeField(blank=True, null=True)),
                    (
                        "idle_toolsets",
                        django.contrib.postgres.fields.ArrayField(
                            base_field=models.BigIntegerField(),
                            blank=True,
                            default=list,
                            editable=False,
                            size=None,
                        ),
                    ),
                ],
            ),
            migrations.CreateModel(
                name="RedactionRule",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="redaction_rules",
                            to="accounts.project",
                        ),
                    ),
                    ("name", models.CharField(max_length=60)),
                    (
                        "kind",
                        models.CharField(
                            choices=[
                                ("builtin", "Built in"),
                                ("pattern", "Pattern"),
                                ("pointer", "Pointer"),
                            ],
                            max_length=8,
                        ),
                    ),
                    ("value", models.CharField(max_length=500)),
                    ("replacement", models.CharField(blank=True, max_length=100)),
                    ("enabled", models.BooleanField(default=True)),
                    (
                        "created_by",
                        models.ForeignKey(
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("project", "name"), name="redaction_name_once"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="Sweep",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="sweeps",
                            to="accounts.project",
                        ),
                    ),
                    ("at", models.DateTimeField(default=django.utils.timezone.now)),
                    ("turns", models.PositiveBigIntegerField(default=0)),
                    ("calls", models.PositiveBigIntegerField(default=0)),
                    ("wires", models.PositiveBigIntegerField(default=0)),
                    ("conversations", models.PositiveBigIntegerField(default=0)),
                    ("toolsets", models.PositiveBigIntegerField(default=0)),
                    ("others", models.PositiveBigIntegerField(default=0)),
                ],
                options={
                    "indexes": [models.Index(fields=["project", "-at"], name="sweep_newest")],
                },
            ),
            migrations.CreateModel(
                name="Erasure",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="erasures",
                            to="accounts.project",
                        ),
                    ),
                    (
                        "requested_by",
                        models.ForeignKey(
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("requested_at", models.DateTimeField(auto_now_add=True)),
                    ("user_hash", models.CharField(max_length=64)),
                    ("subject", console.lib.fields.RawTextField(blank=True)),
                    (
                        "status",
                        models.CharField(
                            choices=[
                                ("running", "Running"),
                                ("finished", "Finished"),
                                ("cancelled", "Cancelled"),
                                ("failed", "Failed"),
                            ],
                            default="running",
                            max_length=10,
                        ),
                    ),
                    ("cancel_asked", models.BooleanField(default=False)),
                    ("finished_at", models.DateTimeField(blank=True, null=True)),
                    ("total", models.PositiveBigIntegerField(default=0)),
                    ("conversations", models.PositiveBigIntegerField(default=0)),
                    ("turns", models.PositiveBigIntegerField(default=0)),
                    ("calls", models.PositiveBigIntegerField(default=0)),
                    ("wires", models.PositiveBigIntegerField(default=0)),
                    ("others", models.PositiveBigIntegerField(default=0)),
                    ("error", models.CharField(blank=True, max_length=300)),
                ],
                options={
                    "indexes": [models.Index(fields=["project", "-id"], name="erasure_newest")],
                    "constraints": [
                        models.UniqueConstraint(
                            condition=models.Q(("status", "running")),
                            fields=("project", "user_hash"),
                            name="erasure_once",
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="ProxyGuard",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "api_key",
                        models.OneToOneField(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="guard",
                            to="accounts.apikey",
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    (
                        "router_version",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="tools_registry.routerversion",
                        ),
                    ),
                    ("tries", models.PositiveSmallIntegerField(default=2)),
                    (
                        "changed_by",
                        models.ForeignKey(
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("changed_at", models.DateTimeField(auto_now=True)),
                ],
            ),
            migrations.CreateModel(
                name="Incident",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="incidents",
                            to="accounts.project",
                        ),
                    ),
                    ("number", models.PositiveIntegerField()),
                    ("title", models.CharField(max_length=200)),
                    (
                        "severity",
                        models.CharField(
                            choices=[
                                ("low", "Low"),
                                ("medium", "Medium"),
                                ("high", "High"),
                                ("critical", "Critical"),
                            ],
                            default="medium",
                            max_length=8,
                        ),
                    ),
                    (
                        "status",
                        models.CharField(
                            choices=[
                                ("open", "Open"),
                                ("acknowledged", "Acknowledged"),
                                ("mitigated", "Mitigated"),
                                ("resolved", "Resolved"),
                            ],
                            default="open",
                            max_length=12,
                        ),
                    ),
                    (
                        "owner",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    (
                        "kind",
                        models.CharField(
                            choices=[
                                ("calls", "Calls"),
                                ("turns", "Turns"),
                                ("conversations", "Conversations"),
                            ],
                            default="calls",
                            max_length=13,
                        ),
                    ),
                    ("query", models.CharField(blank=True, max_length=2000)),
                    ("since", models.DateTimeField()),
                    ("until", models.DateTimeField(blank=True, null=True)),
                    (
                        "opened_by",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("sender", models.CharField(blank=True, max_length=100)),
                    ("opened_at", models.DateTimeField()),
                    ("alert_key", models.CharField(blank=True, max_length=200)),
                    ("alert", models.CharField(blank=True, max_length=500)),
                    ("alert_url", models.CharField(blank=True, max_length=300)),
                    ("cause", models.CharField(blank=True, max_length=2000)),
                    ("recurrences", models.PositiveIntegerField(default=0)),
                    ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                    ("mitigated_at", models.DateTimeField(blank=True, null=True)),
                    ("resolved_at", models.DateTimeField(blank=True, null=True)),
                    ("cursor", models.UUIDField(blank=True, null=True)),
                    ("is_full", models.BooleanField(default=False)),
                ],
                options={
                    "indexes": [
                        models.Index(
                            condition=models.Q(("alert_key", ""), _negated=True),
                            fields=["project", "alert_key", "-number"],
                            name="incident_of_alert",
                        ),
                        models.Index(
                            condition=models.Q(("status", "resolved"), _negated=True),
                            fields=["project"],
                            name="incident_open",
                        ),
                    ],
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("project", "number"), name="incident_number_once"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="PostMortem",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "incident",
                        models.OneToOneField(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="post_mortem",
                            to="conversations.incident",
                        ),
                    ),
                    ("text", console.lib.fields.RawTextField()),
                    ("revision", models.PositiveIntegerField(default=1)),
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                    ("updated_at", models.DateTimeField(default=django.utils.timezone.now)),
                    (
                        "updated_by",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                ],
            ),
            migrations.CreateModel(
                name="PostMortemVersion",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "document",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="versions",
                            to="conversations.postmortem",
                        ),
                    ),
                    ("number", models.PositiveIntegerField()),
                    ("revision", models.PositiveIntegerField()),
                    ("text", console.lib.fields.RawTextField()),
                    (
                        "author",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("begun_at", models.DateTimeField(default=django.utils.timezone.now)),
                    ("saved_at", models.DateTimeField(default=django.utils.timezone.now)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("document", "number"), name="post_mortem_version_once"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="IncidentTurn",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "incident",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="turns",
                            to="conversations.incident",
                        ),
                    ),
                    ("turn_id", models.UUIDField()),
                    ("call_id", models.UUIDField(blank=True, null=True)),
                    ("conversation_id", models.UUIDField()),
                    ("at", models.DateTimeField()),
                    (
                        "how",
                        models.CharField(
                            choices=[
                                ("filter", "Matches the filter"),
                                ("hand", "Added by hand"),
                                ("api", "Added by API"),
                            ],
                            max_length=6,
                        ),
                    ),
                    (
                        "added_by",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["incident", "at"], name="incident_turn_by_time"),
                        models.Index(fields=["turn_id"], name="incident_of_turn"),
                    ],
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("incident", "turn_id", "call_id"),
                            name="incident_turn_once",
                            nulls_distinct=False,
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="IncidentEvent",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "incident",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="events",
                            to="conversations.incident",
                        ),
                    ),
                    ("at", models.DateTimeField()),
                    (
                        "kind",
                        models.CharField(
                            choices=[
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
                            ],
                            max_length=12,
                        ),
                    ),
                    ("text", models.CharField(blank=True, max_length=2000)),
                    ("detail", models.JSONField(blank=True, default=dict)),
                    (
                        "author",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("to_tell", models.BooleanField(db_default=False, default=False)),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["incident", "at"], name="incident_event_by_time"),
                        models.Index(
                            condition=models.Q(("to_tell", True)),
                            fields=["id"],
                            name="incident_event_to_tell",
                        ),
                    ],
                },
            ),
            migrations.CreateModel(
                name="IncidentWatcher",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "incident",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            to="conversations.incident",
                        ),
                    ),
                    (
                        "user",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("since", models.DateTimeField(auto_now_add=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("incident", "user"), name="incident_watcher_once"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="TurnKey",
                fields=[
                    ("id", models.UUIDField(primary_key=True, serialize=False)),
                    (
                        "project",
                        models.ForeignKey(
                            db_constraint=False,
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    ("turn_id", models.UUIDField()),
                ],
            ),
            migrations.CreateModel(
                name="IngestTally",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    (
                        "api_key",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.apikey",
                        ),
                    ),
                    ("hour", models.DateTimeField()),
                    (
                        "door",
                        models.CharField(
                            choices=[
                                ("api", "Turn records"),
                                ("otlp", "OpenTelemetry"),
                                ("proxy", "Recording proxy"),
                                ("file", "Files"),
                                ("page", "Sent again from quarantine"),
                            ],
                            max_length=10,
                        ),
                    ),
                    ("shard", models.PositiveSmallIntegerField(default=0)),
                    ("sent", models.PositiveBigIntegerField(default=0)),
                    ("stored", models.PositiveBigIntegerField(default=0)),
                    ("duplicate", models.PositiveBigIntegerField(default=0)),
                    ("rejected", models.PositiveBigIntegerField(default=0)),
                    ("quarantined", models.PositiveBigIntegerField(default=0)),
                    ("beside", models.PositiveBigIntegerField(default=0)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("project", "hour", "door", "api_key", "shard"),
                            name="tally_once",
                            nulls_distinct=False,
                        ),
                        models.CheckConstraint(
                            condition=models.Q(
                                (
                                    "sent",
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            django.db.models.expressions.CombinedExpression(
                                                models.F("stored"), "+", models.F("duplicate")
                                            ),
                                            "+",
                                            models.F("rejected"),
                                        ),
                                        "+",
                                        models.F("quarantined"),
                                    ),
                                )
                            ),
                            name="tally_adds_up",
                        ),
                    ],
                },
            ),
            migrations.CreateModel(
                name="IngestLoss",
                fields=[
                    ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                    (
                        "project",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    (
                        "api_key",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.apikey",
                        ),
                    ),
                    (
                        "reason",
                        models.CharField(
                            choices=[
                                ("spool_full", "The spool was full"),
                                ("memory_full", "More came than could be stored or spooled"),
                                ("spool_unwritable", "The spool could not be written"),
                                ("too_fast", "The key sent faster than it may"),
                            ],
                            max_length=20,
                        ),
                    ),
                    ("turns", models.PositiveBigIntegerField()),
                    ("size", models.PositiveBigIntegerField()),
                    ("first_at", models.DateTimeField()),
                    ("last_at", models.DateTimeField()),
                ],
                options={
                    "indexes": [models.Index(fields=["project", "-last_at"], name="loss_newest")],
                },
            ),
            migrations.CreateModel(
                name="Quarantined",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    (
                        "api_key",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.apikey",
                        ),
                    ),
                    (
                        "door",
                        models.CharField(
                            choices=[
                                ("api", "Turn records"),
                                ("otlp", "OpenTelemetry"),
                                ("proxy", "Recording proxy"),
                                ("file", "Files"),
                                ("page", "Sent again from quarantine"),
                            ],
                            max_length=10,
                        ),
                    ),
                    ("received_at", models.DateTimeField()),
                    ("reason", models.CharField(max_length=40)),
                    ("detail", console.lib.fields.RawTextField(blank=True)),
                    ("pointer", console.lib.fields.RawTextField(blank=True)),
                    ("body", models.BinaryField()),
                    ("content_type", models.CharField(default="application/json", max_length=100)),
                    (
                        "status",
                        models.CharField(
                            choices=[
                                ("open", "Open"),
                                ("resent", "Sent again"),
                                ("discarded", "Discarded"),
                            ],
                            default="open",
                            max_length=10,
                        ),
                    ),
                    ("settled_at", models.DateTimeField(blank=True, null=True)),
                    (
                        "settled_by",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["project", "status", "-id"], name="quarantine_newest")
                    ],
                },
            ),
            migrations.CreateModel(
                name="TraceFragment",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    ("trace", models.CharField(max_length=32)),
                    ("span", models.CharField(max_length=16)),
                    ("kind", models.CharField(max_length=6)),
                    ("part", models.CharField(blank=True, max_length=32)),
                    ("body", console.lib.fields.RawTextField()),
                    ("call_id", models.UUIDField(blank=True, null=True)),
                    (
                        "api_key",
                        models.ForeignKey(
                            blank=True,
                            db_constraint=False,
                            null=True,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.apikey",
                        ),
                    ),
                    ("received_at", models.DateTimeField()),
                ],
                options={
                    "indexes": [models.Index(fields=["received_at"], name="fragment_oldest")],
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("project", "trace", "span", "kind", "part"),
                            name="fragment_once",
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="ToolSighting",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "version",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="sightings",
                            to="tools_registry.toolversion",
                        ),
                    ),
                    ("sender", models.CharField(max_length=210)),
                    ("first_at", models.DateTimeField()),
                    ("last_at", models.DateTimeField()),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(fields=("version", "sender"), name="sighting_once")
                    ],
                },
            ),
            migrations.CreateModel(
                name="Suite",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="suites",
                            to="accounts.project",
                        ),
                    ),
                    ("name", models.CharField(max_length=120)),
                    ("description", models.CharField(blank=True, max_length=500)),
                    ("case_count", models.PositiveIntegerField(default=0)),
                    ("next_number", models.PositiveIntegerField(default=1)),
                    (
                        "created_by",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                    ("changed_at", models.DateTimeField(auto_now=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(fields=("project", "name"), name="suite_name_once")
                    ],
                },
            ),
            migrations.CreateModel(
                name="SuiteCase",
                fields=[
                    (
                        "id",
                        models.UUIDField(
                            default=console.lib.uuid7.now,
                            editable=False,
                            primary_key=True,
                            serialize=False,
                        ),
                    ),
                    (
                        "suite",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="cases",
                            to="conversations.suite",
                        ),
                    ),
                    ("number", models.PositiveIntegerField()),
                    ("position", models.PositiveIntegerField()),
                    ("key", models.CharField(blank=True, max_length=300)),
                    ("title", console.lib.fields.RawTextField(blank=True)),
                    ("messages", console.lib.fields.RawTextField()),
                    ("tools", console.lib.fields.RawTextField(default="[]")),
                    ("parameters", console.lib.fields.RawTextField(default="{}")),
                    ("expectation", console.lib.fields.RawTextField(blank=True)),
                    ("recorded", console.lib.fields.RawTextField(blank=True)),
                    ("note", models.CharField(blank=True, max_length=500)),
                    (
                        "origin",
                        models.CharField(
                            choices=[
                                ("turn", "Turn"),
                                ("incident", "Incident"),
                                ("filter", "Filter"),
                                ("replay", "Replay"),
                                ("file", "File"),
                                ("hand", "Hand"),
                                ("api", "Api"),
                            ],
                            default="hand",
                            max_length=10,
                        ),
                    ),
                    ("source", models.CharField(blank=True, max_length=300)),
                    ("turn", models.UUIDField(blank=True, null=True)),
                    ("user", models.CharField(blank=True, max_length=300)),
                    ("revision", models.PositiveIntegerField(default=1)),
                    (
                        "created_by",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                    ("changed_at", models.DateTimeField(auto_now=True)),
                ],
                options={
                    "indexes": [
                        models.Index(
                            fields=["suite", "position", "number"], name="suite_case_in_order"
                        ),
                        models.Index(
                            condition=models.Q(("user", ""), _negated=True),
                            fields=["user"],
                            name="suite_case_of_user",
                        ),
                    ],
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("suite", "number"), name="suite_case_number_once"
                        ),
                        models.UniqueConstraint(
                            condition=models.Q(("key", ""), _negated=True),
                            fields=("suite", "key"),
                            name="suite_case_key_once",
                        ),
                    ],
                },
            ),
            migrations.CreateModel(
                name="Connection",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="connections",
                            to="accounts.project",
                        ),
                    ),
                    ("name", models.CharField(max_length=60)),
                    (
                        "protocol",
                        models.CharField(
                            choices=[
                                ("local", "Local model"),
                                ("openai", "OpenAI or compatible"),
                                ("anthropic", "Anthropic"),
                                ("ollama", "Ollama"),
                                ("scripted", "Scripted"),
                            ],
                            max_length=10,
                        ),
                    ),
                    ("base_url", models.URLField(blank=True, max_length=500)),
                    ("key_variable", models.CharField(blank=True, max_length=100)),
                    (
                        "model_names",
                        django.contrib.postgres.fields.ArrayField(
                            base_field=models.CharField(max_length=200),
                            blank=True,
                            default=list,
                            size=None,
                        ),
                    ),
                    ("settings", models.JSONField(blank=True, default=dict)),
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                    ("archived_at", models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("project", "name"), name="connection_name_once"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="Replay",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="replays",
                            to="accounts.project",
                        ),
                    ),
                    ("number", models.PositiveIntegerField()),
                    ("title", models.CharField(max_length=200)),
                    (
                        "incident",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="replays",
                            to="conversations.incident",
                        ),
                    ),
                    (
                        "suite",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="replays",
                            to="conversations.suite",
                        ),
                    ),
                    ("source", models.CharField(blank=True, max_length=300)),
                    ("query", models.CharField(blank=True, max_length=2000)),
                    (
                        "mode",
                        models.CharField(
                            choices=[
                                ("next_call", "Next call"),
                                ("conversation", "Conversation"),
                                ("no_model", "No model"),
                            ],
                            default="next_call",
                            max_length=12,
                        ),
                    ),
                    ("trials", models.PositiveIntegerField(default=1)),
                    (
                        "connection",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to="conversations.connection",
                        ),
                    ),
                    ("model", models.CharField(blank=True, max_length=200)),
                    ("answers", models.JSONField(blank=True, default=dict)),
                    ("max_rounds", models.PositiveIntegerField(default=20)),
                    (
                        "ceiling_dollars",
                        models.DecimalField(blank=True, decimal_places=4, max_digits=12, null=True),
                    ),
                    ("ceiling_tokens", models.PositiveBigIntegerField(blank=True, null=True)),
                    ("estimate", models.JSONField(blank=True, default=dict)),
                    (
                        "status",
                        models.CharField(
                            choices=[
                                ("running", "Running"),
                                ("paused", "Paused"),
                                ("finished", "Finished"),
                                ("cancelled", "Cancelled"),
                                ("stopped", "Stopped at its ceiling"),
                                ("failed", "Failed"),
                            ],
                            default="running",
                            max_length=10,
                        ),
                    ),
                    ("error", models.CharField(blank=True, max_length=500)),
                    ("total", models.PositiveIntegerField(default=0)),
                    (
                        "requested_by",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("sender", models.CharField(blank=True, max_length=100)),
                    ("created_at", models.DateTimeField()),
                    ("touched_at", models.DateTimeField()),
                    ("finished_at", models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    "indexes": [
                        models.Index(
                            condition=models.Q(("status", "running")),
                            fields=["touched_at"],
                            name="replay_running",
                        )
                    ],
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("project", "number"), name="replay_number_once"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="ReplayVariant",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "replay",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="variants",
                            to="conversations.replay",
                        ),
                    ),
                    ("position", models.PositiveSmallIntegerField()),
                    ("name", models.CharField(max_length=120)),
                    ("body", console.lib.fields.RawTextField()),
                ],
                options={
                    "ordering": ["position"],
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("replay", "position"), name="replay_variant_once"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="ReplayCase",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "replay",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="cases",
                            to="conversations.replay",
                        ),
                    ),
                    ("position", models.PositiveIntegerField()),
                    ("key", models.CharField(max_length=300)),
                    ("title", console.lib.fields.RawTextField(blank=True)),
                    ("turn_id", models.UUIDField(blank=True, null=True)),
                    ("user", models.CharField(blank=True, max_length=300)),
                    ("body", console.lib.fields.RawTextField()),
                ],
                options={
                    "ordering": ["position"],
                    "indexes": [
                        models.Index(
                            condition=models.Q(("user", ""), _negated=True),
                            fields=["user"],
                            name="replay_case_of_user",
                        )
                    ],
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("replay", "position"), name="replay_case_once"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="ReplayOutcome",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "replay",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="outcomes",
                            to="conversations.replay",
                        ),
                    ),
                    (
                        "variant",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="outcomes",
                            to="conversations.replayvariant",
                        ),
                    ),
                    (
                        "case",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="outcomes",
                            to="conversations.replaycase",
                        ),
                    ),
                    ("trial", models.PositiveSmallIntegerField()),
                    (
                        "connection",
                        models.ForeignKey(
                            blank=True,
                            db_index=False,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to="conversations.connection",
                        ),
                    ),
                    ("model", models.CharField(blank=True, max_length=200)),
                    (
                        "status",
                        models.CharField(
                            choices=[
                                ("open", "Open"),
                                ("running", "Running"),
                                ("waiting", "Waiting for an answer"),
                                ("done", "Done"),
                                ("failed", "Failed"),
                            ],
                            default="open",
                            max_length=8,
                        ),
                    ),
                    ("claim", models.UUIDField(blank=True, null=True)),
                    ("claimed_until", models.DateTimeField(blank=True, null=True)),
                    ("not_before", models.DateTimeField(blank=True, null=True)),
                    ("attempts", models.PositiveSmallIntegerField(default=0)),
                    ("finished_at", models.DateTimeField(blank=True, null=True)),
                    ("passed", models.BooleanField(blank=True, null=True)),
                    (
                        "judged_by",
                        models.CharField(
                            blank=True,
                            choices=[
                                ("expectation", "Expectation"),
                                ("findings", "Findings"),
                                ("recurrence", "Recurrence"),
                                ("person", "Person"),
                            ],
                            max_length=12,
                        ),
                    ),
                    (
                        "settled_by",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("settled_at", models.DateTimeField(blank=True, null=True)),
                    ("verdict", models.CharField(blank=True, max_length=8)),
                    (
                        "codes",
                        django.contrib.postgres.fields.ArrayField(
                            base_field=models.CharField(max_length=40),
                            blank=True,
                            default=list,
                            size=None,
                        ),
                    ),
                    ("findings", console.lib.fields.RawTextField(default="[]")),
                    ("calls", console.lib.fields.RawTextField(default="[]")),
                    ("text", console.lib.fields.RawTextField(blank=True)),
                    ("finish_reason", models.CharField(blank=True, max_length=60)),
                    ("offered", models.JSONField(blank=True, default=list)),
                    ("routed", models.CharField(blank=True, max_length=500)),
                    ("rounds", console.lib.fields.RawTextField(default="[]")),
                    ("waiting", console.lib.fields.RawTextField(blank=True)),
                    ("error", console.lib.fields.RawTextField(blank=True)),
                    ("protocol", models.CharField(blank=True, max_length=30)),
                    ("request", models.BinaryField(default=b"")),
                    ("chunks", models.BinaryField(default=b"")),
                    ("model_calls", models.PositiveIntegerField(default=0)),
                    ("input_tokens", models.PositiveBigIntegerField(blank=True, null=True)),
                    ("output_tokens", models.PositiveBigIntegerField(blank=True, null=True)),
                    (
                        "cost",
                        models.DecimalField(blank=True, decimal_places=9, max_digits=16, null=True),
                    ),
                    ("latency_ms", models.FloatField(blank=True, null=True)),
                    ("first_token_ms", models.FloatField(blank=True, null=True)),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["replay", "id"], name="replay_outcome_of"),
                        models.Index(
                            condition=models.Q(("status__in", ["open", "running"])),
                            fields=["replay", "connection", "id"],
                            name="replay_outcome_open",
                        ),
                    ],
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("case", "variant", "trial"), name="replay_outcome_once"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="ReplaySnapshot",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "replay",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="snapshots",
                            to="conversations.replay",
                        ),
                    ),
                    ("number", models.PositiveIntegerField()),
                    ("body", console.lib.fields.RawTextField()),
                    ("is_over", models.BooleanField()),
                    (
                        "taken_by",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("taken_at", models.DateTimeField()),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("replay", "number"), name="replay_snapshot_once"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="FrozenOutcome",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "snapshot",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="outcomes",
                            to="conversations.replaysnapshot",
                        ),
                    ),
                    (
                        "outcome",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="conversations.replayoutcome",
                        ),
                    ),
                    ("status", models.CharField(max_length=8)),
                    ("passed", models.BooleanField(blank=True, null=True)),
                    ("judged_by", models.CharField(blank=True, max_length=12)),
                    (
                        "settled_by",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("settled_at", models.DateTimeField(blank=True, null=True)),
                    ("verdict", models.CharField(blank=True, max_length=8)),
                    ("findings", console.lib.fields.RawTextField(default="[]")),
                    ("calls", console.lib.fields.RawTextField(default="[]")),
                    ("text", console.lib.fields.RawTextField(blank=True)),
                    ("error", console.lib.fields.RawTextField(blank=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("snapshot", "outcome"), name="frozen_outcome_once"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="Conversation",
                fields=[
                    (
                        "id",
                        models.UUIDField(
                            default=console.lib.uuid7.now,
                            editable=False,
                            primary_key=True,
                            serialize=False,
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="conversations",
                            to="accounts.project",
                        ),
                    ),
                    ("key", models.CharField(max_length=300)),
                    ("title", console.lib.fields.RawTextField(blank=True)),
                    (
                        "source",
                        models.CharField(
                            choices=[
                                ("playground", "playground"),
                                ("otlp", "otlp"),
                                ("proxy", "proxy"),
                                ("api", "api"),
                                ("file", "file"),
                                ("replay", "replay"),
                                ("demo", "demo"),
                            ],
                            max_length=10,
                        ),
                    ),
                    ("user", models.CharField(blank=True, max_length=300)),
                    ("environment", models.CharField(blank=True, max_length=60)),
                    (
                        "tags",
                        django.contrib.postgres.fields.ArrayField(
                            base_field=models.CharField(max_length=200),
                            blank=True,
                            default=list,
                            size=None,
                        ),
                    ),
                    ("turn_count", models.PositiveIntegerField(default=0)),
                    ("call_count", models.PositiveIntegerField(default=0)),
                    (
                        "verdict",
                        models.CharField(
                            choices=[
                                ("accepted", "Accepted"),
                                ("flagged", "Flagged"),
                                ("rejected", "Rejected"),
                            ],
                            default="accepted",
                            max_length=8,
                        ),
                    ),
                    ("started_at", models.DateTimeField()),
                    ("last_at", models.DateTimeField()),
                ],
                options={
                    "indexes": [
                        models.Index(
                            fields=["project", "-last_at", "-id"], name="conversation_newest"
                        ),
                        models.Index(
                            condition=models.Q(("user", ""), _negated=True),
                            fields=["project", "user"],
                            name="conversation_of_user",
                        ),
                    ],
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("project", "key"), name="conversation_key_once"
                        )
                    ],
                },
            ),
            conversations.partitions.CreatePartitioned(
                name="Turn",
                fields=[
                    (
                        "id",
                        models.UUIDField(
                            default=console.lib.uuid7.now,
                            editable=False,
                            primary_key=True,
                            serialize=False,
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    (
                        "conversation",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="turns",
                            to="conversations.conversation",
                        ),
                    ),
                    ("parent_id", models.UUIDField(blank=True, null=True)),
                    ("number", models.PositiveIntegerField()),
                    ("key", models.CharField(max_length=300)),
                    ("at", models.DateTimeField()),
                    (
                        "source",
                        models.CharField(
                            choices=[
                                ("playground", "playground"),
                                ("otlp", "otlp"),
                                ("proxy", "proxy"),
                                ("api", "api"),
                                ("file", "file"),
                                ("replay", "replay"),
                                ("demo", "demo"),
                            ],
                            max_length=10,
                        ),
                    ),
                    (
                        "status",
                        models.CharField(
                            choices=[
                                ("running", "Running"),
                                ("finished", "Finished"),
                                ("failed", "Failed"),
                                ("cancelled", "Cancelled"),
                                ("interrupted", "Interrupted"),
                            ],
                            default="finished",
                            max_length=12,
                        ),
                    ),
                    ("provider", models.CharField(blank=True, max_length=60)),
                    ("protocol", models.CharField(blank=True, max_length=30)),
                    ("model", models.CharField(max_length=200)),
                    (
                        "connection",
                        models.ForeignKey(
                            blank=True,
                            db_constraint=False,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to="conversations.connection",
                        ),
                    ),
                    (
                        "toolset",
                        models.ForeignKey(
                            blank=True,
                            db_constraint=False,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to="tools_registry.toolset",
                        ),
                    ),
                    ("messages", console.lib.fields.RawTextField(default="[]")),
                    ("message_count", models.PositiveIntegerField(default=0)),
                    ("inherited_count", models.PositiveIntegerField(default=0)),
                    ("user_count", models.PositiveIntegerField(default=0)),
                    ("prefix_hash", models.CharField(blank=True, max_length=64)),
                    ("parameters", console.lib.fields.RawTextField(default="{}")),
                    ("response", console.lib.fields.RawTextField(blank=True)),
                    ("error", console.lib.fields.RawTextField(blank=True)),
                    ("finish_reason", models.CharField(blank=True, max_length=60)),
                    ("input_tokens", models.PositiveBigIntegerField(blank=True, null=True)),
                    ("output_tokens", models.PositiveBigIntegerField(blank=True, null=True)),
                    ("cached_input_tokens", models.PositiveBigIntegerField(blank=True, null=True)),
                    ("cache_write_tokens", models.PositiveBigIntegerField(blank=True, null=True)),
                    ("reasoning_tokens", models.PositiveBigIntegerField(blank=True, null=True)),
                    ("usage", console.lib.fields.RawTextField(default="{}")),
                    (
                        "cost",
                        models.DecimalField(blank=True, decimal_places=9, max_digits=16, null=True),
                    ),
                    ("price", console.lib.fields.RawTextField(blank=True)),
                    ("latency_ms", models.FloatField(blank=True, null=True)),
                    ("first_token_ms", models.FloatField(blank=True, null=True)),
                    ("user", models.CharField(blank=True, max_length=300)),
                    ("environment", models.CharField(blank=True, max_length=60)),
                    (
                        "tags",
                        django.contrib.postgres.fields.ArrayField(
                            base_field=models.CharField(max_length=200),
                            blank=True,
                            default=list,
                            size=None,
                        ),
                    ),
                    (
                        "verdict",
                        models.CharField(
                            choices=[
                                ("accepted", "Accepted"),
                                ("flagged", "Flagged"),
                                ("rejected", "Rejected"),
                            ],
                            default="accepted",
                            max_length=8,
                        ),
                    ),
                    ("findings", console.lib.fields.RawTextField(default="[]")),
                    (
                        "codes",
                        django.contrib.postgres.fields.ArrayField(
                            base_field=models.CharField(max_length=40),
                            blank=True,
                            default=list,
                            size=None,
                        ),
                    ),
                    ("notes", console.lib.fields.RawTextField(default="[]")),
                    ("expected", console.lib.fields.RawTextField(blank=True)),
                ],
                options={
                    "indexes": [
                        models.Index(
                            fields=["project", "-id"], include=("toolset",), name="turn_newest"
                        ),
                        models.Index(
                            fields=["conversation", "number"], name="turn_of_conversation"
                        ),
                    ],
                },
            ),
            conversations.partitions.CreatePartitioned(
                name="TurnWire",
                fields=[
                    ("turn_id", models.UUIDField(primary_key=True, serialize=False)),
                    (
                        "project",
                        models.ForeignKey(
                            db_constraint=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    ("request", models.BinaryField()),
                    ("chunks", models.BinaryField()),
                ],
            ),
            conversations.partitions.CreatePartitioned(
                name="ToolCall",
                fields=[
                    (
                        "id",
                        models.UUIDField(
                            default=console.lib.uuid7.now,
                            editable=False,
                            primary_key=True,
                            serialize=False,
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    (
                        "conversation",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="calls",
                            to="conversations.conversation",
                        ),
                    ),
                    ("turn_id", models.UUIDField()),
                    ("position", models.PositiveIntegerField()),
                    ("at", models.DateTimeField()),
                    ("call_id", console.lib.fields.RawTextField(blank=True)),
                    ("name", console.lib.fields.RawTextField()),
                    ("arguments", console.lib.fields.RawTextField()),
                    (
                        "tool_version",
                        models.ForeignKey(
                            blank=True,
                            db_constraint=False,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to="tools_registry.toolversion",
                        ),
                    ),
                    ("model", models.CharField(blank=True, max_length=200)),
                    (
                        "verdict",
                        models.CharField(
                            choices=[
                                ("accepted", "Accepted"),
                                ("flagged", "Flagged"),
                                ("rejected", "Rejected"),
                            ],
                            default="accepted",
                            max_length=8,
                        ),
                    ),
                    ("findings", console.lib.fields.RawTextField(default="[]")),
                    ("layers", models.JSONField(default=list)),
                    (
                        "codes",
                        django.contrib.postgres.fields.ArrayField(
                            base_field=models.CharField(max_length=40),
                            blank=True,
                            default=list,
                            size=None,
                        ),
                    ),
                    ("status", models.CharField(blank=True, max_length=12)),
                    ("result", console.lib.fields.RawTextField(blank=True, null=True)),
                    ("answered_by", models.CharField(blank=True, max_length=12)),
                    ("answered_at", models.DateTimeField(blank=True, null=True)),
                    ("former", console.lib.fields.RawTextField(blank=True)),
                    (
                        "execution",
                        console.lib.fields.RawTextField(blank=True, db_default="", default=""),
                    ),
                    ("latency_ms", models.FloatField(blank=True, null=True)),
                    ("cached", models.BooleanField(default=False)),
                    (
                        "cost",
                        models.DecimalField(blank=True, decimal_places=9, max_digits=16, null=True),
                    ),
                    (
                        "source",
                        models.CharField(
                            blank=True,
                            choices=[
                                ("playground", "playground"),
                                ("otlp", "otlp"),
                                ("proxy", "proxy"),
                                ("api", "api"),
                                ("file", "file"),
                                ("replay", "replay"),
                                ("demo", "demo"),
                            ],
                            db_default="",
                            max_length=10,
                        ),
                    ),
                    ("provider", models.CharField(blank=True, db_default="", max_length=60)),
                    ("user", models.CharField(blank=True, db_default="", max_length=300)),
                    ("environment", models.CharField(blank=True, db_default="", max_length=60)),
                    (
                        "tags",
                        django.contrib.postgres.fields.ArrayField(
                            base_field=models.CharField(max_length=200),
                            blank=True,
                            db_default=[],
                            default=list,
                            size=None,
                        ),
                    ),
                ],
                options={
                    "indexes": [
                        models.Index(
                            fields=["project", "-id"],
                            include=("tool_version", "verdict"),
                            name="call_newest",
                        ),
                        models.Index(fields=["turn_id", "position"], name="call_of_turn"),
                        models.Index(fields=["conversation", "id"], name="call_of_conversation"),
                        models.Index(
                            condition=models.Q(
                                ("result", None),
                                ("status", ""),
                                models.Q(
                                    models.Q(
                                        ("codes__contains", ["unanswered_call"]),
                                        ("source__in", ["playground", "replay"]),
                                        _connector="OR",
                                    ),
                                    _negated=True,
                                ),
                            ),
                            fields=["id"],
                            name="call_waiting",
                        ),
                    ],
                },
            ),
            migrations.CreateModel(
                name="Run",
                fields=[
                    (
                        "id",
                        models.UUIDField(
                            default=console.lib.uuid7.now,
                            editable=False,
                            primary_key=True,
                            serialize=False,
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="runs",
                            to="accounts.project",
                        ),
                    ),
                    (
                        "user",
                        models.ForeignKey(
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    (
                        "conversation",
                        models.ForeignKey(
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="runs",
                            to="conversations.conversation",
                        ),
                    ),
                    (
                        "connection",
                        models.ForeignKey(
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to="conversations.connection",
                        ),
                    ),
                    ("group", models.UUIDField(default=console.lib.uuid7.now)),
                    ("column", models.CharField(default="A", max_length=1)),
                    ("trial", models.PositiveIntegerField(default=1)),
                    ("request", console.lib.fields.RawTextField()),
                    ("model", models.CharField(max_length=200)),
                    ("title", console.lib.fields.RawTextField(blank=True)),
                    (
                        "status",
                        models.CharField(
                            choices=[
                                ("running", "Running"),
                                ("finished", "Finished"),
                                ("failed", "Failed"),
                                ("cancelled", "Cancelled"),
                                ("interrupted", "Interrupted"),
                                ("waiting", "Waiting for an answer"),
                            ],
                            default="running",
                            max_length=12,
                        ),
                    ),
                    (
                        "verdict",
                        models.CharField(
                            blank=True,
                            choices=[
                                ("accepted", "Accepted"),
                                ("flagged", "Flagged"),
                                ("rejected", "Rejected"),
                            ],
                            max_length=8,
                        ),
                    ),
                    ("error", console.lib.fields.RawTextField(blank=True)),
                    ("last_seq", models.PositiveBigIntegerField(default=0)),
                    ("started_at", models.DateTimeField(auto_now_add=True)),
                    ("finished_at", models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["project", "-started_at"], name="run_newest"),
                        models.Index(
                            condition=models.Q(("finished_at", None)),
                            fields=["status"],
                            name="run_open",
                        ),
                    ],
                },
            ),
            migrations.CreateModel(
                name="PlaygroundSetup",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    (
                        "user",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("body", console.lib.fields.RawTextField()),
                    ("updated_at", models.DateTimeField(auto_now=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(fields=("project", "user"), name="setup_once")
                    ],
                },
            ),
            migrations.CreateModel(
                name="Label",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    (
                        "conversation",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="labels",
                            to="conversations.conversation",
                        ),
                    ),
                    ("turn_id", models.UUIDField()),
                    ("call_id", models.UUIDField(blank=True, null=True)),
                    (
                        "kind",
                        models.CharField(
                            choices=[
                                ("right", "Right"),
                                ("wrong_tool", "Wrong tool"),
                                ("wrong_arguments", "Wrong arguments"),
                                ("needless", "Needless call"),
                                ("missing", "Missing call"),
                                ("withdrawn", "Withdrawn"),
                            ],
                            max_length=16,
                        ),
                    ),
                    ("expected", console.lib.fields.RawTextField(blank=True)),
                    ("note", models.CharField(blank=True, max_length=500)),
                    (
                        "verdict_before",
                        models.CharField(
                            blank=True,
                            choices=[
                                ("accepted", "Accepted"),
                                ("flagged", "Flagged"),
                                ("rejected", "Rejected"),
                            ],
                            max_length=8,
                        ),
                    ),
                    (
                        "author",
                        models.ForeignKey(
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                    ("superseded_at", models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["turn_id"], name="label_of_turn"),
                        models.Index(fields=["project", "kind", "-id"], name="label_newest"),
                    ],
                    "constraints": [
                        models.UniqueConstraint(
                            condition=models.Q(("superseded_at", None)),
                            fields=("turn_id", "call_id"),
                            name="label_once",
                            nulls_distinct=False,
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="SavedView",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    (
                        "user",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("name", models.CharField(max_length=40)),
                    (
                        "kind",
                        models.CharField(
                            choices=[
                                ("conversations", "Conversations"),
                                ("turns", "Turns"),
                                ("calls", "Calls"),
                            ],
                            max_length=13,
                        ),
                    ),
                    ("query", models.CharField(blank=True, max_length=2000)),
                    ("columns", models.CharField(blank=True, max_length=300)),
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("project", "user", "kind", "name"),
                            name="view_name_once",
                            nulls_distinct=False,
                        )
                    ],
                },
            ),
        ),
        migrations.AddField(
            model_name="incident",
            name="watchers",
            field=models.ManyToManyField(
                related_name="+",
                through="conversations.IncidentWatcher",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunPython(make_first_partitions, migrations.RunPython.noop),
        migrations.RunSQL(index_sql.EVERY, index_sql.UNDO),
    ]
