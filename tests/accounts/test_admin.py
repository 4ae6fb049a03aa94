"""Django's administration: its door, and who sees accounts there."""

from __future__ import annotations

import pytest
from django.test import Client

from console.accounts.models import User
from tests.factories import PASSWORD, client_of, make_people, make_user

pytestmark = pytest.mark.django_db


def test_its_door_is_our_sign_in_page(client: Client) -> None:
    response = client.get("/admin/", follow=True)
    assert response.redirect_chain[-1][0] == "/sign-in/?next=/admin/"
    assert client.post("/admin/login/", {"username": "a", "password": "b"})["Location"].startswith(
        "/sign-in/"
    )


def test_it_is_for_staff() -> None:
    people = make_people()
    assert client_of(people.alice).get("/admin/", follow=True).status_code == 403
    assert client_of(make_user(is_staff=True)).get("/admin/").status_code == 200


def test_staff_see_no_accounts() -> None:
    client = client_of(make_user(is_staff=True))
    assert client.get("/admin/accounts/user/").status_code == 403
    assert b"/admin/accounts/" not in client.get("/admin/").content


@pytest.mark.parametrize("model", ["user", "project", "member"])
def test_a_superuser_sees_and_edits_accounts(model: str) -> None:
    people = make_people()
    client = client_of(make_user(is_staff=True, is_superuser=True))
    rows = {"user": people.bob.user, "project": people.project, "member": people.bob}
    assert client.get(f"/admin/accounts/{model}/?q=b").status_code == 200
    assert client.get(f"/admin/accounts/{model}/add/").status_code == 200
    assert client.get(f"/admin/accounts/{model}/{rows[model].pk}/change/").status_code == 200


def test_a_superuser_sets_a_forgotten_password() -> None:
    user = make_user()
    client = client_of(make_user(is_staff=True, is_superuser=True))
    new = "yet another passphrase"
    form = {"password1": new, "password2": new, "usable_password": "true"}
    assert client.post(f"/admin/accounts/user/{user.pk}/password/", form).status_code == 302
    user.refresh_from_db()
    assert user.check_password(new)


def test_a_user_made_there_signs_in_by_the_e_mail_in_any_case() -> None:
    client = client_of(make_user(is_staff=True, is_superuser=True))
    form = {
        "email": "Mixed@Example.com",
        "name": "M",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    assert client.post("/admin/accounts/user/add/", form).status_code == 302
    assert User.objects.filter(email="mixed@example.com").exists()


def test_a_project_is_not_deleted_there() -> None:
    people = make_people()
    client = client_of(make_user(is_staff=True, is_superuser=True))
    path = f"/admin/accounts/project/{people.project.pk}/delete/"
    assert client.post(path, {"post": "yes"}).status_code == 403
