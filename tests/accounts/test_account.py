"""The account page: name, e-mail, password, sessions."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.factories import PASSWORD, client_of, make_member, make_people, make_user

pytestmark = pytest.mark.django_db
NEW = "another long passphrase"


def test_it_works() -> None:
    people = make_people()
    page = client_of(people.alice).get("/account/").content.decode()
    assert people.alice.user.email in page
    assert people.project.name in page
    assert people.charlie.project.name not in page


def test_the_name_is_changed_without_a_password() -> None:
    user = make_user(name="Old")
    response = client_of(user).post("/account/", {"name": "New", "email": user.email})
    assert response.status_code == 302
    user.refresh_from_db()
    assert user.name == "New"


def test_a_new_e_mail_needs_the_password() -> None:
    user = make_user(name="N")
    client, form = client_of(user), {"name": "N", "email": "New@example.com"}
    assert client.post("/account/", form).status_code == 422
    assert client.post("/account/", {**form, "password": "wrong"}).status_code == 422
    assert client.post("/account/", {**form, "password": PASSWORD}).status_code == 302
    user.refresh_from_db()
    assert user.email == "new@example.com"


def test_an_e_mail_of_somebody_else_is_refused() -> None:
    user, other = make_user(name="N"), make_user()
    response = client_of(user).post(
        "/account/", {"name": "N", "email": other.email.upper(), "password": PASSWORD}
    )
    assert response.status_code == 422
    assert b"Another account has this e-mail." in response.content


def change(client: Client, **fields: str) -> int:
    form = {"password": PASSWORD, "new_password": NEW, "repeated": NEW} | fields
    return client.post("/account/password/", form).status_code


def test_a_new_password_ends_the_other_sessions_only() -> None:
    user = make_user()
    here, there = client_of(user), client_of(user)
    assert change(here) == 302
    assert here.get("/account/").status_code == 200
    assert there.get("/account/").status_code == 302
    user.refresh_from_db()
    assert user.check_password(NEW)


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "wrong"},
        {"repeated": "something else"},
        {"new_password": "password1234", "repeated": "password1234"},
        {"new_password": "", "repeated": ""},
    ],
)
def test_a_bad_password_changes_nothing(fields: dict[str, str]) -> None:
    user = make_user()
    assert change(client_of(user), **fields) == 422
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_sessions_elsewhere_are_ended() -> None:
    user = make_user()
    here, there, other = client_of(user), client_of(user), client_of(make_user())
    assert here.post("/account/sessions/").status_code == 302
    assert here.get("/account/").status_code == 200
    assert there.get("/account/").status_code == 302
    assert other.get("/account/").status_code == 200


def test_a_deactivated_user_is_out_at_once() -> None:
    member = make_member()
    client = client_of(member)
    member.user.is_active = False
    member.user.save()
    assert client.get("/account/").status_code == 302
    assert client.get(f"/p/{member.project.slug}/settings/").status_code == 302
