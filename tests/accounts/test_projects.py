"""Projects: made, renamed, deleted with all that is in them, left."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone

from console.accounts.models import Member, Project
from console.accounts.projects import delete_project
from conversations.incidents.opening import open_incident
from conversations.incidents.postmortem.documents import begin
from conversations.incidents.postmortem.records import PostMortem
from conversations.incidents.records import IncidentEvent
from tests import factories
from tests.alerts.making import make_channel, make_rule
from tests.factories import client_of, make_member, make_people, make_project, make_user

pytestmark = pytest.mark.django_db


def settings_of(project: Project, page: str = "") -> str:
    return f"/p/{project.slug}/settings/{page}"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Checkout", "checkout"),
        ("Über uns!", "uber-uns"),
        ("天気", "project"),
        ("x" * 99, "x" * 40),
    ],
)
def test_an_admin_of_a_project_makes_another(name: str, slug: str) -> None:
    user = make_member().user
    response = client_of(user).post("/projects/new/", {"name": name})
    assert response["Location"] == f"/p/{slug}/"
    member = Member.objects.get(project__slug=slug)
    assert (member.user, member.role, member.project.name) == (user, "admin", name)


def test_a_taken_address_gets_a_number() -> None:
    client = client_of(make_user(is_superuser=True))
    for expected in ("weather", "weather-2", "weather-3"):
        assert client.post("/projects/new/", {"name": "Weather"})["Location"] == f"/p/{expected}/"


@pytest.mark.parametrize("role", ["viewer", "responder", "engineer"])
def test_others_make_none(role: str) -> None:
    client = client_of(make_member(role=role))
    assert client.post("/projects/new/", {"name": "Mine"}).status_code == 403
    assert b"New project" not in client.get("/account/").content
    assert not Project.objects.filter(name="Mine").exists()


def test_a_project_is_renamed_and_keeps_its_address() -> None:
    people = make_people()
    client = client_of(people.alice)
    client.post(settings_of(people.project, "rename/"), {"name": "New name"})
    page = client.get(settings_of(people.project))
    assert b"New name" in page.content
    assert client.post(settings_of(people.project, "rename/"), {"name": " "}).status_code == 422


def test_a_viewer_sees_the_settings_without_the_forms_of_admins() -> None:
    people = make_people()
    page = client_of(people.vera).get(settings_of(people.project)).content
    assert b"Leave the project" in page
    assert b"Delete the project" not in page
    assert b"API keys" not in page


def fill(project: Project) -> None:
    """Something of every kind, each row with the rows that belong to it."""
    version = factories.make_tool_version(project)
    toolset = factories.make_toolset(version)
    connection = factories.make_connection(project)
    conversation = factories.make_conversation(project)
    turn = factories.make_turn(conversation, toolset=toolset, connection=connection)
    factories.make_call(turn, tool_version=version)
    factories.make_run(project, conversation=conversation, connection=connection)
    factories.make_key(project)
    factories.make_invitation(project)


def count_rows(project: Project) -> int:
    return sum(
        model._base_manager.filter(project=project).count()
        for model in apps.get_models()
        if any(field.name == "project" for field in model._meta.concrete_fields)
    )


def test_deleting_takes_all_of_the_project_and_nothing_else() -> None:
    people = make_people()
    fill(people.project)
    fill(people.charlie.project)
    kept = count_rows(people.charlie.project)
    assert count_rows(people.project) >= 12
    client = client_of(people.alice)
    response = client.post(
        settings_of(people.project, "delete/"), {"typed": people.project.name}, follow=True
    )
    assert b"were deleted" in response.content
    assert not Project.objects.filter(pk=people.project.pk).exists()
    assert count_rows(people.project) == 0
    assert count_rows(people.charlie.project) == kept
    assert client.get(settings_of(people.project)).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_deleting_takes_what_belongs_to_the_project_through_others() -> None:
    rule = make_rule(make_project())
    rule.channels.add(make_channel(rule.project))
    incident = open_incident(rule.project, title="Calls fail", since=timezone.now())
    begin(incident, None)
    delete_project(rule.project)
    for model in (type(rule).channels.through, IncidentEvent, PostMortem):
        assert not model._default_manager.exists()


def test_a_wrong_name_deletes_nothing() -> None:
    people = make_people()
    response = client_of(people.alice).post(settings_of(people.project, "delete/"), {"typed": "x"})
    assert response.status_code == 422
    assert b"Nothing was deleted" in response.content
    assert Project.objects.filter(pk=people.project.pk).exists()


def test_a_member_leaves() -> None:
    people = make_people()
    client = client_of(people.vera)
    assert client.post(settings_of(people.project, "leave/")).status_code == 302
    assert client.get(settings_of(people.project)).status_code == 404


def test_the_last_admin_stays() -> None:
    people = make_people()
    client = client_of(people.alice)
    page = client.post(settings_of(people.project, "leave/"), follow=True)
    assert b"You are the last admin" in page.content
    make_member(people.project, "admin")
    client.post(settings_of(people.project, "leave/"))
    assert not Member.objects.filter(pk=people.alice.pk).exists()


def test_a_hostile_name_is_shown_as_text() -> None:
    project = make_project('<script>alert("x")</script>')
    page = client_of(make_member(project)).get(settings_of(project)).content
    assert b"<script>alert" not in page
    assert b"&lt;script&gt;alert" in page


def test_a_stranger_makes_none(client: Client) -> None:
    assert client.post("/projects/new/", {"name": "Mine"}).status_code == 302
    assert not Project.objects.exists()
