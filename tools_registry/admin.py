"""Tools in Django's administration: to look things up and to write notes.

Staff see the projects that they are members of, superusers all. Definitions do not change
here: the database refuses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from console.accounts.models import User
from tools_registry.models import (
    LintSettings,
    LintWord,
    Tool,
    ToolDraft,
    Toolset,
    ToolVersion,
    VersionEvent,
)

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    ModelAdmin, TabularInline = admin.ModelAdmin, admin.TabularInline


class OwnProjects:
    """Rows of other projects do not exist for staff who are no members there."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows: QuerySet[Model] = super().get_queryset(request)  # type: ignore[misc]
        user = request.user
        if isinstance(user, User) and not user.is_superuser:
            rows = rows.filter(project__members=user)
        return rows

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class VersionInline(OwnProjects, TabularInline):
    model = ToolVersion
    fields = readonly_fields = (
        "number",
        "state",
        "origin",
        "hash",
        "note",
        "created_by",
        "created_at",
    )
    ordering = ("-number",)
    show_change_link = True
    extra = 0


@admin.register(Tool)
class ToolAdmin(OwnProjects, ModelAdmin):
    list_display = ("name", "project", "created_at", "archived_at")
    list_filter = (("archived_at", admin.EmptyFieldListFilter),)
    search_fields = ("name",)
    readonly_fields = ("project", "name", "created_at")
    inlines = (VersionInline,)


@admin.register(ToolVersion)
class ToolVersionAdmin(OwnProjects, ModelAdmin):
    """Only the note can be written; publishing and retiring is done on the tool's pages."""

    list_display = (
        "tool",
        "number",
        "state",
        "origin",
        "project",
        "created_by",
        "created_at",
        "note",
    )
    list_filter = ("origin",)
    list_select_related = ("tool", "project", "created_by")
    search_fields = ("tool__name", "hash", "note")
    readonly_fields = tuple(
        field.name for field in ToolVersion._meta.fields if field.name not in ("id", "note")
    )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.save(update_fields=["note"])


class ReadOnly(OwnProjects, ModelAdmin):
    """To look things up: what changes them is on the pages."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(VersionEvent)
class VersionEventAdmin(ReadOnly):
    list_display = ("version", "kind", "at", "by", "sender", "note", "reason")
    list_filter = ("kind",)
    list_select_related = ("version__tool", "by")
    search_fields = ("version__tool__name", "note", "reason")


@admin.register(ToolDraft)
class ToolDraftAdmin(ReadOnly):
    list_display = ("pk", "name", "project", "updated_by", "updated_at", "version", "discarded_at")
    list_select_related = ("project", "updated_by", "version__tool")
    search_fields = ("name", "note")


@admin.register(LintWord)
class LintWordAdmin(ReadOnly):
    list_display = ("word", "project", "created_by", "created_at")
    list_select_related = ("project", "created_by")
    search_fields = ("word",)


@admin.register(LintSettings)
class LintSettingsAdmin(ReadOnly):
    list_display = ("project", "providers", "most_tools", "heavy_tool", "heavy_toolset")
    list_select_related = ("project",)


@admin.register(Toolset)
class ToolsetAdmin(OwnProjects, ModelAdmin):
    list_display = ("hash", "project", "size", "created_at")
    search_fields = ("hash",)
    readonly_fields = ("project", "hash", "wire", "versions", "created_at")

    @admin.display(description="tools")
    def size(self, toolset: Toolset) -> int:
        return len(toolset.versions)
