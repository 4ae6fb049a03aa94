"""API keys: shown once, stored as a hash, scoped, revocable."""

from __future__ import annotations

import html
import re
import shlex

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory

from console.accounts.access import find_api_key
from console.accounts.addresses import scopes_in_use
from console.accounts.models import ApiKey, Project, hash_token
from tests.factories import client_of, make_key, make_people

pytestmark = pytest.mark.django_db


def keys_of(project: Project, page: str = "") -> str:
    return f"/p/{project.slug}/settings/keys/{page}"


def request_with(text: str) -> HttpRequest:
    return RequestFactory().get("/", headers={"Authorization": text})


def test_a_key_is_shown_once_and_stored_as_a_hash() -> None:
    people = make_people()
    alice = client_of(people.alice)
    form = {"name": "checkout", "scopes": ["read"]}
    response = alice.post(keys_of(people.project, "add/"), form)
    page = html.unescape(response.content.decode())
    found = re.search(r"mf_[\w-]{43}", page)
    assert found
    assert f'curl -H "Authorization: Bearer {found[0]}"' in page
    assert "no-store" in response["Cache-Control"]
    key = ApiKey.objects.get()
    assert key.key_hash == hash_token(found[0])
    assert (key.name, key.scopes, key.created_by) == ("checkout", ["read"], people.alice.user)
    listed = alice.get(keys_of(people.project)).content.decode()
    assert key.prefix in listed
    assert found[0] not in listed


@pytest.mark.parametrize(("scope", "answer"), [("read", 200), ("admin", 201)])
def test_the_command_shown_works(scope: str, answer: int) -> None:
    people = make_people()
    form = {"name": "k", "scopes": [scope]}
    response = client_of(people.alice).post(keys_of(people.project, "add/"), form)
    words = shlex.split(response.context["curl"])
    assert words[:2] == ["curl", "-H"]
    headers = dict([words[2].split(": ", 1)])
    path, rest = words[3].removeprefix("http://testserver"), words[4:]
    method, body = (rest[1], rest[3]) if rest else ("GET", "")
    # curl's own type for -d
    kind = "application/x-www-form-urlencoded"
    answered = Client().generic(method, path, body, content_type=kind, headers=headers)
    assert answered.status_code == answer


def test_the_scopes_offered_are_those_that_open_something() -> None:
    people = make_people()
    page = client_of(people.alice).get(keys_of(people.project)).content.decode()
    offered = set(re.findall(r'name="scopes" value="(\w+)"', page))
    assert offered == set(scopes_in_use())
    assert offered


@pytest.mark.parametrize(
    "form", [{"name": "x"}, {"name": "", "scopes": ["read"]}, {"name": "x", "scopes": ["root"]}]
)
def test_a_bad_form_makes_no_key(form: dict[str, object]) -> None:
    people = make_people()
    response = client_of(people.alice).post(keys_of(people.project, "add/"), form)
    assert response.status_code == 422
    assert b"errorlist" in response.content
    assert not ApiKey.objects.exists()


def test_a_revoked_key_is_found_no_more() -> None:
    people = make_people()
    key, text = make_key(people.project)
    assert find_api_key(request_with(f"Bearer {text}")) == key
    page = client_of(people.alice).post(keys_of(people.project, f"{key.pk}/revoke/"), follow=True)
    assert b"no longer works" in page.content
    assert b"Revoked keys" in page.content
    assert find_api_key(request_with(f"Bearer {text}")) is None


def test_another_projects_key_is_not_revoked() -> None:
    people = make_people()
    key, text = make_key(people.charlie.project)
    path = keys_of(people.project, f"{key.pk}/revoke/")
    assert client_of(people.alice).post(path).status_code == 404
    assert find_api_key(request_with(f"Bearer {text}")) == key


def test_the_last_use_is_noted() -> None:
    people = make_people()
    key, text = make_key(people.project)
    alice = client_of(people.alice)
    assert b">never<" in alice.get(keys_of(people.project)).content
    find_api_key(request_with(f"bearer {text}"))
    key.refresh_from_db()
    assert key.last_used_at is not None
    assert b">never<" not in alice.get(keys_of(people.project)).content


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic mf_x", "mf_x", "Bearer \x00"])
def test_an_odd_header_is_no_key(header: str) -> None:
    assert find_api_key(request_with(header)) is None
