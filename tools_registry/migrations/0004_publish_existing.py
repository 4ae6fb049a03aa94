from django.db import migrations

PUBLISH = """
UPDATE tools_registry_toolversion SET published_at = created_at WHERE origin = 'registered';
INSERT INTO tools_registry_versionevent
  (project_id, version_id, kind, at, by_id, sender, note, reason, overrode)
SELECT project_id, id, 'published', created_at, created_by_id, '', note, '', '[]'
FROM tools_registry_toolversion WHERE origin = 'registered';
"""


class Migration(migrations.Migration):
    dependencies = [("tools_registry", "0003_drafts_and_states")]

    operations = [migrations.RunSQL(PUBLISH, migrations.RunSQL.noop)]
