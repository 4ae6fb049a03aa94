"""Rollups, prices, budgets and alerts, and the triggers that mark the hours to compute."""

from __future__ import annotations

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import console.lib.fields
import console.lib.uuid7
from analytics.marks import INSTALL, UNDO
from console.lib.creation import CreateModels


class Migration(migrations.Migration):
    replaces = [
        ("analytics", "0001_rollups"),
        ("analytics", "0002_costs"),
        ("analytics", "0003_alerts"),
        ("analytics", "0004_offers"),
        ("analytics", "0005_narrow_rollups"),
        ("analytics", "0006_conduct"),
        ("analytics", "0007_months"),
        ("analytics", "0008_summaries"),
        ("analytics", "0009_unchecked_projects"),
        ("analytics", "0010_alert_budgets"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0001_squashed_0003_scope_execute"),
        ("conversations", "0001_squashed_0017_frozen_outcomes"),
    ]

    operations = [
        CreateModels(
            migrations.CreateModel(
                name="CallCount",
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
                            db_constraint=False,
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    ("grain", models.IntegerField()),
                    ("start", models.DateTimeField()),
                    ("model", models.CharField(max_length=200)),
                    ("provider", models.CharField(max_length=60)),
                    ("environment", models.CharField(max_length=60)),
                    ("source", models.CharField(max_length=10)),
                    ("tool", models.CharField(max_length=200)),
                    ("version_id", models.BigIntegerField()),
                    ("calls", models.BigIntegerField()),
                    ("flagged", models.BigIntegerField()),
                    ("rejected", models.BigIntegerField()),
                    ("answered", models.BigIntegerField()),
                    ("errors", models.BigIntegerField()),
                    ("cached", models.BigIntegerField()),
                    ("unpriced", models.BigIntegerField()),
                    ("model_cost", models.DecimalField(decimal_places=12, max_digits=24)),
                    ("tool_cost", models.DecimalField(decimal_places=12, max_digits=24)),
                    ("kind", models.CharField(max_length=40)),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["project", "grain", "start"], name="call_count_step")
                    ],
                },
            ),
            migrations.CreateModel(
                name="KindCount",
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
                            db_constraint=False,
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    ("grain", models.IntegerField()),
                    ("start", models.DateTimeField()),
                    ("model", models.CharField(max_length=200)),
                    ("provider", models.CharField(max_length=60)),
                    ("environment", models.CharField(max_length=60)),
                    ("source", models.CharField(max_length=10)),
                    ("calls", models.BigIntegerField()),
                    ("flagged", models.BigIntegerField()),
                    ("rejected", models.BigIntegerField()),
                    ("answered", models.BigIntegerField()),
                    ("errors", models.BigIntegerField()),
                    ("cached", models.BigIntegerField()),
                    ("unpriced", models.BigIntegerField()),
                    ("model_cost", models.DecimalField(decimal_places=12, max_digits=24)),
                    ("tool_cost", models.DecimalField(decimal_places=12, max_digits=24)),
                    ("kind", models.CharField(max_length=40)),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["project", "grain", "start"], name="kind_count_step")
                    ],
                },
            ),
            migrations.CreateModel(
                name="SummaryCount",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    ("calls", models.BigIntegerField()),
                    ("flagged", models.BigIntegerField()),
                    ("rejected", models.BigIntegerField()),
                    ("answered", models.BigIntegerField()),
                    ("errors", models.BigIntegerField()),
                    ("cached", models.BigIntegerField()),
                    ("unpriced", models.BigIntegerField()),
                    ("model_cost", models.DecimalField(decimal_places=12, max_digits=24)),
                    ("tool_cost", models.DecimalField(decimal_places=12, max_digits=24)),
                    ("kind", models.CharField(max_length=40)),
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
                    ("grain", models.IntegerField()),
                    ("start", models.DateTimeField()),
                    ("environment", models.CharField(max_length=60)),
                ],
                options={
                    "indexes": [
                        models.Index(
                            fields=["project", "grain", "start"], name="summary_count_step"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="ToolCount",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    ("calls", models.BigIntegerField()),
                    ("flagged", models.BigIntegerField()),
                    ("rejected", models.BigIntegerField()),
                    ("answered", models.BigIntegerField()),
                    ("errors", models.BigIntegerField()),
                    ("cached", models.BigIntegerField()),
                    ("unpriced", models.BigIntegerField()),
                    ("model_cost", models.DecimalField(decimal_places=12, max_digits=24)),
                    ("tool_cost", models.DecimalField(decimal_places=12, max_digits=24)),
                    ("misfires", models.BigIntegerField()),
                    ("misfire_cost", models.DecimalField(decimal_places=12, max_digits=24)),
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
                    ("grain", models.IntegerField()),
                    ("start", models.DateTimeField()),
                    ("environment", models.CharField(max_length=60)),
                    ("tool", models.CharField(max_length=200)),
                    ("version_id", models.BigIntegerField()),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["project", "grain", "start"], name="tool_count_step")
                    ],
                },
            ),
            migrations.CreateModel(
                name="ModelToolCount",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    ("calls", models.BigIntegerField()),
                    ("flagged", models.BigIntegerField()),
                    ("rejected", models.BigIntegerField()),
                    ("answered", models.BigIntegerField()),
                    ("errors", models.BigIntegerField()),
                    ("cached", models.BigIntegerField()),
                    ("unpriced", models.BigIntegerField()),
                    ("model_cost", models.DecimalField(decimal_places=12, max_digits=24)),
                    ("tool_cost", models.DecimalField(decimal_places=12, max_digits=24)),
                    ("misfires", models.BigIntegerField()),
                    ("misfire_cost", models.DecimalField(decimal_places=12, max_digits=24)),
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
                    ("grain", models.IntegerField()),
                    ("start", models.DateTimeField()),
                    ("environment", models.CharField(max_length=60)),
                    ("tool", models.CharField(max_length=200)),
                    ("version_id", models.BigIntegerField()),
                    ("model", models.CharField(max_length=200)),
                ],
                options={
                    "indexes": [
                        models.Index(
                            fields=["project", "grain", "start"], name="model_tool_count_step"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="ToolKindCount",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    ("calls", models.BigIntegerField()),
                    ("flagged", models.BigIntegerField()),
                    ("rejected", models.BigIntegerField()),
                    ("answered", models.BigIntegerField()),
                    ("errors", models.BigIntegerField()),
                    ("cached", models.BigIntegerField()),
                    ("unpriced", models.BigIntegerField()),
                    ("model_cost", models.DecimalField(decimal_places=12, max_digits=24)),
                    ("tool_cost", models.DecimalField(decimal_places=12, max_digits=24)),
                    ("kind", models.CharField(max_length=40)),
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
                    ("grain", models.IntegerField()),
                    ("start", models.DateTimeField()),
                    ("environment", models.CharField(max_length=60)),
                    ("tool", models.CharField(max_length=200)),
                    ("version_id", models.BigIntegerField()),
                ],
                options={
                    "indexes": [
                        models.Index(
                            fields=["project", "grain", "start"], name="tool_kind_count_step"
                        ),
                        models.Index(
                            fields=["project", "grain", "tool", "start"], name="tool_kind_of_tool"
                        ),
                    ],
                },
            ),
            migrations.CreateModel(
                name="CodeCount",
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
                            db_constraint=False,
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    ("grain", models.IntegerField()),
                    ("start", models.DateTimeField()),
                    ("model", models.CharField(max_length=200)),
                    ("provider", models.CharField(max_length=60)),
                    ("environment", models.CharField(max_length=60)),
                    ("source", models.CharField(max_length=10)),
                    ("tool", models.CharField(max_length=200)),
                    ("version_id", models.BigIntegerField()),
                    ("code", models.CharField(max_length=40)),
                    ("calls", models.BigIntegerField()),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["project", "grain", "start"], name="code_count_step")
                    ],
                },
            ),
            migrations.CreateModel(
                name="SummaryCodeCount",
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
                            db_constraint=False,
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    ("grain", models.IntegerField()),
                    ("start", models.DateTimeField()),
                    ("environment", models.CharField(max_length=60)),
                    ("code", models.CharField(max_length=40)),
                    ("calls", models.BigIntegerField()),
                ],
                options={
                    "indexes": [
                        models.Index(
                            fields=["project", "grain", "start"], name="summary_code_count_step"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="TrafficCodeCount",
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
                            db_constraint=False,
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    ("grain", models.IntegerField()),
                    ("start", models.DateTimeField()),
                    ("model", models.CharField(max_length=200)),
                    ("provider", models.CharField(max_length=60)),
                    ("environment", models.CharField(max_length=60)),
                    ("source", models.CharField(max_length=10)),
                    ("code", models.CharField(max_length=40)),
                    ("calls", models.BigIntegerField()),
                ],
                options={
                    "indexes": [
                        models.Index(
                            fields=["project", "grain", "start"], name="traffic_code_count_step"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="ToolCodeCount",
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
                            db_constraint=False,
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    ("grain", models.IntegerField()),
                    ("start", models.DateTimeField()),
                    ("environment", models.CharField(max_length=60)),
                    ("tool", models.CharField(max_length=200)),
                    ("version_id", models.BigIntegerField()),
                    ("code", models.CharField(max_length=40)),
                    ("calls", models.BigIntegerField()),
                ],
                options={
                    "indexes": [
                        models.Index(
                            fields=["project", "grain", "start"], name="tool_code_count_step"
                        ),
                        models.Index(
                            fields=["project", "grain", "tool", "start"], name="tool_code_of_tool"
                        ),
                    ],
                },
            ),
            migrations.CreateModel(
                name="PointerCount",
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
                            db_constraint=False,
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    ("grain", models.IntegerField()),
                    ("start", models.DateTimeField()),
                    ("environment", models.CharField(max_length=60)),
                    ("tool", models.CharField(max_length=200)),
                    ("version_id", models.BigIntegerField()),
                    ("code", models.CharField(max_length=40)),
                    ("pointer", models.CharField(max_length=300)),
                    ("calls", models.BigIntegerField()),
                    ("example", models.CharField(max_length=300)),
                ],
                options={
                    "indexes": [
                        models.Index(
                            fields=["project", "grain", "start"], name="pointer_count_step"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="TurnCount",
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
                            db_constraint=False,
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    ("grain", models.IntegerField()),
                    ("start", models.DateTimeField()),
                    ("model", models.CharField(max_length=200)),
                    ("provider", models.CharField(max_length=60)),
                    ("environment", models.CharField(max_length=60)),
                    ("source", models.CharField(max_length=10)),
                    ("connection_id", models.BigIntegerField()),
                    ("turns", models.BigIntegerField()),
                    ("calling", models.BigIntegerField()),
                    ("failed", models.BigIntegerField()),
                    ("missed", models.BigIntegerField()),
                    ("rejected", models.BigIntegerField()),
                    ("unpriced", models.BigIntegerField()),
                    ("input_tokens", models.BigIntegerField()),
                    ("cached_input_tokens", models.BigIntegerField()),
                    ("cache_write_tokens", models.BigIntegerField()),
                    ("output_tokens", models.BigIntegerField()),
                    ("reasoning_tokens", models.BigIntegerField()),
                    ("cost", models.DecimalField(decimal_places=12, max_digits=24)),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["project", "grain", "start"], name="turn_count_step")
                    ],
                },
            ),
            migrations.CreateModel(
                name="OfferCount",
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
                            db_constraint=False,
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    ("grain", models.IntegerField()),
                    ("start", models.DateTimeField()),
                    ("model", models.CharField(max_length=200)),
                    ("provider", models.CharField(max_length=60)),
                    ("environment", models.CharField(max_length=60)),
                    ("source", models.CharField(max_length=10)),
                    ("toolset_id", models.BigIntegerField()),
                    ("turns", models.BigIntegerField()),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["project", "grain", "start"], name="offer_count_step")
                    ],
                },
            ),
            migrations.CreateModel(
                name="LatencySketch",
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
                            db_constraint=False,
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    ("grain", models.IntegerField()),
                    ("start", models.DateTimeField()),
                    ("measure", models.CharField(max_length=5)),
                    ("model", models.CharField(max_length=200)),
                    ("provider", models.CharField(max_length=60)),
                    ("environment", models.CharField(max_length=60)),
                    ("tool", models.CharField(max_length=200)),
                    ("version_id", models.BigIntegerField()),
                    ("number", models.BigIntegerField()),
                    (
                        "buckets",
                        django.contrib.postgres.fields.ArrayField(
                            base_field=models.SmallIntegerField(), size=None
                        ),
                    ),
                    (
                        "counts",
                        django.contrib.postgres.fields.ArrayField(
                            base_field=models.BigIntegerField(), size=None
                        ),
                    ),
                ],
                options={
                    "indexes": [
                        models.Index(
                            fields=["project", "grain", "measure", "start"], name="latency_step"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="ExpectedCount",
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
                            db_constraint=False,
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    ("grain", models.IntegerField()),
                    ("start", models.DateTimeField()),
                    ("model", models.CharField(max_length=200)),
                    ("provider", models.CharField(max_length=60)),
                    ("environment", models.CharField(max_length=60)),
                    ("source", models.CharField(max_length=10)),
                    ("by", models.CharField(max_length=6)),
                    ("expected", models.CharField(max_length=200)),
                    ("called", models.CharField(max_length=200)),
                    ("number", models.BigIntegerField()),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["project", "grain", "start"], name="expected_step")
                    ],
                },
            ),
            migrations.CreateModel(
                name="DirtyHour",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    ("project_id", models.BigIntegerField()),
                    ("hour", models.DateTimeField()),
                ],
            ),
            migrations.CreateModel(
                name="DirtyMonth",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    ("project_id", models.BigIntegerField()),
                    ("start", models.DateTimeField()),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("project_id", "start"), name="dirty_month_once"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="Budget",
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
                            related_name="budgets",
                            to="accounts.project",
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
                        models.UniqueConstraint(fields=("project", "name"), name="budget_name_once")
                    ],
                },
            ),
            migrations.CreateModel(
                name="AlertChannel",
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
                    ("name", models.CharField(max_length=60)),
                    (
                        "kind",
                        models.CharField(
                            choices=[
                                ("webhook", "Signed webhook"),
                                ("slack", "Slack or compatible"),
                                ("pagerduty", "PagerDuty"),
                                ("email", "E-mail"),
                            ],
                            max_length=10,
                        ),
                    ),
                    ("url", models.CharField(blank=True, max_length=500)),
                    ("variable", models.CharField(blank=True, max_length=100)),
                    (
                        "addresses",
                        django.contrib.postgres.fields.ArrayField(
                            base_field=models.EmailField(max_length=254),
                            blank=True,
                            default=list,
                            size=None,
                        ),
                    ),
                    ("tells_incidents", models.BooleanField(db_default=False, default=False)),
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                    ("archived_at", models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(
                            condition=models.Q(("archived_at", None)),
                            fields=("project", "name"),
                            name="alert_channel_name_once",
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="AlertRule",
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
                    ("name", models.CharField(max_length=100)),
                    ("metric", models.CharField(max_length=30)),
                    ("query", models.CharField(blank=True, max_length=2000)),
                    (
                        "budget",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="alert_rules",
                            to="analytics.budget",
                        ),
                    ),
                    ("basis", models.CharField(default="threshold", max_length=10)),
                    ("direction", models.CharField(default="above", max_length=5)),
                    ("window", models.PositiveIntegerField()),
                    ("minimum", models.PositiveIntegerField(default=1)),
                    ("level", models.FloatField()),
                    ("warning", models.FloatField(blank=True, null=True)),
                    ("recovery", models.FloatField(blank=True, null=True)),
                    (
                        "severity",
                        models.CharField(
                            choices=[
                                ("low", "Low"),
                                ("medium", "Medium"),
                                ("high", "High"),
                                ("critical", "Critical"),
                            ],
                            default="high",
                            max_length=8,
                        ),
                    ),
                    ("renotify", models.PositiveIntegerField(default=0)),
                    ("tells_no_data", models.BooleanField(default=False)),
                    ("opens_incident", models.BooleanField(default=True)),
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
                    ("changed_at", models.DateTimeField()),
                    (
                        "state",
                        models.CharField(
                            choices=[
                                ("no_data", "No data"),
                                ("ok", "OK"),
                                ("warning", "Warning"),
                                ("alert", "Alert"),
                            ],
                            default="no_data",
                            max_length=8,
                        ),
                    ),
                    ("since", models.DateTimeField()),
                    (
                        "told",
                        models.CharField(
                            choices=[
                                ("no_data", "No data"),
                                ("ok", "OK"),
                                ("warning", "Warning"),
                                ("alert", "Alert"),
                            ],
                            default="ok",
                            max_length=8,
                        ),
                    ),
                    ("told_at", models.DateTimeField(blank=True, null=True)),
                    ("missing_since", models.DateTimeField(blank=True, null=True)),
                    ("due_at", models.DateTimeField()),
                    ("looked_at", models.DateTimeField(blank=True, null=True)),
                    ("value", models.FloatField(blank=True, null=True)),
                    ("expected", models.FloatField(blank=True, null=True)),
                    ("part", models.FloatField(default=0)),
                    ("base", models.PositiveBigIntegerField(default=0)),
                    ("lack", models.CharField(blank=True, max_length=5)),
                    ("error", models.CharField(blank=True, max_length=300)),
                    (
                        "incident",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to="conversations.incident",
                        ),
                    ),
                    (
                        "channels",
                        models.ManyToManyField(
                            blank=True, related_name="rules", to="analytics.alertchannel"
                        ),
                    ),
                ],
                options={
                    "indexes": [
                        models.Index(
                            condition=models.Q(("enabled", True)),
                            fields=["due_at"],
                            name="alert_rule_due",
                        )
                    ],
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("project", "name"), name="alert_rule_name_once"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="AlertEvent",
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
                        "rule",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="events",
                            to="analytics.alertrule",
                        ),
                    ),
                    ("at", models.DateTimeField()),
                    (
                        "before",
                        models.CharField(
                            choices=[
                                ("no_data", "No data"),
                                ("ok", "OK"),
                                ("warning", "Warning"),
                                ("alert", "Alert"),
                            ],
                            max_length=8,
                        ),
                    ),
                    (
                        "state",
                        models.CharField(
                            choices=[
                                ("no_data", "No data"),
                                ("ok", "OK"),
                                ("warning", "Warning"),
                                ("alert", "Alert"),
                            ],
                            max_length=8,
                        ),
                    ),
                    (
                        "notice",
                        models.CharField(
                            blank=True,
                            choices=[
                                ("alert", "Alert"),
                                ("warning", "Warning"),
                                ("recovered", "Recovered"),
                                ("no_data", "No data"),
                                ("reminder", "Reminder"),
                            ],
                            max_length=9,
                        ),
                    ),
                    ("text", models.CharField(max_length=500)),
                    ("silenced", models.BooleanField(default=False)),
                    ("value", models.FloatField(blank=True, null=True)),
                    ("expected", models.FloatField(blank=True, null=True)),
                    ("part", models.FloatField(default=0)),
                    ("base", models.PositiveBigIntegerField(default=0)),
                    ("began_at", models.DateTimeField(blank=True, null=True)),
                    (
                        "incident",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to="conversations.incident",
                        ),
                    ),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["rule", "-id"], name="alert_event_of_rule"),
                        models.Index(fields=["project", "-id"], name="alert_event_newest"),
                    ],
                },
            ),
            migrations.CreateModel(
                name="AlertSilence",
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
                        "rule",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="silences",
                            to="analytics.alertrule",
                        ),
                    ),
                    ("starts_at", models.DateTimeField()),
                    ("ends_at", models.DateTimeField()),
                    ("note", models.CharField(blank=True, max_length=200)),
                    (
                        "author",
                        models.ForeignKey(
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["project", "-ends_at"], name="alert_silence_newest")
                    ],
                },
            ),
            migrations.CreateModel(
                name="AlertDelivery",
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
                        "channel",
                        models.ForeignKey(
                            blank=True,
                            db_index=False,
                            null=True,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="deliveries",
                            to="analytics.alertchannel",
                        ),
                    ),
                    (
                        "addresses",
                        django.contrib.postgres.fields.ArrayField(
                            base_field=models.EmailField(max_length=254),
                            blank=True,
                            db_default=[],
                            default=list,
                            size=None,
                        ),
                    ),
                    (
                        "event",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="deliveries",
                            to="analytics.alertevent",
                        ),
                    ),
                    ("body", console.lib.fields.RawTextField()),
                    (
                        "status",
                        models.CharField(
                            choices=[
                                ("waiting", "Waiting"),
                                ("sent", "Sent"),
                                ("failed", "Failed"),
                            ],
                            default="waiting",
                            max_length=7,
                        ),
                    ),
                    ("attempts", models.JSONField(default=list)),
                    ("tries", models.PositiveIntegerField(default=0)),
                    ("next_at", models.DateTimeField()),
                    ("created_at", models.DateTimeField()),
                    ("finished_at", models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    "indexes": [
                        models.Index(
                            condition=models.Q(("status", "waiting")),
                            fields=["next_at"],
                            name="alert_delivery_due",
                        ),
                        models.Index(fields=["project", "-id"], name="alert_delivery_newest"),
                        models.Index(fields=["channel", "-id"], name="alert_delivery_of_channel"),
                    ],
                },
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
                ],
                options={
                    "indexes": [
                        models.Index(
                            fields=["project", "grain", "kind", "start"], name="top_cost_step"
                        ),
                        models.Index(
                            condition=models.Q(("is_rest", True)),
                            fields=["project", "grain", "kind", "start"],
                            name="top_cost_rest",
                        ),
                    ],
                },
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
                    (
                        "project",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
                        ),
                    ),
                    ("grain", models.IntegerField()),
                    ("start", models.DateTimeField()),
                    ("environment", models.CharField(max_length=60)),
                    ("tool", models.CharField(max_length=200)),
                    ("rank", models.IntegerField()),
                    ("calls", models.BigIntegerField()),
                    ("misfires", models.BigIntegerField()),
                    ("repeats", models.BigIntegerField()),
                    ("cost", models.DecimalField(decimal_places=12, max_digits=24)),
                ],
                options={
                    "indexes": [
                        models.Index(
                            fields=["project", "grain", "start"], name="conduct_count_step"
                        )
                    ],
                },
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
                        "project",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
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
                    (
                        "set_by",
                        models.ForeignKey(
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("set_at", models.DateTimeField(auto_now=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("project", "measure", "name"), name="latency_limit_once"
                        )
                    ],
                },
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
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="repricings",
                            to="accounts.project",
                        ),
                    ),
                    ("since", models.DateTimeField()),
                    ("until", models.DateTimeField()),
                    ("model", models.CharField(blank=True, max_length=200)),
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
                    (
                        "requested_by",
                        models.ForeignKey(
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
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
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                    ("touched_at", models.DateTimeField()),
                    ("finished_at", models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["project", "-id"], name="repricing_newest"),
                        models.Index(
                            condition=models.Q(("status__in", ["previewing", "applying"])),
                            fields=["touched_at"],
                            name="repricing_open",
                        ),
                    ],
                },
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
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="usage_exports",
                            to="accounts.project",
                        ),
                    ),
                    ("name", models.CharField(max_length=120)),
                    ("form", models.CharField(max_length=20)),
                    ("query", models.CharField(blank=True, max_length=500)),
                    ("lines", console.lib.fields.RawTextField()),
                    ("first", models.DateField()),
                    ("last", models.DateField()),
                    (
                        "uploaded_by",
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
                    "indexes": [
                        models.Index(fields=["project", "-created_at"], name="usage_export_newest")
                    ],
                },
            ),
        ),
        migrations.RunSQL(INSTALL, UNDO),
    ]
