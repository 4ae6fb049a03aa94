"""Forms and bodies that no browser sends are refused in words, never by a failure."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from console.accounts.models import SCOPES
from console.lib import json
from tests.factories import client_of, make_key
from tests.replay_pages.making import Desk, make_desk

pytestmark = pytest.mark.django_db
LONG = "9" * 5000


@pytest.fixture
def desk() -> Desk:
    return make_desk()


@pytest.mark.parametrize(
    "more",
    [
        {"v0-t0-name": "", "v0-t0-to": "v:abc", "v0-connection": "x"},
        {"tokens": "000000000000001" + "9" * 30},
        {"last": "000000001" + LONG},
        {"dollars": "1e-999999999"},
        {"trials": LONG},
    ],
)
def test_a_form_is_refused(desk: Desk, more: dict[str, str]) -> None:
    client = client_of(desk.people.bob)
    assert client.post(desk.url("new"), desk.form(**more)).status_code == 422


def test_a_button_that_names_no_place_changes_nothing(desk: Desk) -> None:
    form = desk.form(then=f"drop:{LONG}")
    assert client_of(desk.people.bob).post(desk.url("new"), form).status_code == 200


@pytest.mark.parametrize(
    "more",
    [
        {"title": "a\0"},
        {"model": "\0"},
        {"ceiling_tokens": 10**30},
        {"answers": {"*": {"mode": "fixed", "content": "\ud800"}}},
        {"variants": [{"name": "\ud800"}]},
        {"variants": [{"name": "a", "removed": [{}]}]},
        {"variants": [{"name": "a", "policies": {"a\0": {}}}]},
        {"variants": [{"name": "a", "model": "m" * 300}]},
    ],
)
def test_a_body_is_refused(desk: Desk, more: dict[str, Any]) -> None:
    _, key = make_key(desk.people.project, SCOPES)
    body = {"incident": desk.incident.number, "mode": "no_model", "last": 3, **more}
    answer = Client(headers={"Authorization": f"Bearer {key}"}).post(
        "/api/v1/replays", json.dump(body), content_type="application/json"
    )
    assert answer.status_code == 422


def test_a_case_with_half_a_surrogate_pair_is_kept_and_shown(desk: Desk) -> None:
    client = client_of(desk.people.bob)
    suites = f"/p/{desk.people.project.slug}/suites/"
    page = client.post(f"{suites}new/", {"name": "Odd"})["Location"]
    case = {
        "id": "\ud800",
        "messages": [{"role": "user", "content": "\ud800"}],
        "tools": [{"name": "\ud800", "parameters": {}}],
        "expected": {"calls": [{"name": "\ud800"}]},
    }
    answer = client.post(f"{page}cases/new/", {"document": json.dump(case)}, follow=True)
    assert answer.status_code == 200
    assert "\\ud800" in answer.content.decode()
    assert client.get(page).status_code == 200
    new = client.get(desk.url("new"), {"suite": page.rstrip("/").rsplit("/", 1)[1]})
    assert new.status_code == 200
