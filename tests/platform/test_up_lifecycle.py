"""Children that die come back; whatever ends the supervisor leaves no process and no loss."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest

from console.embedded.child import http_status
from tests.platform.running import still_alive, up, wait_for


@pytest.fixture
def var_dir(tmp_path: Path) -> Path:
    return tmp_path / "var"


def test_nothing_is_lost_and_nothing_is_left(var_dir: Path) -> None:
    with up(var_dir, "--no-model") as running:
        for name, title in (("web", "Web"), ("postgres", "PostgreSQL")):
            os.kill(running.child_pid(name), signal.SIGKILL)
            assert wait_for(lambda title=title: f"{title} is ready again" in running.output)
            assert f"{title} was ended by SIGKILL; starting it again in 1 s" in running.output
        assert wait_for(lambda: http_status(f"{running.url}/readyz")[0] == 200)

        with psycopg.connect(running.state()["DATABASE_URL"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

        processes = running.processes()
        assert len(processes) > 6
        running.signal(signal.SIGKILL)
        assert still_alive(processes, within=10) == []

    with up(var_dir, "--no-model") as running:
        with psycopg.connect(running.state()["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        processes = running.processes()
        assert running.signal(signal.SIGINT) < 10
        assert running.child.process
        assert running.child.process.returncode == 0
        assert "Stopped in" in running.output
        assert still_alive(processes, within=1) == []
        assert not (var_dir / "run.json").exists()
        assert list((var_dir / "children").iterdir()) == []
