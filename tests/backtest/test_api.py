"""Backtests by API: start, follow, read what would change, cancel."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from console.accounts.models import Project
from console.lib import json
from conversations.backtest import engine
from conversations.backtest.records import Backtest
from tests.backtest.making import arguments, definition, fresh, make_calls, make_versions
from tests.factories import make_key, make_project

pytestmark = pytest.mark.django_db
URL = "/api/v1/backtests"


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def api(project: Project) -> Client:
    return client_of(project, "read", "replay")


def client_of(project: Project, *scopes: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {make_key(project, scopes)[1]}"})


def post(api: Client, body: object, url: str = URL) -> Any:
    return api.post(url, json.dump(body), content_type="application/json")


def test_it_is_started_followed_and_read(api: Client, project: Project) -> None:
    right, wrong = make_versions(project)
    make_calls(right, [arguments(n) for n in range(60)])
    started = post(api, {"tool": "get_weather", "version": wrong.number, "last": 55})
    assert started.status_code == 202
    address = started["Location"]
    assert address == f"{URL}/{started.json()['id']}"
    assert api.get(address).json()["status"] == "running"
    engine.run(Backtest.objects.get().pk)
    told = api.get(address).json()
    assert (told["status"], told["done"], told["available"]) == ("finished", 55, 60)
    assert told["newly_rejected"] == told["matrix"]["accepted>rejected"] == 55
    assert told["findings"][0]["new"] == 55
    assert f"/p/{project.slug}/backtests/{told['id']}/" in told["url"]
    page = api.get(f"{address}/changes").json()
    rest = api.get(f"{address}/changes?before={page['next']}").json()
    assert (len(page["changes"]), len(rest["changes"]), rest["next"]) == (50, 5, None)
    first = page["changes"][0]
    assert (first["change"], first["verdict_before"]) == ("newly_rejected", "accepted")
    assert first["findings_after"][0]["pointer"] == "/temprature"


def test_a_definition_that_is_not_saved_can_judge(api: Client, project: Project) -> None:
    _, wrong = make_versions(project)
    make_calls(wrong, [arguments()])
    body = {"tool": "get_weather", "definition": definition(), "policy": "none"}
    row = Backtest.objects.get(pk=post(api, body).json()["id"])
    engine.run(row.pk)
    assert fresh(row.pk).told["kinds"] == {"fixed": 1}


def test_it_is_cancelled(api: Client, project: Project) -> None:
    make_versions(project)
    address = post(api, {"tool": "get_weather"})["Location"]
    assert api.post(f"{address}/cancel").status_code == 202
    engine.run(Backtest.objects.get().pk)
    assert api.get(address).json()["status"] == "cancelled"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"tool": "nothing"}, 404, "bad_tool"),
        ({"tool": "get_weather", "version": 7}, 404, "bad_version"),
        ({"tool": "get_weather", "definition": "{"}, 422, "bad_draft"),
        ({"tool": "get_weather", "policy": 3}, 422, "bad_policy"),
        ({"tool": "get_weather", "filter": "colour:red"}, 422, "bad_filter"),
        ({"tool": "get_weather", "last": 0}, 422, "invalid_request"),
        ({"tool": "get_weather", "last": 10**9}, 422, "invalid_request"),
        ({"tool": "get_weather", "colour": 1}, 422, "invalid_request"),
        ([], 422, "invalid_request"),
    ],
)
def test_what_is_wrong_with_the_request_is_said(
    api: Client, project: Project, body: object, status: int, code: str
) -> None:
    make_versions(project)
    answer = post(api, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"]
    assert not Backtest.objects.exists()


def test_each_door_asks_for_its_scope(project: Project) -> None:
    make_versions(project)
    reader, other = client_of(project, "read"), client_of(make_project(), "read", "replay")
    assert post(reader, {"tool": "get_weather"}).status_code == 403
    address = post(client_of(project, "replay"), {"tool": "get_weather"})["Location"]
    assert reader.get(address).status_code == 200
    assert other.get(address).status_code == 404
    assert other.post(f"{address}/cancel").status_code == 404


@pytest.mark.parametrize("query", ["change=odd", "before=odd"])
def test_a_page_that_cannot_be_is_refused(api: Client, project: Project, query: str) -> None:
    make_versions(project)
    address = post(api, {"tool": "get_weather"})["Location"]
    assert api.get(f"{address}/changes?{query}").status_code == 400
