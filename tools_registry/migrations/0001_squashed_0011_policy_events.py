"""Tools, their versions, policies and routers, and the triggers that keep what is published."""

from __future__ import annotations

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import console.lib.fields
from console.lib.creation import CreateModels

GUARD_VERSION = """
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

UNGUARD_VERSION = """
DROP TRIGGER tool_version_immutable ON tools_registry_toolversion;
DROP FUNCTION misfire_guard_tool_version();
"""

GUARD_POLICY = """
CREATE FUNCTION misfire_guard_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'draft' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF current_setting('misfire.purge', true) = 'on' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'policy % cannot be deleted: retire it instead', OLD.id
            USING ERRCODE = 'restrict_violation',
                  HINT = 'Deleting a whole project sets misfire.purge to on first.';
    END IF;
    IF (NEW.id, NEW.project_id, NEW.tool_id, NEW.number, NEW.hash, NEW.document, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.project_id, OLD.tool_id, OLD.number, OLD.hash, OLD.document, OLD.created_at)
       OR NEW.state = 'draft' THEN
        RAISE EXCEPTION 'policy % cannot change: save a new one instead', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER policy_immutable
    BEFORE UPDATE OR DELETE ON tools_registry_policy
    FOR EACH ROW EXECUTE FUNCTION misfire_guard_policy();
"""

UNGUARD_POLICY = """
DROP TRIGGER policy_immutable ON tools_registry_policy;
DROP FUNCTION misfire_guard_policy();
"""

GUARD_ROUTER = """
CREATE FUNCTION misfire_guard_router() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF current_setting('misfire.purge', true) = 'on' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'router version % cannot be deleted: archive the router instead', OLD.id
            USING ERRCODE = 'restrict_violation',
                  HINT = 'Deleting a whole project sets misfire.purge to on first.';
    END IF;
    IF (NEW.id, NEW.project_id, NEW.router_id, NEW.number, NEW.hash, NEW.document, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.project_id, OLD.router_id, OLD.number, OLD.hash, OLD.document, OLD.created_at)
    THEN
        RAISE EXCEPTION 'router version % cannot change: save a new one instead', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER router_version_immutable
    BEFORE UPDATE OR DELETE ON tools_registry_routerversion
    FOR EACH ROW EXECUTE FUNCTION misfire_guard_router();
