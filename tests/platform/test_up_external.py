"""With both URLs set nothing embedded starts."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from console.embedded.child import http_status
from tests.conftest import migrated_database
from tests.platform.running import up


@pytest.fixture
def database_url(django_db_blocker: Any) -> Iterator[str]:
    name = f"misfire_{uuid.uuid4().hex[:8]}"
    server = os.environ["DATABASE_URL"]
    with django_db_blocker.unblock():
        migrated = migrated_database()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated}")
        yield server.rpartition("/")[0] + f"/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_only_our_own_processes_start(tmp_path: Path, database_url: str) -> None:
    secret = tmp_path / "database-url"
    secret.write_text(database_url)
    addresses = {"DATABASE_URL_FILE": str(secret), "REDIS_URL": os.environ["REDIS_URL"]}
    with up(tmp_path / "var", "--web", "2", **addresses) as running:
        children = {path.stem for path in (running.var_dir / "children").iterdir()}
        state = running.state()
        os.kill(running.child_pid("web"), signal.SIGKILL)
        answers = {http_status(f"{running.url}/healthz")[0] for _ in range(10)}
    assert children == {"web", "web-2", "worker", "alerts", "beat"}
    assert answers == {200}, "the other web process goes on answering"
    assert not {"DATABASE_URL", "REDIS_URL", "LOCAL_MODEL_URL"} & set(state)
