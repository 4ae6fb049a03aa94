"""One-time links: the first administrator's, a new member's, and an existing user's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from console.accounts import invitations
from console.accounts.invitations import InvitationOver, first_admin_link
from console.accounts.models import Invitation, Member, Project, User
from tests.factories import (
    PASSWORD,
    client_of,
    make_invitation,
    make_member,
    make_people,
    make_project,
    make_user,
)

pytestmark = pytest.mark.django_db
BASE = "http://localhost:8000"
FORM = {
    "name": "Ada Lovelace",
    "email": "Ada@Example.com",
    "new_password": PASSWORD,
    "repeated": PASSWORD,
}


def first_path() -> str:
    link = first_admin_link(BASE + "/")
    assert link is not None
    assert link.startswith(f"{BASE}/join/")
    return link.removeprefix(BASE)


def test_it_works(client: Client) -> None:
    path = first_path()
    assert b"Set up Misfire" in client.get(path).content
    response = client.post(path, {**FORM, "project_name": "Checkout"})
    assert response.status_code == 302
    assert response["Location"] == "/p/checkout/"
    member = Member.objects.get()
    assert (member.user.email, member.user.name) == ("ada@example.com", "Ada Lovelace")
    assert member.role == "admin"
    assert member.user.is_superuser
    assert member.user.check_password(PASSWORD)
    assert client.get("/account/").status_code == 200


def test_there_is_no_first_link_once_somebody_is_there() -> None:
    make_user()
    assert first_admin_link(BASE) is None


def test_a_new_first_link_voids_the_one_before(client: Client) -> None:
    earlier, later = first_path(), first_path()
    response = client.get(earlier)
    assert response.status_code == 410
    assert b"has expired" in response.content
    assert client.get(later).status_code == 200


def test_a_first_link_is_of_no_use_when_somebody_is_there(client: Client) -> None:
    path = first_path()
    make_user()
    response = client.post(path, {**FORM, "project_name": "Default"})
    assert response.status_code == 410
    assert not Project.objects.exists()


def test_a_link_works_once(client: Client) -> None:
    path = first_path()
    assert client.post(path, {**FORM, "project_name": "Default"}).status_code == 302
    response = Client().get(path)
    assert response.status_code == 410
    assert b"was used already" in response.content


@pytest.mark.parametrize("token", ["x", "a" * 300, "%00"])
def test_an_unknown_link_says_so(client: Client, token: str) -> None:
    response = client.get(f"/join/{token}/")
    assert response.status_code == 404
    assert b"This link is not known" in response.content


def test_an_expired_link_says_so(client: Client) -> None:
    invitation, token = make_invitation(make_project())
    Invitation.objects.filter(pk=invitation.pk).update(expires_at=timezone.now() - timedelta(1))
    response = client.post(f"/join/{token}/", FORM)
    assert response.status_code == 410
    assert not User.objects.exists()


def test_the_address_leaks_to_nobody(client: Client) -> None:
    response = client.get(first_path())
    assert response["Referrer-Policy"] == "strict-origin"
    assert "no-store" in response["Cache-Control"]


def test_a_new_user_joins_a_project(client: Client) -> None:
    project = make_project()
    make_member(project)
    _, token = make_invitation(project, "responder")
    response = client.post(f"/join/{token}/", FORM)
    assert response["Location"] == f"/p/{project.slug}/"
    member = Member.objects.get(user__email="ada@example.com")
    assert (member.project, member.role) == (project, "responder")
    assert not member.user.is_staff


def test_the_invited_address_is_fixed(client: Client) -> None:
    _, token = make_invitation(make_project(), email="invited@example.com")
    client.post(f"/join/{token}/", FORM)
    assert User.objects.get().email == "invited@example.com"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"email": "nonsense"}, "Enter a valid email address."),
        ({"new_password": "short", "repeated": "short"}, "too short"),
        ({"new_password": "ada@example.com1", "repeated": "ada@example.com1"}, "too similar"),
        ({"repeated": "another passphrase"}, "The two passwords differ."),
        ({"email": "taken@example.com"}, "An account has this e-mail."),
    ],
)
def test_bad_input_is_refused_at_its_field(
    client: Client, changed: dict[str, str], said: str
) -> None:
    make_user("taken@example.com")
    _, token = make_invitation(make_project())
    response = client.post(f"/join/{token}/", FORM | changed)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert b'aria-invalid="true"' in response.content
    assert Invitation.objects.get().is_open


def test_somebody_signed_in_accepts_with_one_click() -> None:
    people = make_people()
    _, token = make_invitation(people.project, "viewer")
    client = client_of(people.charlie)
    assert b"Join as viewer" in client.get(f"/join/{token}/").content
    assert not Member.objects.filter(project=people.project, user=people.charlie.user).exists()
    assert client.post(f"/join/{token}/")["Location"] == f"/p/{people.project.slug}/"
    assert Member.objects.get(project=people.project, user=people.charlie.user).role == "viewer"
    assert client.post(f"/join/{token}/").status_code == 410


def test_a_member_already_does_not_use_the_link_up() -> None:
    people = make_people()
    _, token = make_invitation(people.project, "admin")
    response = client_of(people.vera).post(f"/join/{token}/")
    assert response["Location"] == f"/p/{people.project.slug}/"
    people.vera.refresh_from_db()
    assert people.vera.role == "viewer"
    assert Invitation.objects.get().is_open


def test_an_invitation_for_somebody_else_is_refused() -> None:
    people = make_people()
    _, token = make_invitation(people.project, email="other@example.com")
    response = client_of(people.charlie).post(f"/join/{token}/")
    assert response.status_code == 403
    assert b"for somebody else" in response.content
    assert Invitation.objects.get().is_open


def test_an_invited_user_with_an_account_is_sent_to_sign_in(client: Client) -> None:
    user = make_user()
    _, token = make_invitation(make_project(), email=user.email)
    response = client.get(f"/join/{token}/")
    assert f"/sign-in/?next=/join/{token}/".encode() in response.content
    assert b"new_password" not in response.content


def test_two_projects_of_one_name_get_two_addresses() -> None:
    make_project("Default", "default")
    path = first_path()
    Client().post(path, {**FORM, "project_name": "Default"})
    assert set(Project.objects.values_list("slug", flat=True)) == {"default", "default-2"}


@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_one_joins() -> None:
    invitation, _ = make_invitation(make_project())
    barrier, outcomes = threading.Barrier(2), []

    def join(email: str) -> None:
        barrier.wait()
        try:
            invitations.join(invitation, name="N", email=email, password=PASSWORD)
            outcomes.append("joined")
        except InvitationOver as over:
            outcomes.append(over.reason)
        finally:
            connection.close()

    _together(lambda: join("one@example.com"), lambda: join("two@example.com"))
    assert sorted(outcomes) == ["joined", "used"]
    assert User.objects.count() == Member.objects.count() == 1


def _together(*acts: Callable[[], None]) -> None:
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
