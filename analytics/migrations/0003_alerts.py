import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import console.lib.fields
import console.lib.uuid7


class Migration(migrations.Migration):
    """Rules of alerts, what they found, whom they tell, and what became of it."""

    dependencies = [
        ("accounts", "0002_user_sessions_ended"),
        ("analytics", "0002_costs"),
        ("conversations", "0010_incidents"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AlertChannel",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("webhook", "Signed webhook"),
                            ("slack", "Slack or compatible"),
                            ("pagerduty", "PagerDuty"),
                            ("email", "E-mail"),
                        ],
                        max_length=10,
                    ),
                ),
                ("url", models.CharField(blank=True, max_length=500)),
                ("variable", models.CharField(blank=True, max_length=100)),
                (
                    "addresses",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.EmailField(max_length=254),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.project",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AlertEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=console.lib.uuid7.now,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "before",
                    models.CharField(
                        choices=[
                            ("no_data", "No data"),
                            ("ok", "OK"),
                            ("warning", "Warning"),
                            ("alert", "Alert"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("no_data", "No data"),
                            ("ok", "OK"),
                            ("warning", "Warning"),
                            ("alert", "Alert"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "notice",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("alert", "Alert"),
                            ("warning", "Warning"),
                            ("recovered", "Recovered"),
                            ("no_data", "No data"),
                            ("reminder", "Reminder"),
                        ],
                        max_length=9,
                    ),
                ),
                ("text", models.CharField(max_length=500)),
                ("silenced", models.BooleanField(default=False)),
                ("value", models.FloatField(blank=True, null=True)),
                ("expected", models.FloatField(blank=True, null=True)),
                ("part", models.FloatField(default=0)),
                ("base", models.PositiveBigIntegerField(default=0)),
                ("began_at", models.DateTimeField(blank=True, null=True)),
                (
                    "incident",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="conversations.incident",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.project",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AlertDelivery",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=console.lib.uuid7.now,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("body", console.lib.fields.RawTextField()),
                (
                    "status",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("sent", "Sent"), ("failed", "Failed")],
                        default="waiting",
                        max_length=7,
                    ),
                ),
                ("attempts", models.JSONField(default=list)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("next_at", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "channel",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="analytics.alertchannel",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.project",
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="analytics.alertevent",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AlertRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("metric", models.CharField(max_length=30)),
                ("query", models.CharField(blank=True, max_length=2000)),
                ("basis", models.CharField(default="threshold", max_length=10)),
                ("direction", models.CharField(default="above", max_length=5)),
                ("window", models.PositiveIntegerField()),
                ("minimum", models.PositiveIntegerField(default=1)),
                ("level", models.FloatField()),
                ("warning", models.FloatField(blank=True, null=True)),
                ("recovery", models.FloatField(blank=True, null=True)),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("low", "Low"),
                            ("medium", "Medium"),
                            ("high", "High"),
                            ("critical", "Critical"),
                        ],
                        default="high",
                        max_length=8,
                    ),
                ),
                ("renotify", models.PositiveIntegerField(default=0)),
                ("tells_no_data", models.BooleanField(default=False)),
                ("opens_incident", models.BooleanField(default=True)),
                ("enabled", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("changed_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("no_data", "No data"),
                            ("ok", "OK"),
                            ("warning", "Warning"),
                            ("alert", "Alert"),
                        ],
                        default="no_data",
                        max_length=8,
                    ),
                ),
                ("since", models.DateTimeField()),
                (
                    "told",
                    models.CharField(
                        choices=[
                            ("no_data", "No data"),
                            ("ok", "OK"),
                            ("warning", "Warning"),
                            ("alert", "Alert"),
                        ],
                        default="ok",
                        max_length=8,
                    ),
                ),
                ("told_at", models.DateTimeField(blank=True, null=True)),
                ("missing_since", models.DateTimeField(blank=True, null=True)),
                ("due_at", models.DateTimeField()),
                ("looked_at", models.DateTimeField(blank=True, null=True)),
                ("value", models.FloatField(blank=True, null=True)),
                ("expected", models.FloatField(blank=True, null=True)),
                ("part", models.FloatField(default=0)),
                ("base", models.PositiveBigIntegerField(default=0)),
                ("lack", models.CharField(blank=True, max_length=5)),
                ("error", models.CharField(blank=True, max_length=300)),
                (
                    "channels",
                    models.ManyToManyField(
                        blank=True, related_name="rules", to="analytics.alertchannel"
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="conversations.incident",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.project",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="alertevent",
            name="rule",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="events",
                to="analytics.alertrule",
            ),
        ),
        migrations.CreateModel(
            name="AlertSilence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("note", models.CharField(blank=True, max_length=200)),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.project",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="silences",
                        to="analytics.alertrule",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="alertchannel",
            constraint=models.UniqueConstraint(
                condition=models.Q(("archived_at", None)),
                fields=("project", "name"),
                name="alert_channel_name_once",
            ),
        ),
        migrations.AddIndex(
            model_name="alertdelivery",
            index=models.Index(
                condition=models.Q(("status", "waiting")),
                fields=["next_at"],
                name="alert_delivery_due",
            ),
        ),
        migrations.AddIndex(
            model_name="alertdelivery",
            index=models.Index(fields=["project", "-id"], name="alert_delivery_newest"),
        ),
        migrations.AddIndex(
            model_name="alertdelivery",
            index=models.Index(fields=["channel", "-id"], name="alert_delivery_of_channel"),
        ),
        migrations.AddIndex(
            model_name="alertrule",
            index=models.Index(
                condition=models.Q(("enabled", True)), fields=["due_at"], name="alert_rule_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="alertrule",
            constraint=models.UniqueConstraint(
                fields=("project", "name"), name="alert_rule_name_once"
            ),
        ),
        migrations.AddIndex(
            model_name="alertevent",
            index=models.Index(fields=["rule", "-id"], name="alert_event_of_rule"),
        ),
        migrations.AddIndex(
            model_name="alertevent",
            index=models.Index(fields=["project", "-id"], name="alert_event_newest"),
        ),
        migrations.AddIndex(
            model_name="alertsilence",
            index=models.Index(fields=["project", "-ends_at"], name="alert_silence_newest"),
        ),
    ]
