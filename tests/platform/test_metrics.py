"""What Prometheus reads of an installation, and who may."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from tests.factories import make_key, make_project

TOKEN = "only-for-prometheus"


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("METRICS_TOKEN", TOKEN)
    return TOKEN


@pytest.mark.django_db
def test_nobody_is_answered_without_a_token_in_the_settings() -> None:
    answer = Client().get("/metrics", headers={"Authorization": "Bearer "})
    assert answer.status_code == 404
    assert "METRICS_TOKEN" in answer.json()["detail"]


@pytest.mark.django_db
@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer wrong", "Bearer ünlike"])
def test_a_wrong_token_is_refused(given: str, token: str) -> None:
    answer = Client().get("/metrics", headers={"Authorization": given})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.django_db
def test_it_tells_what_was_sent_and_who_works(token: str) -> None:
    secret = make_key(make_project(slug="acme"), ["ingest"])[1]
    turn = {
        "id": "1", "conversation": "c", "at": timezone.now().isoformat(), "model": "gpt-4o",
        "request": {"messages": [{"role": "user", "content": "Hello"}]},
        "response": {"message": {"role": "assistant", "content": "Hello"}},
    }  # fmt: skip
    sent = [turn, {**turn, "id": "2"}, turn]
    headers = {"Authorization": f"Bearer {secret}"}
    assert Client().post("/api/v1/turns", sent, "application/json", headers=headers).json()
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {token}"})
    lines = answer.content.decode().splitlines()
    assert answer["Content-Type"].startswith("text/plain")
    records = 'misfire_ingest_records_total{door="api",outcome="%s",project="acme"} %s'
    assert records % ("stored", "2.0") in lines
    assert records % ("duplicate", "1.0") in lines
    assert 'misfire_up{part="database"} 1.0' in lines
    assert 'misfire_up{part="valkey"} 1.0' in lines
    assert "misfire_workers 0.0" in lines


@pytest.mark.django_db
def test_valkey_away_leaves_the_rest(token: str, settings: object) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"  # type: ignore[attr-defined]
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {token}"})
    lines = answer.content.decode().splitlines()
    assert 'misfire_up{part="valkey"} 0.0' in lines
    assert 'misfire_up{part="database"} 1.0' in lines
    assert not [line for line in lines if line.startswith("misfire_workers ")]
