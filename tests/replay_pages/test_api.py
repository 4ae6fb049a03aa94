"""Replays for programs: start one, follow it, read its outcomes, steer it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from conversations.replay.records import Replay
from tests.factories import make_key
from tests.replay_pages.making import Desk, make_desk, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return make_desk()


@pytest.fixture
def client(desk: Desk) -> Client:
    _, text = make_key(desk.people.project, ("read", "replay"))
    return Client(headers={"Authorization": f"Bearer {text}"})


def post(client: Client, path: str = "/api/v1/replays", **body: Any) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json")


def start(desk: Desk, client: Client, **more: Any) -> Any:
    variant = {"name": "v1", "replaced": {"get_weather": desk.night.v1.pk}}
    body: dict[str, Any] = {
        "incident": desk.incident.number,
        "last": 2,
        "variants": [variant],
        "trials": 1,
    }
    return post(client, **{**body, "mode": "no_model", **more})


def test_a_replay_is_started_followed_and_read(desk: Desk, client: Client) -> None:
    answer = start(desk, client)
    assert answer.status_code == 202 and answer["Location"] == "/api/v1/replays/1"
    work(Replay.objects.get())
    told = client.get("/api/v1/replays/1").json()
    assert told["status"] == "finished" and told["variants"][1]["kinds"] == {"fixed": 2}
    assert told["verdict"].startswith("v1 is right in 2 of 2 cases")
    assert [one["code"] for one in told["warnings"]] == ["few"]
    lines = client.get("/api/v1/replays/1/outcomes").content.decode().splitlines()
    assert [json.loads(line)["passed"] for line in lines] == [False, False, True, True]
    last = json.loads(lines[-1])["id"]
    assert client.get(f"/api/v1/replays/1/outcomes?after={last}").content == b""
    listed = client.get("/api/v1/replays").json()
    assert [one["name"] for one in listed["replays"]] == ["RPL-1"] and listed["next"] is None


def test_it_is_paused_resumed_and_cancelled(desk: Desk, client: Client) -> None:
    start(desk, client)
    for step, status in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        answer = post(client, f"/api/v1/replays/1/{step}")
        assert answer.status_code == 202 and answer.json()["status"] == status
    assert post(client, "/api/v1/replays/1/explode").status_code == 404


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"incident": 99}, 404, "bad_incident"),
        ({"suite": 1}, 422, "bad_source"),
        ({"incident": None, "filter": "colour:red"}, 422, "bad_q"),
        ({"incident": None, "turns": ["x"]}, 422, "bad_turns"),
        ({"variants": [{"name": "x", "colour": 1}]}, 422, "bad_variant"),
        ({"variants": [{"name": "x", "replaced": {"get_weather": 0}}]}, 422, "not_ready"),
        ({"connection": "Nobody"}, 404, "bad_connection"),
        ({"trials": 0}, 422, "invalid_request"),
    ],
)
def test_what_cannot_start_is_a_problem(
    desk: Desk, client: Client, change: dict[str, Any], status: int, code: str
) -> None:
    answer = start(desk, client, **change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
