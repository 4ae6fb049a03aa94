from django.db import migrations

GUARD = """
CREATE FUNCTION misfire_guard_tool_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF current_setting('misfire.purge', true) = 'on' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'tool version % cannot be deleted: archive its tool instead', OLD.id
            USING ERRCODE = 'restrict_violation',
                  HINT = 'Deleting a whole project sets misfire.purge to on first.';
    END IF;
    IF (NEW.id, NEW.project_id, NEW.tool_id, NEW.number, NEW.hash, NEW.definition, NEW.origin,
        NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.project_id, OLD.tool_id, OLD.number, OLD.hash, OLD.definition, OLD.origin,
        OLD.created_at)
       OR (NEW.created_by_id IS NOT NULL
           AND NEW.created_by_id IS DISTINCT FROM OLD.created_by_id) THEN
        RAISE EXCEPTION 'tool version % cannot change: save a new version instead', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tool_version_immutable
    BEFORE UPDATE OR DELETE ON tools_registry_toolversion
    FOR EACH ROW EXECUTE FUNCTION misfire_guard_tool_version();
"""

UNGUARD = """
DROP TRIGGER tool_version_immutable ON tools_registry_toolversion;
DROP FUNCTION misfire_guard_tool_version();
"""


class Migration(migrations.Migration):
    dependencies = [("tools_registry", "0001_initial")]

    operations = [migrations.RunSQL(GUARD, UNGUARD)]
