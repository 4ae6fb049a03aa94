from django.db import migrations, models


class Migration(migrations.Migration):
    """What spoke for publishing a version."""

    dependencies = [
        ("tools_registry", "0008_import_saving"),
    ]

    operations = [
        migrations.AddField(
            model_name="versionevent",
            name="evidence",
            field=models.JSONField(
                blank=True,
                db_default=models.Value([], output_field=models.JSONField()),
                default=list,
            ),
        ),
    ]
