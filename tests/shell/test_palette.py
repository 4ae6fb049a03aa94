"""The palette lists what its reader may open, and nothing of other projects."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console import docs
from tests import factories

pytestmark = pytest.mark.django_db


def labels(client: Client, url: str, kind: str) -> list[str]:
    entries: list[dict[str, Any]] = client.get(url).json()["entries"]
    return [entry["label"] for entry in entries if entry["kind"] == kind]


def test_it_lists_tools_of_this_project_only() -> None:
    people = factories.make_people()
    factories.make_tool(people.project, "get_weather")
    factories.make_tool(people.charlie.project, "launch_rocket")
    url = f"/p/{people.project.slug}/palette.json"
    assert labels(factories.client_of(people.vera), url, "Tool") == ["get_weather"]


def test_it_leaves_out_archived_tools() -> None:
    people = factories.make_people()
    tool = factories.make_tool(people.project, "old")
    tool.archived_at = timezone.now()
    tool.save()
    url = f"/p/{people.project.slug}/palette.json"
    assert labels(factories.client_of(people.vera), url, "Tool") == []


def test_it_refuses_a_member_of_another_project() -> None:
    people = factories.make_people()
    client = factories.client_of(people.charlie)
    assert client.get(f"/p/{people.project.slug}/palette.json").status_code == 404


def test_it_lists_pages_docs_and_the_reader_s_other_projects() -> None:
    people = factories.make_people()
    other = factories.make_member(role="viewer", user=people.vera.user)
    client = factories.client_of(people.vera)
    url = f"/p/{people.project.slug}/palette.json"
    assert labels(client, url, "Project") == [other.project.name]
    assert "Playground" in labels(client, url, "Page")
    assert labels(client, url, "Docs") == [doc.title for doc in docs.all_docs()]


def test_every_entry_opens() -> None:
    people = factories.make_people()
    factories.make_tool_version(people.project)
    client = factories.client_of(people.alice)
    for entry in client.get(f"/p/{people.project.slug}/palette.json").json()["entries"]:
        assert client.get(entry["url"], follow=True).status_code == 200, entry


def test_somebody_without_a_project_gets_docs_and_account() -> None:
    client = factories.client_of(factories.make_user())
    assert labels(client, "/palette.json", "Page") == ["Docs", "Account"]
    assert labels(client, "/palette.json", "Tool") == []
