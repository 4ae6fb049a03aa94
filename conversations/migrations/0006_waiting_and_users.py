"""Indexes for calls that wait for an answer, and for the data of one user."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0005_idle_toolsets")]

    operations = [
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("user", ""), _negated=True),
                fields=["project", "user"],
                name="conversation_of_user",
            ),
        ),
        migrations.AddIndex(
            model_name="toolcall",
            index=models.Index(
                condition=models.Q(
                    ("result", None),
                    ("status", ""),
                    models.Q(
                        models.Q(
                            ("codes__contains", ["unanswered_call"]),
                            ("source__in", ["playground", "replay"]),
                            _connector="OR",
                        ),
                        _negated=True,
                    ),
                ),
                fields=["id"],
                name="call_waiting",
            ),
        ),
    ]
