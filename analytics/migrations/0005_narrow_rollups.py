"""Rollups by fewer dimensions, filled from the rows that the hours are made of."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_user_sessions_ended"),
        ("analytics", "0004_offers"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="pointercount",
            name="model",
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
                ("grain", models.IntegerField()),
                ("start", models.DateTimeField()),
                ("model", models.CharField(max_length=200)),
                ("provider", models.CharField(max_length=60)),
                ("environment", models.CharField(max_length=60)),
                ("source", models.CharField(max_length=10)),
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
                    models.Index(fields=["project", "grain", "start"], name="kind_count_step")
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
                ("grain", models.IntegerField()),
                ("start", models.DateTimeField()),
                ("environment", models.CharField(max_length=60)),
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
                    models.Index(fields=["project", "grain", "start"], name="tool_code_count_step")
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
                ("grain", models.IntegerField()),
                ("start", models.DateTimeField()),
                ("environment", models.CharField(max_length=60)),
                ("tool", models.CharField(max_length=200)),
                ("version_id", models.BigIntegerField()),
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
                    models.Index(fields=["project", "grain", "start"], name="tool_kind_count_step")
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
                ("grain", models.IntegerField()),
                ("start", models.DateTimeField()),
                ("model", models.CharField(max_length=200)),
                ("provider", models.CharField(max_length=60)),
                ("environment", models.CharField(max_length=60)),
                ("source", models.CharField(max_length=10)),
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
                    models.Index(
                        fields=["project", "grain", "start"], name="traffic_code_count_step"
                    )
                ],
            },
        ),
        migrations.RunSQL(
            "INSERT INTO analytics_dirtyhour (project_id, hour)"
            " SELECT project_id, start FROM analytics_turncount WHERE grain = 60"
            " UNION SELECT project_id, start FROM analytics_callcount WHERE grain = 60",
            migrations.RunSQL.noop,
        ),
    ]
