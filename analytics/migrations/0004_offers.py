"""Turns by the toolset that they offered."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_user_sessions_ended"),
        ("analytics", "0003_alerts"),
    ]

    operations = [
        migrations.AlterField(
            model_name="latencysketch",
            name="measure",
            field=models.CharField(max_length=5),
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
                ("grain", models.IntegerField()),
                ("start", models.DateTimeField()),
                ("model", models.CharField(max_length=200)),
                ("provider", models.CharField(max_length=60)),
                ("environment", models.CharField(max_length=60)),
                ("source", models.CharField(max_length=10)),
                ("toolset_id", models.BigIntegerField()),
                ("turns", models.BigIntegerField()),
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
                    models.Index(fields=["project", "grain", "start"], name="offer_count_step")
                ],
            },
        ),
    ]
