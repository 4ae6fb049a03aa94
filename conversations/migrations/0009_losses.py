import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """What the proxy passed on and could not record."""

    dependencies = [
        ("accounts", "0001_initial"),
        ("conversations", "0008_counting_indexes"),
    ]

    operations = [
        migrations.CreateModel(
            name="IngestLoss",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("spool_full", "The spool was full"),
                            ("memory_full", "More came than could be stored or spooled"),
                            ("spool_unwritable", "The spool could not be written"),
                            ("too_fast", "The key sent faster than it may"),
                        ],
                        max_length=20,
                    ),
                ),
                ("turns", models.PositiveBigIntegerField()),
                ("size", models.PositiveBigIntegerField()),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                (
                    "api_key",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.apikey",
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
                "indexes": [models.Index(fields=["project", "-last_at"], name="loss_newest")],
            },
        ),
    ]
