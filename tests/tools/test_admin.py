"""Tools in the administration: seen by staff of their projects, and never changed there."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from console.lib import json
from tests.factories import (
    client_of,
    make_member,
    make_project,
    make_tool_version,
    make_toolset,
    make_user,
)
from tools_registry.models import ToolVersion

pytestmark = pytest.mark.django_db


@pytest.fixture
def version() -> ToolVersion:
    return make_tool_version()


@pytest.fixture
def root() -> Client:
    return client_of(make_user(is_staff=True, is_superuser=True))


def staff_of(version: ToolVersion | None = None) -> Client:
    user = make_user(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="tools_registry"))
    make_member(version.project if version else make_project(), user=user)
    return client_of(user)


@pytest.mark.parametrize("model", ["tool", "toolversion", "toolset"])
def test_staff_see_their_own_projects_only(model: str, version: ToolVersion) -> None:
    toolset = make_toolset(version)
    pk = {"tool": version.tool_id, "toolversion": version.pk, "toolset": toolset.pk}[model]
    page = reverse(f"admin:tools_registry_{model}_change", args=[pk])
    listing = reverse(f"admin:tools_registry_{model}_changelist")
    mine, other = staff_of(version), staff_of()
    assert mine.get(page).status_code == 200
    assert page in mine.get(listing).content.decode()
    assert other.get(page).status_code == 302
    assert page not in other.get(listing).content.decode()


@pytest.mark.parametrize("model", ["tool", "toolversion", "toolset"])
def test_nothing_is_added_or_deleted_there(model: str, version: ToolVersion, root: Client) -> None:
    toolset = make_toolset(version)
    pk = {"tool": version.tool_id, "toolversion": version.pk, "toolset": toolset.pk}[model]
    assert root.get(reverse(f"admin:tools_registry_{model}_add")).status_code == 403
    address = reverse(f"admin:tools_registry_{model}_delete", args=[pk])
    assert root.post(address, {"post": "yes"}).status_code == 403


def test_of_a_version_only_the_note_is_written(version: ToolVersion, root: Client) -> None:
    address = reverse("admin:tools_registry_toolversion_change", args=[version.pk])
    sent = {"note": "checked", "definition": json.dump({"name": "other"}), "number": 9}
    assert root.post(address, sent).status_code == 302
    stored = ToolVersion.objects.get()
    assert (stored.note, stored.number, stored.definition) == ("checked", 1, version.definition)


def test_a_tool_is_archived_there_too(version: ToolVersion, root: Client) -> None:
    address = reverse("admin:tools_registry_tool_change", args=[version.tool_id])
    sent = {
        "archived_at_0": "2024-02-03",
        "archived_at_1": "02:47:00",
        "versions-TOTAL_FORMS": 0,
        "versions-INITIAL_FORMS": 0,
    }
    assert root.post(address, sent).status_code == 302
    version.tool.refresh_from_db()
    assert version.tool.archived_at is not None
    assert version.tool.name == "get_weather"
