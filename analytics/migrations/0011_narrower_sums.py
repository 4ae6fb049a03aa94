"""Sums by fewer dimensions, filled from those by more."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

_SUMS = ", ".join(
    f"sum({name})"
    for name in (
        "calls", "flagged", "rejected", "answered", "errors", "cached", "unpriced", "model_cost",
        "tool_cost", "misfires", "misfire_cost",
    )
)  # fmt: skip
_MODELS = f"""
INSERT INTO analytics_modelcount (project_id, grain, start, environment, model, calls, flagged,
  rejected, answered, errors, cached, unpriced, model_cost, tool_cost, misfires, misfire_cost)
SELECT project_id, grain, start, environment, model, {_SUMS} FROM analytics_modeltoolcount
GROUP BY project_id, grain, start, environment, model"""
_TOPS = """
INSERT INTO analytics_topsummary (project_id, grain, start, environment, kind, key, tool, is_rest,
  keys, most, turns, calls, misfires, unpriced, cost, misfire_cost)
SELECT project_id, grain, start, environment, kind, key, tool, is_rest, max(keys), max(most),
  sum(turns), sum(calls), sum(misfires), sum(unpriced), sum(cost), sum(misfire_cost)
FROM analytics_topcost
GROUP BY project_id, grain, start, environment, kind, key, tool, is_rest"""
_DURATIONS = """
INSERT INTO analytics_latencysketch (project_id, grain, start, measure, model, provider,
  environment, tool, version_id, number, buckets, counts)
SELECT project_id, grain, start, measure || 's', '', '', environment, '', 0, sum(held),
  array_agg(bucket), array_agg(held)
FROM (
  SELECT project_id, grain, start, measure, environment, bucket, sum(held)::bigint AS held
  FROM analytics_latencysketch, unnest(buckets, counts) AS u (bucket, held)
  WHERE measure IN ('turn', 'first')
  GROUP BY project_id, grain, start, measure, environment, bucket
) merged GROUP BY project_id, grain, start, measure, environment"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_scope_execute"),
        ("analytics", "0010_alert_budgets"),
    ]

    operations = [
        migrations.CreateModel(
            name="ModelCount",
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
                ("model", models.CharField(max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name="TopSummary",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
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
                ("grain", models.IntegerField()),
                ("start", models.DateTimeField()),
                ("environment", models.CharField(max_length=60)),
            ],
        ),
        migrations.AlterField(
            model_name="latencysketch",
            name="measure",
            field=models.CharField(max_length=6),
        ),
        migrations.AddIndex(
            model_name="kindcount",
            index=models.Index(
                fields=["project", "grain", "model", "start"], name="kind_count_of_model"
            ),
        ),
        migrations.AddIndex(
            model_name="modeltoolcount",
            index=models.Index(
                fields=["project", "grain", "model", "start"], name="model_tool_of_model"
            ),
        ),
        migrations.AddIndex(
            model_name="topcost",
            index=models.Index(
                fields=["project", "grain", "kind", "model", "start"], name="top_cost_of_model"
            ),
        ),
        migrations.AddField(
            model_name="modelcount",
            name="project",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.project",
            ),
        ),
        migrations.AddField(
            model_name="topsummary",
            name="project",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.project",
            ),
        ),
        migrations.AddIndex(
            model_name="modelcount",
            index=models.Index(fields=["project", "grain", "start"], name="model_count_step"),
        ),
        migrations.AddIndex(
            model_name="topsummary",
            index=models.Index(
                fields=["project", "grain", "kind", "start"], name="top_summary_step"
            ),
        ),
        migrations.RunSQL(_MODELS, migrations.RunSQL.noop),
        migrations.RunSQL(_TOPS, migrations.RunSQL.noop),
        migrations.RunSQL(
            _DURATIONS,
            "DELETE FROM analytics_latencysketch WHERE measure IN ('turns', 'firsts')",
        ),
    ]
