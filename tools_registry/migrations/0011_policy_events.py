import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

FILL = """
INSERT INTO tools_registry_policyevent (project_id, policy_id, kind, at, by_id)
SELECT project_id, id, 'published', published_at, published_by_id
FROM tools_registry_policy WHERE published_at IS NOT NULL
UNION ALL
SELECT project_id, id, 'retired', retired_at, NULL
FROM tools_registry_policy p WHERE state = 'retired' AND retired_at IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM tools_registry_policy o WHERE o.tool_id = p.tool_id AND o.published_at = p.retired_at
)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_user_sessions_ended"),
        ("tools_registry", "0010_tool_hosts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PolicyEvent",
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
                        choices=[("published", "Published"), ("retired", "Retired")], max_length=10
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="tools_registry.policy",
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
                "indexes": [models.Index(fields=["project", "at"], name="policy_event_by_time")],
            },
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
