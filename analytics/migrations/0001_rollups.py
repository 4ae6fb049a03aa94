"""Rollups by step of time, and the triggers that mark which hours to compute anew."""

from __future__ import annotations

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from analytics.marks import INSTALL, UNDO


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0002_user_sessions_ended"),
        ("conversations", "0009_losses"),
    ]

    operations = [
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
            name="CallCount",
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
                ("version_id", models.BigIntegerField()),
                ("kind", models.CharField(max_length=40)),
                ("calls", models.BigIntegerField()),
                ("flagged", models.BigIntegerField()),
                ("rejected", models.BigIntegerField()),
                ("answered", models.BigIntegerField()),
                ("errors", models.BigIntegerField()),
                ("cached", models.BigIntegerField()),
                ("unpriced", models.BigIntegerField()),
                ("model_cost", models.DecimalField(decimal_places=12, max_digits=24)),
                ("tool_cost", models.DecimalField(decimal_places=12, max_digits=24)),
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
            options={
                "indexes": [
                    models.Index(fields=["project", "grain", "start"], name="call_count_step")
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
            options={
                "indexes": [
                    models.Index(fields=["project", "grain", "start"], name="code_count_step")
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
            options={
                "indexes": [
                    models.Index(fields=["project", "grain", "start"], name="expected_step")
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
                ("grain", models.IntegerField()),
                ("start", models.DateTimeField()),
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
            options={
                "indexes": [
                    models.Index(
                        fields=["project", "grain", "measure", "start"], name="latency_step"
                    )
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
                ("grain", models.IntegerField()),
                ("start", models.DateTimeField()),
                ("tool", models.CharField(max_length=200)),
                ("version_id", models.BigIntegerField()),
                ("model", models.CharField(max_length=200)),
                ("environment", models.CharField(max_length=60)),
                ("code", models.CharField(max_length=40)),
                ("pointer", models.CharField(max_length=300)),
                ("calls", models.BigIntegerField()),
                ("example", models.CharField(max_length=300)),
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
            options={
                "indexes": [
                    models.Index(fields=["project", "grain", "start"], name="pointer_count_step")
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
            options={
                "indexes": [
                    models.Index(fields=["project", "grain", "start"], name="turn_count_step")
                ],
            },
        ),
        migrations.RunSQL(INSTALL, UNDO),
    ]
