"""The fixtures that other tests stand on: a real web server and model."""

from __future__ import annotations

import json
import urllib.request

import pytest

from console.accounts.models import User
from console.embedded.child import http_status
from tests.conftest import LocalModel


def test_the_web_server_uses_the_tests_database(daphne_server: str) -> None:
    User.objects.create(email="alice@example.org")
    status, body = http_status(f"{daphne_server}/readyz")
    components = json.loads(body)["components"]
    assert status == 503
    assert components["migrations"]["ok"]
    assert components["workers"] == {"ok": False, "detail": "no worker has reported for 15 s"}


@pytest.mark.model
def test_the_local_model_streams(local_model: LocalModel) -> None:
    body = {"model": local_model.name, "stream": True, "max_tokens": 4}
    body["messages"] = [{"role": "user", "content": "Say hello."}]
    request = urllib.request.Request(
        f"{local_model.url}/chat/completions",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {local_model.key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        lines = [line for line in answer if line.startswith(b"data: ")]
    assert len(lines) > 2
    assert lines[-1].strip() == b"data: [DONE]"
