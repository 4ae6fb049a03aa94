"""The models of one tool are found without reading those of all."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0012_durations_by_name")]

    operations = [
        migrations.AddIndex(
            model_name="modeltoolcount",
            index=models.Index(
                fields=["project", "grain", "tool", "start"], name="model_tool_of_tool"
            ),
        ),
    ]
