from django.db import migrations, models


class Migration(migrations.Migration):
    """What is counted by day stands in the index that is read by time."""

    dependencies = [("conversations", "0007_backtests")]

    operations = [
        migrations.RemoveIndex(model_name="turn", name="turn_newest"),
        migrations.AddIndex(
            model_name="turn",
            index=models.Index(fields=["project", "-id"], include=["toolset"], name="turn_newest"),
        ),
        migrations.RemoveIndex(model_name="toolcall", name="call_newest"),
        migrations.AddIndex(
            model_name="toolcall",
            index=models.Index(
                fields=["project", "-id"], include=["tool_version", "verdict"], name="call_newest"
            ),
        ),
    ]
