"""A scope for programs that have tools run."""

from __future__ import annotations

import django.contrib.postgres.fields
from django.db import migrations, models

SCOPES = ("ingest", "read", "replay", "execute", "admin")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_user_sessions_ended")]

    operations = [
        migrations.AlterField(
            "apikey",
            "scopes",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[(scope, scope) for scope in SCOPES], max_length=10
                ),
                size=None,
            ),
        )
    ]
