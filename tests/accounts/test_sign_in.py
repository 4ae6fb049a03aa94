"""Signing in and out, and where it leads."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.factories import PASSWORD, client_of, make_member, make_people, make_project, make_user

pytestmark = pytest.mark.django_db


def test_it_works(client: Client) -> None:
    user = make_user()
    assert b'autocomplete="current-password"' in client.get("/sign-in/").content
    response = client.post("/sign-in/", {"email": user.email.upper(), "password": PASSWORD})
    assert response.status_code == 302
    assert response["Location"] == "/"
    assert client.get("/account/").status_code == 200


def test_a_stranger_comes_back_to_the_page_asked_for(client: Client) -> None:
    user = make_user()
    asked = client.get("/account/?tab=1")
    assert asked["Location"] == "/sign-in/?next=/account/%3Ftab%3D1"
    assert b'value="/account/?tab=1"' in client.get(asked["Location"]).content
    response = client.post(
        "/sign-in/", {"email": user.email, "password": PASSWORD, "next": "/account/?tab=1"}
    )
    assert response["Location"] == "/account/?tab=1"


def test_a_form_sent_after_the_session_ended_leads_back_to_its_page(client: Client) -> None:
    response = client.post("/account/", headers={"Referer": "http://testserver/p/x/?a=b"})
    assert response["Location"] == "/sign-in/?next=/p/x/%3Fa%3Db"
    elsewhere = client.post("/account/", headers={"Referer": "http://evil.example/p/x/"})
    assert elsewhere["Location"] == "/sign-in/?next=/"


def test_a_part_of_a_page_sends_the_whole_page_to_sign_in(client: Client) -> None:
    response = client.get(
        "/account/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/p/x/?a=b"}
    )
    assert response.status_code == 401
    assert response["HX-Redirect"] == "/sign-in/?next=/p/x/%3Fa%3Db"


@pytest.mark.parametrize(
    "evil",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:///evil.example",
        "https://testserver@evil.example/",
    ],
)
def test_it_leads_to_no_other_site(client: Client, evil: str) -> None:
    user = make_user()
    assert evil.encode() not in client.get("/sign-in/", {"next": evil}).content
    response = client.post("/sign-in/", {"email": user.email, "password": PASSWORD, "next": evil})
    assert response["Location"] == "/"


def test_wrong_e_mail_and_wrong_password_look_alike(client: Client) -> None:
    user, gone = make_user("a@example.com"), make_user("c@example.com", is_active=False)
    answers = [
        client.post("/sign-in/", {"email": email, "password": password})
        for email, password in [
            (user.email, "wrong password"),
            ("b@example.com", PASSWORD),
            (gone.email, PASSWORD),
        ]
    ]
    assert {answer.status_code for answer in answers} == {401}
    pages = {
        answer.content.decode()
        .replace(str(answer.context["csrf_token"]), "")
        .replace(answer.context["form"]["email"].value(), "")
        .split("<main")[1]
        .split("csrfmiddlewaretoken")[1]
        .split('">', 1)[1]
        for answer in answers
    }
    assert len(pages) == 1
    assert "The e-mail or the password is wrong." in pages.pop()


@pytest.mark.parametrize("given", [{}, {"email": "x"}, {"email": "a\x00@b.c", "password": "x"}])
def test_an_incomplete_form_says_what_is_missing(client: Client, given: dict[str, str]) -> None:
    response = client.post("/sign-in/", given)
    assert response.status_code == 422
    assert b"errorlist" in response.content


def test_it_asks_for_a_csrf_token() -> None:
    user = make_user()
    client = Client(enforce_csrf_checks=True)
    response = client.post("/sign-in/", {"email": user.email, "password": PASSWORD})
    assert response.status_code == 403


def test_the_session_gets_a_new_key(client: Client) -> None:
    user = make_user()
    client.get("/sign-in/")
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    client.post("/sign-in/", {"email": user.email, "password": PASSWORD})
    assert client.session.session_key != before


def test_who_signed_in_already_goes_on() -> None:
    response = client_of(make_user()).get("/sign-in/?next=/account/")
    assert response["Location"] == "/account/"


def test_signing_out_ends_the_session() -> None:
    client = client_of(make_user())
    key = client.session.session_key
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/account/").status_code == 302
    assert not client.session.exists(key)


def test_one_comes_back_to_the_project_used_last(client: Client) -> None:
    people = make_people()
    other = make_member(make_project("A first by name"), user=people.vera.user)
    client.force_login(people.vera.user)
    assert client.get("/", follow=True).wsgi_request.path == f"/p/{other.project.slug}/"
    client.get(f"/p/{people.project.slug}/settings/")
    client.post("/sign-out/")
    client.post("/sign-in/", {"email": people.vera.user.email, "password": PASSWORD})
    assert client.get("/")["Location"] == f"/p/{people.project.slug}/"