"""

UNGUARD_ROUTER = """
DROP TRIGGER router_version_immutable ON tools_registry_routerversion;
DROP FUNCTION misfire_guard_router();
"""


class Migration(migrations.Migration):
    replaces = [
        ("tools_registry", "0001_initial"),
        ("tools_registry", "0002_version_immutable"),
        ("tools_registry", "0003_drafts_and_states"),
        ("tools_registry", "0004_publish_existing"),
        ("tools_registry", "0005_policies"),
        ("tools_registry", "0006_imports"),
        ("tools_registry", "0007_routers"),
        ("tools_registry", "0008_import_saving"),
        ("tools_registry", "0009_evidence"),
        ("tools_registry", "0010_tool_hosts"),
        ("tools_registry", "0011_policy_events"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0001_squashed_0003_scope_execute"),
    ]

    operations = [
        CreateModels(
            migrations.CreateModel(
                name="ToolImport",
                fields=[
                    (
                        "id",
                        models.UUIDField(
                            default=uuid.uuid4, editable=False, primary_key=True, serialize=False
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
                        "user",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    (
                        "created_at",
                        models.DateTimeField(db_index=True, default=django.utils.timezone.now),
                    ),
                    (
                        "kind",
                        models.CharField(
                            choices=[
                                ("text", "Text"),
                                ("url", "Address"),
                                ("stdio", "MCP program"),
                                ("http", "MCP server"),
                            ],
                            max_length=10,
                        ),
                    ),
                    ("source", models.CharField(max_length=2000)),
                    ("format", models.CharField(blank=True, max_length=20)),
                    ("variable", models.CharField(blank=True, max_length=200)),
                    ("text", console.lib.fields.RawTextField(blank=True)),
                    (
                        "state",
                        models.CharField(
                            choices=[
                                ("reading", "Reading"),
                                ("ready", "Ready"),
                                ("saving", "Saving"),
                                ("failed", "Failed"),
                                ("cancelled", "Cancelled"),
                                ("saved", "Saved"),
                            ],
                            default="reading",
                            max_length=10,
                        ),
                    ),
                    ("found", models.CharField(blank=True, max_length=20)),
                    ("done", models.PositiveIntegerField(default=0)),
                    ("total", models.PositiveIntegerField(default=0)),
                    ("items", console.lib.fields.RawTextField(default="[]")),
                    ("problem", console.lib.fields.RawTextField(blank=True)),
                    ("line", models.PositiveIntegerField(default=0)),
                    ("column", models.PositiveIntegerField(default=0)),
                    ("lint_note", console.lib.fields.RawTextField(blank=True)),
                    ("wanted", console.lib.fields.RawTextField(default="{}")),
                    ("outcome", models.CharField(blank=True, max_length=300)),
                ],
            ),
            migrations.CreateModel(
                name="Router",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="routers",
                            to="accounts.project",
                        ),
                    ),
                    ("name", models.CharField(max_length=80)),
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                    ("archived_at", models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(fields=("project", "name"), name="router_name_once")
                    ],
                },
            ),
            migrations.CreateModel(
                name="RouterVersion",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
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
                        "router",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="versions",
                            to="tools_registry.router",
                        ),
                    ),
                    ("number", models.PositiveIntegerField()),
                    ("document", console.lib.fields.RawTextField()),
                    ("hash", models.CharField(max_length=64)),
                    ("note", models.CharField(blank=True, max_length=300)),
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
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("router", "number"), name="router_number_once"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="ClassifierAnswer",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
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
                    ("question", models.CharField(max_length=64)),
                    ("scores", console.lib.fields.RawTextField(blank=True)),
                    ("error", models.CharField(blank=True, max_length=300)),
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("project", "question"), name="classifier_answer_once"
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="Tool",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="tools",
                            to="accounts.project",
                        ),
                    ),
                    ("name", models.CharField(max_length=256)),
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                    ("archived_at", models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(fields=("project", "name"), name="tool_name_once")
                    ],
                },
            ),
            migrations.CreateModel(
                name="Policy",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
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
                        "tool",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="policies",
                            to="tools_registry.tool",
                        ),
                    ),
                    ("number", models.PositiveIntegerField()),
                    ("document", console.lib.fields.RawTextField()),
                    ("hash", models.CharField(max_length=64)),
                    (
                        "state",
                        models.CharField(
                            choices=[
                                ("draft", "Draft"),
                                ("published", "Published"),
                                ("retired", "Retired"),
                            ],
                            default="draft",
                            max_length=10,
                        ),
                    ),
                    ("note", models.CharField(blank=True, max_length=300)),
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
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                    ("changed_at", models.DateTimeField(auto_now=True)),
                    (
                        "published_by",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to=settings.AUTH_USER_MODEL,
                        ),
                    ),
                    ("published_at", models.DateTimeField(blank=True, null=True)),
                    ("retired_at", models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(
                            fields=("tool", "number"), name="policy_number_once"
                        ),
                        models.UniqueConstraint(
                            condition=models.Q(("state", "published")),
                            fields=("tool",),
                            name="policy_published_once",
                        ),
                    ],
                },
            ),
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
                        "project",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="+",
                            to="accounts.project",
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
                        "kind",
                        models.CharField(
                            choices=[("published", "Published"), ("retired", "Retired")],
                            max_length=10,
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
                ],
                options={
                    "indexes": [
                        models.Index(fields=["project", "at"], name="policy_event_by_time")
                    ],
                },
            ),
            migrations.CreateModel(
                name="ToolVersion",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
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
                        "tool",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="versions",
                            to="tools_registry.tool",
                        ),
                    ),
                    ("number", models.PositiveIntegerField()),
                    ("hash", models.CharField(max_length=64)),
                    ("definition", console.lib.fields.RawTextField()),
                    (
                        "origin",
                        models.CharField(
                            choices=[("registered", "Registered"), ("observed", "Observed")],
                            default="registered",
                            max_length=10,
                        ),
                    ),
                    ("note", models.CharField(blank=True, max_length=300)),
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
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                    ("first_seen_at", models.DateTimeField(blank=True, null=True)),
                    ("last_seen_at", models.DateTimeField(blank=True, null=True)),
                    ("published_at", models.DateTimeField(blank=True, null=True)),
                    ("retired_at", models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    "indexes": [models.Index(fields=["project", "hash"], name="version_by_hash")],
                    "constraints": [
                        models.UniqueConstraint(fields=("tool", "hash"), name="version_hash_once"),
                        models.UniqueConstraint(
                            fields=("tool", "number"), name="version_number_once"
                        ),
                    ],
                },
            ),
            migrations.CreateModel(
                name="VersionEvent",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
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
                    (
                        "version",
                        models.ForeignKey(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="events",
                            to="tools_registry.toolversion",
                        ),
                    ),
                    (
                        "kind",
                        models.CharField(
                            choices=[("published", "Published"), ("retired", "Retired")],
                            max_length=10,
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
                    ("sender", models.CharField(blank=True, max_length=100)),
                    ("note", models.CharField(blank=True, max_length=300)),
                    ("reason", models.CharField(blank=True, max_length=500)),
                    ("overrode", models.JSONField(blank=True, default=list)),
                    (
                        "evidence",
                        models.JSONField(
                            blank=True,
                            db_default=models.Value([], output_field=models.JSONField()),
                            default=list,
                        ),
                    ),
                ],
                options={
                    "indexes": [
                        models.Index(fields=["project", "at"], name="version_event_by_time")
                    ],
                },
            ),
            migrations.CreateModel(
                name="ToolDraft",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
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
                        "tool",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="drafts",
                            to="tools_registry.tool",
                        ),
                    ),
                    ("name", models.CharField(blank=True, max_length=256)),
                    (
                        "base",
                        models.ForeignKey(
                            blank=True,
                            db_index=False,
                            null=True,
                            on_delete=django.db.models.deletion.SET_NULL,
                            related_name="+",
                            to="tools_registry.toolversion",
                        ),
                    ),
                    ("text", console.lib.fields.RawTextField()),
                    ("note", models.CharField(blank=True, max_length=300)),
                    ("revision", models.PositiveIntegerField(default=1)),
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
                    ("created_at", models.DateTimeField(auto_now_add=True)),
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
                    ("updated_at", models.DateTimeField(default=django.utils.timezone.now)),
                    (
                        "version",
                        models.ForeignKey(
                            blank=True,
                            null=True,
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="drafts",
                            to="tools_registry.toolversion",
                        ),
                    ),
                    ("discarded_at", models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    "indexes": [
                        models.Index(
                            condition=models.Q(("discarded_at", None), ("version", None)),
                            fields=["project", "-updated_at"],
                            name="draft_open",
                        )
                    ],
                },
            ),
            migrations.CreateModel(
                name="LintWord",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
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
                    ("word", models.CharField(max_length=60)),
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
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(fields=("project", "word"), name="lint_word_once")
                    ],
                },
            ),
            migrations.CreateModel(
                name="LintSettings",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                        ),
                    ),
                    (
                        "project",
                        models.OneToOneField(
                            on_delete=django.db.models.deletion.CASCADE,
                            related_name="lint_settings",
                            to="accounts.project",
                        ),
                    ),
                    (
                        "providers",
                        django.contrib.postgres.fields.ArrayField(
                            base_field=models.CharField(max_length=20),
                            blank=True,
                            default=list,
                            size=None,
                        ),
                    ),
                    ("most_tools", models.PositiveIntegerField(default=20)),
                    ("heavy_tool", models.PositiveIntegerField(default=1000)),
                    ("heavy_toolset", models.PositiveIntegerField(default=10000)),
                ],
            ),
            migrations.CreateModel(
                name="Toolset",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
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
                    ("hash", models.CharField(max_length=64)),
                    ("wire", console.lib.fields.RawTextField()),
                    (
                        "versions",
                        django.contrib.postgres.fields.ArrayField(
                            base_field=models.BigIntegerField(), size=None
                        ),
                    ),
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(fields=("project", "hash"), name="toolset_once")
                    ],
                },
            ),
            migrations.CreateModel(
                name="ToolHost",
                fields=[
                    (
                        "id",
                        models.BigAutoField(
                            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
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
                    ("host", models.CharField(max_length=300)),
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
                    ("created_at", models.DateTimeField(auto_now_add=True)),
                ],
                options={
                    "constraints": [
                        models.UniqueConstraint(fields=("project", "host"), name="tool_host_once")
                    ],
                },
            ),
        ),
        migrations.RunSQL(GUARD_VERSION, UNGUARD_VERSION),
        migrations.RunSQL(GUARD_POLICY, UNGUARD_POLICY),
        migrations.RunSQL(GUARD_ROUTER, UNGUARD_ROUTER),
    ]
