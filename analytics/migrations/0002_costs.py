"""The dearest users and conversations, conduct, budgets, re-pricing, exports and limits."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import console.lib.fields
import console.lib.uuid7


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_user_sessions_ended"),
        ("analytics", "0001_rollups"),
        ("conversations", "0012_replays"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Budget",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("query", models.CharField(blank=True, max_length=500)),
                (
                    "period",
                    models.CharField(
                        choices=[("month", "Calendar month"), ("day", "Day")],
                        default="month",
                        max_length=5,
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=14)),
                ("threshold", models.PositiveSmallIntegerField(default=80)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("changed_at", models.DateTimeField(auto_now=True)),
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
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="budgets",
                        to="accounts.project",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ConductCount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("grain", models.IntegerField()),
                ("start", models.DateTimeField()),
                ("model", models.CharField(max_length=200)),
                ("provider", models.CharField(max_length=60)),
                ("environment", models.CharField(max_length=60)),
                ("source", models.CharField(max_length=10)),
                ("tool", models.CharField(max_length=200)),
                ("rank", models.IntegerField()),
                ("calls", models.BigIntegerField()),
                ("misfires", models.BigIntegerField()),
                ("repeats", models.BigIntegerField()),
                ("cost", models.DecimalField(decimal_places=12, max_digits=24)),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.project",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LatencyLimit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "measure",
                    models.CharField(
                        choices=[
                            ("turn", "Whole turn"),
                            ("first", "First token"),
                            ("tool", "Tool"),
                        ],
                        max_length=5,
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=200)),
                ("limit_ms", models.FloatField()),
                ("set_at", models.DateTimeField(auto_now=True)),
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
                    "set_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Repricing",
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
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("model", models.CharField(blank=True, max_length=200)),
                ("connection_name", models.CharField(blank=True, max_length=60)),
                ("only_unpriced", models.BooleanField(default=False)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("previewing", "Looking"),
                            ("previewed", "Ready to apply"),
                            ("applying", "Applying"),
                            ("applied", "Applied"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                        ],
                        default="previewing",
                        max_length=10,
                    ),
                ),
                ("cancel_asked", models.BooleanField(default=False)),
                ("chain", models.PositiveIntegerField(default=0)),
                ("cursor", models.UUIDField(blank=True, null=True)),
                ("total", models.PositiveBigIntegerField(blank=True, null=True)),
                ("done", models.PositiveBigIntegerField(default=0)),
                ("preview", console.lib.fields.RawTextField(default="{}")),
                ("tally", console.lib.fields.RawTextField(default="{}")),
                ("error", models.CharField(blank=True, max_length=300)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("touched_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "applied_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
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
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="repricings",
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
            ],
        ),
        migrations.CreateModel(
            name="TopCost",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("grain", models.IntegerField()),
                ("start", models.DateTimeField()),
                ("model", models.CharField(max_length=200)),
                ("provider", models.CharField(max_length=60)),
                ("environment", models.CharField(max_length=60)),
                ("source", models.CharField(max_length=10)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("user", "User"),
                            ("conversation", "Conversation"),
                            ("tag", "Tag"),
                            ("pair", "Pair"),
                        ],
                        max_length=12,
                    ),
                ),
                ("key", models.CharField(max_length=300)),
                ("tool", models.CharField(max_length=200)),
                ("is_rest", models.BooleanField()),
                ("keys", models.BigIntegerField()),
                ("turns", models.BigIntegerField()),
                ("calls", models.BigIntegerField()),
                ("misfires", models.BigIntegerField()),
                ("unpriced", models.BigIntegerField()),
                ("cost", models.DecimalField(decimal_places=12, max_digits=24)),
                ("misfire_cost", models.DecimalField(decimal_places=12, max_digits=24)),
                ("most", models.DecimalField(decimal_places=12, max_digits=24)),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.project",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="UsageExport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("form", models.CharField(max_length=20)),
                ("query", models.CharField(blank=True, max_length=500)),
                ("lines", console.lib.fields.RawTextField()),
                ("first", models.DateField()),
                ("last", models.DateField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="usage_exports",
                        to="accounts.project",
                    ),
                ),
                (
                    "uploaded_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.UniqueConstraint(fields=("project", "name"), name="budget_name_once"),
        ),
        migrations.AddIndex(
            model_name="conductcount",
            index=models.Index(fields=["project", "grain", "start"], name="conduct_count_step"),
        ),
        migrations.AddConstraint(
            model_name="latencylimit",
            constraint=models.UniqueConstraint(
                fields=("project", "measure", "name"), name="latency_limit_once"
            ),
        ),
        migrations.AddIndex(
            model_name="repricing",
            index=models.Index(fields=["project", "-id"], name="repricing_newest"),
        ),
        migrations.AddIndex(
            model_name="repricing",
            index=models.Index(
                condition=models.Q(("status__in", ["previewing", "applying"])),
                fields=["touched_at"],
                name="repricing_open",
            ),
        ),
        migrations.AddIndex(
            model_name="topcost",
            index=models.Index(fields=["project", "grain", "kind", "start"], name="top_cost_step"),
        ),
        migrations.AddIndex(
            model_name="usageexport",
            index=models.Index(fields=["project", "-created_at"], name="usage_export_newest"),
        ),
    ]
