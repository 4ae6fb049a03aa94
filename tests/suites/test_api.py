"""Suites for programs."""

from __future__ import annotations

import gzip

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from console.lib import json
from tests.factories import make_key, make_project
from tests.suites.test_pages import case
from tests.suites.test_reading import lines

pytestmark = pytest.mark.django_db
KIND = "application/json"


def test_it_makes_fills_lists_and_reads_suites() -> None:
    _, key = make_key(make_project(), ["read", "replay"])
    client = Client(headers={"Authorization": f"Bearer {key}"})
    body = {"name": "CI", "cases": [case(1)]}
    made = client.post("/api/v1/suites", json.dump(body), KIND)
    assert made.status_code == 201
    assert client.post("/api/v1/suites", json.dump(body), KIND).json()["code"] == "suite_exists"
    url = made.json()["cases_url"]
    packed = gzip.compress(lines(case(1), case(2), {"id": "x"}))
    told = client.post(url, packed, KIND, headers={"Content-Encoding": "gzip"}).json()
    assert (told["added"], told["duplicate"], told["refused"]) == (1, 1, 1)
    assert told["errors"][0]["line"] == 3
    assert client.get("/api/v1/suites").json()["suites"][0]["cases"] == 2
    assert client.get(made["Location"]).json()["name"] == "CI"

    stream = client.get(url).streaming_content  # type: ignore[attr-defined]

    @async_to_sync
    async def read() -> list[str]:
        return [json.load(line)["id"] async for piece in stream for line in piece.splitlines()]

    assert read() == ["c1", "c2"]


def test_it_refuses_a_bad_case_with_its_pointer_and_makes_nothing() -> None:
    _, key = make_key(make_project(), ["read", "replay"])
    client = Client(headers={"Authorization": f"Bearer {key}"})
    body = json.dump({"name": "CI", "cases": [case(1), case(2, tools=3)]})
    answer = client.post("/api/v1/suites", body, KIND)
    assert (answer.status_code, answer.json()["pointer"]) == (422, "/cases/1/tools")
    assert client.get("/api/v1/suites").json() == {"suites": []}
    assert client.post("/api/v1/suites", "{}", KIND).status_code == 422


def test_a_reading_key_changes_nothing() -> None:
    _, key = make_key(make_project(), ["read"])
    client = Client(headers={"Authorization": f"Bearer {key}"})
    assert client.post("/api/v1/suites", json.dump({"name": "CI"}), KIND).status_code == 403
