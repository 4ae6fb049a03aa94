"""Django's administration of users, projects and memberships: for superusers only.

Signing in happens at the console's own, throttled page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangosUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from console.accounts.models import Member, Project, User

if TYPE_CHECKING:
    UserModelAdmin = DjangosUserAdmin[User]
    ProjectModelAdmin = admin.ModelAdmin[Project]
    MemberModelAdmin = admin.ModelAdmin[Member]
    UserCreationForm = AdminUserCreationForm[User]
else:
    UserModelAdmin = DjangosUserAdmin
    ProjectModelAdmin = MemberModelAdmin = admin.ModelAdmin
    UserCreationForm = AdminUserCreationForm


class SuperusersOnly:
    """No permission of Django's opens these: whoever edits members may enter any project."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


class NewUserForm(UserCreationForm):
    class Meta:
        model = User
        fields = ("email", "name")


@admin.register(User)
class UserAdmin(SuperusersOnly, UserModelAdmin):
    """The key icon beside the password sets a new one, for whoever forgot theirs."""

    add_form = NewUserForm
    list_display = ("email", "name", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email", "name")
    ordering = ("email",)
    filter_horizontal = ("groups", "user_permissions")
    readonly_fields = ("last_login", "created_at")
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        (
            "Administration",
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        ("Times", {"fields": ("last_login", "created_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "name", "usable_password", "password1", "password2")}),
    )


class MembersInline(SuperusersOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = Member
    extra = 1
    autocomplete_fields = ("user",)


@admin.register(Project)
class ProjectAdmin(SuperusersOnly, ProjectModelAdmin):
    """A project is deleted in its own settings, where its name has to be typed."""

    list_display = ("name", "slug", "created_at")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (MembersInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Member)
class MemberAdmin(SuperusersOnly, MemberModelAdmin):
    list_display = ("user", "project", "role", "created_at")
    list_filter = ("role", "project")
    search_fields = ("user__email", "user__name", "project__name")
    autocomplete_fields = ("user", "project")


def sign_in_to_admin(
    request: HttpRequest, extra_context: dict[str, Any] | None = None
) -> HttpResponse:
    """In place of Django's own page, which counts no attempts."""
    index = request.GET.get("next") or "/admin/"
    if not request.user.is_authenticated:
        return redirect_to_login(index)
    if not admin.site.has_permission(request):
        raise PermissionDenied("the administration is for staff")
    return redirect("admin:index")


admin.site.login = sign_in_to_admin  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "Misfire administration"
admin.site.index_title = "What the console stores"
