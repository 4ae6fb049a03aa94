"""What stands in for a page that failed: in our look, clear, and JSON for machines."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest
from django.test import Client, RequestFactory

from console import pages
from console.accounts.access import RoleTooLow
from tests import factories

pytestmark = pytest.mark.django_db


def test_an_unknown_address_is_404_with_the_frame_for_members() -> None:
    client = factories.client_of(factories.make_member())
    response = client.get("/no/such/page")
    assert response.status_code == 404
    text = response.content.decode()
    assert "Nothing is here" in text
    assert 'id="side"' in text


def test_a_stranger_gets_404_without_the_frame(client: Client) -> None:
    response = client.get("/no/such/page")
    assert response.status_code == 404
    assert 'id="side"' not in response.content.decode()


def test_a_role_that_is_too_low_is_told_who_can_grant_it(rf: RequestFactory) -> None:
    people = factories.make_people()
    request = rf.get("/")
    request.user, request.session = people.vera.user, {}  # type: ignore[assignment]
    response = pages.forbidden(request, RoleTooLow(people.vera, "engineer"))
    text = response.content.decode()
    assert response.status_code == 403
    assert "is viewer; this needs engineer" in text
    assert people.alice.user.email in text
    assert people.bob.user.email not in text
    assert people.charlie.user.email not in text


def test_another_refusal_says_no_permission(rf: RequestFactory) -> None:
    response = pages.forbidden(rf.get("/"), PermissionDenied())
    assert response.status_code == 403
    assert "No permission" in response.content.decode()


def test_a_bad_request_is_400(rf: RequestFactory) -> None:
    response = pages.bad_request(rf.get("/"), SuspiciousOperation())
    assert response.status_code == 400
    assert "could not be read" in response.content.decode()


def test_a_form_without_its_token_says_what_to_do() -> None:
    client = factories.client_of(factories.make_member(), enforce_csrf_checks=True)
    response = client.post("/sign-out/")
    assert response.status_code == 403
    assert "reload the page and send the form again" in response.content.decode()


class Unreachable:
    """A user whose every look-up finds the database gone."""

    def __getattribute__(self, name: str) -> object:
        raise OperationalError("connection refused")


def test_without_a_database_the_page_is_plain_but_ours(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.user = Unreachable()  # type: ignore[assignment]
    response = pages.not_found(request, Exception())
    assert response.status_code == 404
    assert "The database did not answer" in response.content.decode()


def test_500_needs_nothing_of_the_request() -> None:
    request = HttpRequest()
    request.user = Unreachable()  # type: ignore[assignment]
    response = pages.server_error(request)
    assert response.status_code == 500
    assert "The console failed" in response.content.decode()


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/v1/nothing", "/proxy/nothing"])
def test_machines_get_a_problem_document(path: str, client: Client) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "not_found"


def test_a_script_that_asks_for_json_gets_a_problem_document(rf: RequestFactory) -> None:
    request = rf.get("/", headers={"accept": "application/json"})
    assert pages.server_error(request)["Content-Type"] == "application/problem+json"
