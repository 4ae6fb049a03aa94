"""One command starts everything, on a state folder where an earlier start was interrupted.

At last it is hurt: children that die come back, and whatever ends it leaves no process and no loss.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from console.embedded.child import http_status
from tests.platform.running import Up, manage, still_alive, up, wait_for


@pytest.fixture(scope="module")
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with us, but the number of a child of long ago."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, bystander: subprocess.Popen[bytes]
) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    folder.chmod(0o711)
    var_dir = folder / "state of Ä"
    (var_dir / "postgres" / "data.new").mkdir(parents=True)
    (var_dir / "postgres" / "data.new" / "PG_VERSION").write_text("18\n")
    (var_dir / "up.lock").write_text(str(bystander.pid))
    (var_dir / "run.json").write_text(json.dumps({"PID": "999999999", "REDIS_URL": "redis://x"}))
    (var_dir / "children").mkdir()
    stale = {"pid": bystander.pid, "command": ["valkey-server"], "signal": 15, "last": True}
    (var_dir / "children" / "valkey.json").write_text(json.dumps(stale))
    with up(var_dir) as running:
        yield running


def is_ready(running: Up) -> bool:
    return http_status(f"{running.url}/readyz")[0] == 200


def test_it_says_each_component_as_it_becomes_ready(running: Up) -> None:
    said = re.findall(r"^  (\S.*\S) +ready in \d+\.\d s", running.output, re.MULTILINE)
    assert sorted(said) == sorted(
        ["PostgreSQL", "Valkey", "Database", "Web", "Worker", "Alerts", "Beat", "Local model"]
    )
    assert f"Misfire is at {running.url}/" in running.output


def test_every_component_is_ready(running: Up) -> None:
    assert wait_for(lambda: is_ready(running), within=60)
    _, body = http_status(f"{running.url}/readyz")
    components = json.loads(body)["components"]
    assert {name for name, state in components.items() if state["ok"]} == {
        "database",
        "migrations",
        "spool",
        "valkey",
        "workers",
    }
    assert http_status(f"{running.url}/healthz")[0] == 200


def test_the_link_opens_the_first_administrators_page(running: Up) -> None:
    link = re.search(rf"^  ({running.url}/\S+)$", running.output, re.MULTILINE)
    assert link
    status, body = http_status(link.group(1))
    assert status == 200
    assert b"<form" in body
    token = link.group(1).rstrip("/").rpartition("/")[2]
    logs = [path.read_text(errors="replace") for path in (running.var_dir / "log").iterdir()]
    assert not any(token in log for log in logs)


def test_a_second_up_says_where_the_first_one_is(running: Up) -> None:
    result = manage(running.var_dir, "up", "--port", "1")
    assert result.returncode == 2
    assert f"already running at {running.url}/" in result.stdout
    assert "kill " in result.stdout


def test_other_commands_find_the_running_servers(running: Up) -> None:
    result = manage(running.var_dir, "showmigrations", "--plan")
    assert result.returncode == 0, result.stderr
    assert "[X]" in result.stdout
    assert "[ ]" not in result.stdout


def test_the_local_model_asks_for_its_key(running: Up) -> None:
    state = running.state()
    request = urllib.request.Request(f"{state['LOCAL_MODEL_URL']}/props")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request)
    refusal.value.close()
    assert refusal.value.code == 401
    models = urllib.request.Request(
        f"{state['LOCAL_MODEL_URL']}/models",
        headers={"Authorization": f"Bearer {state['LOCAL_MODEL_KEY']}"},
    )
    with urllib.request.urlopen(models) as answer:
        assert "smollm2-135m-instruct" in answer.read().decode()


def test_secrets_are_for_the_owner_only(running: Up) -> None:
    for name in ("run.json", "secret_key", "postgres/password", "valkey/valkey.conf"):
        assert (running.var_dir / name).stat().st_mode & 0o077 == 0, name
    state = running.state()
    secrets = [state["LOCAL_MODEL_KEY"], state["DATABASE_URL"], state["REDIS_URL"]]
    shown = " ".join(" ".join(process.cmdline()) for process in running.processes()[1:])
    assert not [secret for secret in secrets if secret in shown]


def test_a_process_that_only_has_an_old_number_is_left_alone(
    running: Up, bystander: subprocess.Popen[bytes]
) -> None:
    assert bystander.poll() is None


def test_an_initialisation_that_was_interrupted_starts_afresh(running: Up) -> None:
    assert not Path(running.var_dir / "postgres" / "data.new").exists()


@pytest.mark.parametrize(("name", "title"), [("web", "Web"), ("postgres", "PostgreSQL")])
def test_a_child_that_dies_comes_back(running: Up, name: str, title: str) -> None:
    os.kill(running.child_pid(name), signal.SIGKILL)
    assert wait_for(lambda: f"{title} is ready again" in running.output, within=60)
    assert f"{title} was ended by SIGKILL; starting it again in 1 s" in running.output
    assert wait_for(lambda: is_ready(running), within=60)


def test_nothing_is_lost_and_nothing_is_left(running: Up) -> None:
    with psycopg.connect(running.state()["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    processes = running.processes()
    assert len(processes) > 6
    running.signal(signal.SIGKILL)
    assert still_alive(processes, within=20) == []

    with up(running.var_dir, "--no-model") as again:
        with psycopg.connect(again.state()["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        processes = again.processes()
        assert again.signal(signal.SIGINT) < 10
        assert again.child.process
        assert again.child.process.returncode == 0
        assert "Stopped in" in again.output
        assert still_alive(processes, within=1) == []
        assert not (again.var_dir / "run.json").exists()
        assert list((again.var_dir / "children").iterdir()) == []
