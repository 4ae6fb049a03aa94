import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import console.lib.fields
import console.lib.uuid7


class Migration(migrations.Migration):
    """Suites with their cases, and post-mortems with their history."""

    dependencies = [
        ("accounts", "0002_user_sessions_ended"),
        ("conversations", "0010_incidents"),
    ]

    operations = [
        migrations.CreateModel(
            name="PostMortem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("text", console.lib.fields.RawTextField()),
                ("revision", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "incident",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="post_mortem",
                        to="conversations.incident",
                    ),
                ),
                (
                    "updated_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Suite",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("description", models.CharField(blank=True, max_length=500)),
                ("case_count", models.PositiveIntegerField(default=0)),
                ("next_number", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
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
                        related_name="suites",
                        to="accounts.project",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SuiteCase",
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
                ("number", models.PositiveIntegerField()),
                ("position", models.PositiveIntegerField()),
                ("key", models.CharField(blank=True, max_length=300)),
                ("title", console.lib.fields.RawTextField(blank=True)),
                ("messages", console.lib.fields.RawTextField()),
                ("tools", console.lib.fields.RawTextField(default="[]")),
                ("parameters", console.lib.fields.RawTextField(default="{}")),
                ("expectation", console.lib.fields.RawTextField(blank=True)),
                ("recorded", console.lib.fields.RawTextField(blank=True)),
                ("note", models.CharField(blank=True, max_length=500)),
                (
                    "origin",
                    models.CharField(
                        choices=[
                            ("turn", "Turn"),
                            ("incident", "Incident"),
                            ("filter", "Filter"),
                            ("replay", "Replay"),
                            ("file", "File"),
                            ("hand", "Hand"),
                            ("api", "Api"),
                        ],
                        default="hand",
                        max_length=10,
                    ),
                ),
                ("source", models.CharField(blank=True, max_length=300)),
                ("turn", models.UUIDField(blank=True, null=True)),
                ("user", models.CharField(blank=True, max_length=300)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "suite",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cases",
                        to="conversations.suite",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PostMortemVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("revision", models.PositiveIntegerField()),
                ("text", console.lib.fields.RawTextField()),
                ("begun_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("saved_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="conversations.postmortem",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("document", "number"), name="post_mortem_version_once"
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="suite",
            constraint=models.UniqueConstraint(fields=("project", "name"), name="suite_name_once"),
        ),
        migrations.AddIndex(
            model_name="suitecase",
            index=models.Index(fields=["suite", "position", "number"], name="suite_case_in_order"),
        ),
        migrations.AddIndex(
            model_name="suitecase",
            index=models.Index(
                condition=models.Q(("user", ""), _negated=True),
                fields=["user"],
                name="suite_case_of_user",
            ),
        ),
        migrations.AddConstraint(
            model_name="suitecase",
            constraint=models.UniqueConstraint(
                fields=("suite", "number"), name="suite_case_number_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="suitecase",
            constraint=models.UniqueConstraint(
                condition=models.Q(("key", ""), _negated=True),
                fields=("suite", "key"),
                name="suite_case_key_once",
            ),
        ),
    ]
