"""Durations by model and by tool alone, filled from those by more."""

from __future__ import annotations

from django.db import migrations, models

_FILL = """
INSERT INTO analytics_latencysketch (project_id, grain, start, measure, model, provider,
  environment, tool, version_id, number, buckets, counts)
SELECT project_id, grain, start, 'by_' || measure, model, '', '', tool, 0, sum(held),
  array_agg(bucket), array_agg(held)
FROM (
  SELECT project_id, grain, start, measure, model, tool, bucket, sum(held)::bigint AS held
  FROM analytics_latencysketch, unnest(buckets, counts) AS u (bucket, held)
  WHERE measure IN ('turn', 'first', 'tool')
  GROUP BY project_id, grain, start, measure, model, tool, bucket
) merged GROUP BY project_id, grain, start, measure, model, tool"""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0011_narrower_sums")]

    operations = [
        migrations.AlterField(
            model_name="latencysketch",
            name="measure",
            field=models.CharField(max_length=8),
        ),
        migrations.RunSQL(
            _FILL, "DELETE FROM analytics_latencysketch WHERE starts_with(measure, 'by_')"
        ),
    ]
