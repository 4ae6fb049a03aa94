"""Addresses of signing in, the account and the settings of a project."""

from __future__ import annotations

from django.urls import include, path

from console.accounts.views import account, join, keys, members, projects, sign_in

app_name = "accounts"

_member_urls = [
    path("", members.list_members, name="members"),
    path("invite/", members.add_invitation, name="invitation-add"),
    path("invitations/<int:pk>/revoke/", members.revoke_invitation, name="invitation-revoke"),
    path("<int:pk>/role/", members.change_role, name="member-role"),
    path("<int:pk>/remove/", members.remove_member, name="member-remove"),
]
_key_urls = [
    path("", keys.list_keys, name="keys"),
    path("add/", keys.add_key, name="key-add"),
    path("<int:pk>/revoke/", keys.revoke_key, name="key-revoke"),
]
_settings_urls = [
    path("", projects.show_settings, name="project-settings"),
    path("rename/", projects.rename_project, name="project-rename"),
    path("delete/", projects.delete_project, name="project-delete"),
    path("leave/", projects.leave, name="leave"),
    path("members/", include(_member_urls)),
    path("keys/", include(_key_urls)),
]
urlpatterns = [
    path("sign-in/", sign_in.sign_in, name="sign-in"),
    path("sign-out/", sign_in.sign_out, name="sign-out"),
    path("join/<str:token>/", join.join, name="join"),
    path("account/", account.account, name="account"),
    path("account/password/", account.change_password, name="password"),
    path("account/sessions/", account.end_sessions, name="sessions-end"),
    path("projects/new/", projects.add_project, name="project-add"),
    path("p/<slug:slug>/settings/", include(_settings_urls)),
]
