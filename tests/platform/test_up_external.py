"""With both URLs set nothing embedded starts."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.platform.running import up


@pytest.fixture
def database_url() -> Iterator[str]:
    name = f"misfire_{uuid.uuid4().hex[:8]}"
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.rpartition("/")[0] + f"/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_only_our_own_processes_start(tmp_path: Path, database_url: str) -> None:
    secret = tmp_path / "database-url"
    secret.write_text(database_url)
    with up(
        tmp_path / "var", DATABASE_URL_FILE=str(secret), REDIS_URL=os.environ["REDIS_URL"]
    ) as running:
        children = {path.stem for path in (running.var_dir / "children").iterdir()}
        state = running.state()
    assert children == {"web", "worker", "beat"}
    assert not {"DATABASE_URL", "REDIS_URL", "LOCAL_MODEL_URL"} & set(state)
