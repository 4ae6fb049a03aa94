"""Calls a conversation by tool and environment alone; an index for what tops leave out."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_user_sessions_ended"),
        ("analytics", "0005_narrow_rollups"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="conductcount",
            name="model",
        ),
        migrations.RemoveField(
            model_name="conductcount",
            name="provider",
        ),
        migrations.RemoveField(
            model_name="conductcount",
            name="source",
        ),
        migrations.AddIndex(
            model_name="topcost",
            index=models.Index(
                condition=models.Q(("is_rest", True)),
                fields=["project", "grain", "kind", "start"],
                name="top_cost_rest",
            ),
        ),
    ]
