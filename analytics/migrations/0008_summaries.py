"""Rollups of few rows, filled from the rows that the hours are made of."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_scope_execute"),
        ("analytics", "0007_months"),
    ]

    operations = [
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
                ("grain", models.IntegerField()),
                ("start", models.DateTimeField()),
                ("environment", models.CharField(max_length=60)),
                ("tool", models.CharField(max_length=200)),
                ("version_id", models.BigIntegerField()),
                ("model", models.CharField(max_length=200)),
            ],
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
                ("grain", models.IntegerField()),
                ("start", models.DateTimeField()),
                ("environment", models.CharField(max_length=60)),
                ("code", models.CharField(max_length=40)),
                ("calls", models.BigIntegerField()),
            ],
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
                ("grain", models.IntegerField()),
                ("start", models.DateTimeField()),
                ("environment", models.CharField(max_length=60)),
            ],
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
                ("grain", models.IntegerField()),
                ("start", models.DateTimeField()),
                ("environment", models.CharField(max_length=60)),
                ("tool", models.CharField(max_length=200)),
                ("version_id", models.BigIntegerField()),
            ],
        ),
        migrations.AddIndex(
            model_name="toolcodecount",
            index=models.Index(
                fields=["project", "grain", "tool", "start"], name="tool_code_of_tool"
            ),
        ),
        migrations.AddIndex(
            model_name="toolkindcount",
            index=models.Index(
                fields=["project", "grain", "tool", "start"], name="tool_kind_of_tool"
            ),
        ),
        migrations.AddField(
            model_name="modeltoolcount",
            name="project",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.project",
            ),
        ),
        migrations.AddField(
            model_name="summarycodecount",
            name="project",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.project",
            ),
        ),
        migrations.AddField(
            model_name="summarycount",
            name="project",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.project",
            ),
        ),
        migrations.AddField(
            model_name="toolcount",
            name="project",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.project",
            ),
        ),
        migrations.AddIndex(
            model_name="modeltoolcount",
            index=models.Index(fields=["project", "grain", "start"], name="model_tool_count_step"),
        ),
        migrations.AddIndex(
            model_name="summarycodecount",
            index=models.Index(
                fields=["project", "grain", "start"], name="summary_code_count_step"
            ),
        ),
        migrations.AddIndex(
            model_name="summarycount",
            index=models.Index(fields=["project", "grain", "start"], name="summary_count_step"),
        ),
        migrations.AddIndex(
            model_name="toolcount",
            index=models.Index(fields=["project", "grain", "start"], name="tool_count_step"),
        ),
        migrations.RunSQL(
            "INSERT INTO analytics_dirtyhour (project_id, hour)"
            " SELECT DISTINCT project_id, start FROM analytics_turncount WHERE grain = 60",
            migrations.RunSQL.noop,
        ),
    ]
