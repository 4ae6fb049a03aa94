"""Members: their roles, their removal, and the links that invite more."""

from __future__ import annotations

import re
import threading

import pytest
from django.db import connection
from django.test import Client

from console.accounts import members
from console.accounts.models import Invitation, Member, Project, hash_token
from tests.factories import PASSWORD, client_of, make_invitation, make_member, make_people

pytestmark = pytest.mark.django_db


def members_of(project: Project, page: str = "") -> str:
    return f"/p/{project.slug}/settings/members/{page}"


def test_everybody_sees_who_is_in_the_project() -> None:
    people = make_people()
    page = client_of(people.vera).get(members_of(people.project)).content.decode()
    for member in people.by_role.values():
        assert member.user.email in page
    assert people.charlie.user.email not in page
    assert "Invite somebody" not in page


def test_an_admin_changes_a_role() -> None:
    people = make_people()
    path = members_of(people.project, f"{people.vera.pk}/role/")
    page = client_of(people.alice).post(path, {"role": "engineer"}, follow=True)
    assert b"Vera is now engineer." in page.content
    people.vera.refresh_from_db()
    assert people.vera.role == "engineer"


def test_an_unknown_role_is_refused() -> None:
    people = make_people()
    path = members_of(people.project, f"{people.vera.pk}/role/")
    page = client_of(people.alice).post(path, {"role": "owner"}, follow=True)
    assert b"Choose one of the roles" in page.content


@pytest.mark.parametrize("page", ["role", "remove"])
def test_the_last_admin_stays_admin(page: str) -> None:
    people = make_people()
    gone = make_member(people.project, "admin")
    gone.user.is_active = False
    gone.user.save()
    path = members_of(people.project, f"{people.alice.pk}/{page}/")
    answer = client_of(people.alice).post(path, {"role": "viewer"}, follow=True)
    assert b"The project needs an admin." in answer.content
    people.alice.refresh_from_db()
    assert people.alice.role == "admin"


def test_a_removed_member_is_out_at_once() -> None:
    people = make_people()
    bob = client_of(people.bob)
    client_of(people.alice).post(members_of(people.project, f"{people.bob.pk}/remove/"))
    assert bob.get(members_of(people.project)).status_code == 404


def test_a_member_of_another_project_is_not_touched() -> None:
    people = make_people()
    path = members_of(people.project, f"{people.charlie.pk}/remove/")
    assert client_of(people.alice).post(path).status_code == 404
    assert Member.objects.filter(pk=people.charlie.pk).exists()


def test_an_invitation_is_shown_once_and_works() -> None:
    people = make_people()
    alice = client_of(people.alice)
    form = {"email": "New@example.com", "role": "responder"}
    response = alice.post(members_of(people.project, "invite/"), form)
    assert "no-store" in response["Cache-Control"]
    found = re.search(r"http://testserver(/join/([\w-]+)/)", response.content.decode())
    assert found
    invitation = Invitation.objects.get()
    assert invitation.token_hash == hash_token(found[2])
    assert (invitation.email, invitation.invited_by) == ("new@example.com", people.alice.user)
    listed = alice.get(members_of(people.project)).content.decode()
    assert "new@example.com" in listed
    assert found[2] not in listed
    joined = {"name": "New", "new_password": PASSWORD, "repeated": PASSWORD}
    assert Client().post(found[1], joined).status_code == 302
    assert Member.objects.get(user__email="new@example.com").role == "responder"
    assert b"No open invitation" in alice.get(members_of(people.project)).content


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"email": "x", "role": "viewer"}, "Enter a valid email address."),
        ({"email": "", "role": "owner"}, "Select a valid choice."),
    ],
)
def test_a_bad_invitation_is_refused(form: dict[str, str], said: str) -> None:
    people = make_people()
    response = client_of(people.alice).post(members_of(people.project, "invite/"), form)
    assert response.status_code == 422
    assert said in response.content.decode()


def test_who_is_a_member_is_not_invited() -> None:
    people = make_people()
    form = {"email": people.bob.user.email, "role": "viewer"}
    response = client_of(people.alice).post(members_of(people.project, "invite/"), form)
    assert b"is a member already" in response.content
    assert not Invitation.objects.exists()


def test_a_revoked_link_opens_nothing() -> None:
    people = make_people()
    invitation, token = make_invitation(people.project)
    path = members_of(people.project, f"invitations/{invitation.pk}/revoke/")
    client_of(people.alice).post(path)
    assert Client().get(f"/join/{token}/").status_code == 410


@pytest.mark.django_db(transaction=True)
def test_two_admins_cannot_both_leave_at_one_moment() -> None:
    people = make_people()
    admins = [people.alice, make_member(people.project, "admin")]
    barrier, outcomes = threading.Barrier(2), []

    def leave(member: Member) -> None:
        barrier.wait()
        try:
            members.remove(member)
            outcomes.append("left")
        except members.LastAdmin:
            outcomes.append("stayed")
        finally:
            connection.close()

    threads = [threading.Thread(target=leave, args=[admin]) for admin in admins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["left", "stayed"]
