"""Where it cannot run it says why, and the cure."""

from __future__ import annotations

import importlib.util
import socket
import sys
from pathlib import Path

import pytest

from console.embedded import up
from console.embedded.child import Child, ChildSpec, EmbeddedError, free_port
from console.embedded.postgres import postgres
from console.embedded.valkey import valkey
from tests.platform.running import manage


def test_a_taken_port_names_the_option(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = manage(tmp_path / "var", "up", "--port", str(port))
    assert result.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in result.stdout
    assert f"--port {port + 1}" in result.stdout


@pytest.mark.parametrize(
    "options", [("--port", "99999"), ("--port", "0"), ("--host", "no.such.host.invalid")]
)
def test_an_impossible_address_names_the_option(tmp_path: Path, options: tuple[str, str]) -> None:
    result = manage(tmp_path / "var", "up", *options)
    assert result.returncode == 2
    assert "cannot listen" in result.stdout
    assert options[0] in result.stdout


def test_a_folder_that_cannot_be_written_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in its place")
    result = manage(tmp_path / "file" / "var", "up")
    assert result.returncode == 2
    assert "cannot be written" in result.stdout
    assert "VAR_DIR=" in result.stdout


def test_a_full_disk_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(up, "LEAST_FREE", 10**18)
    assert up.run(up.Options(var_dir=tmp_path)) == 2
    said = capsys.readouterr().out
    assert "MB free" in said
    assert "VAR_DIR=" in said
    assert not (tmp_path / "postgres").exists()


def test_a_wrong_setting_stops_the_start_with_its_hint(tmp_path: Path) -> None:
    result = manage(
        tmp_path / "var",
        "up",
        "--port",
        str(free_port()),
        DATABASE_URL="mysql://h/d",
        REDIS_URL="redis://h:1/0",
    )
    assert result.returncode == 2
    assert "console.E003" in result.stdout
    assert "postgresql://" in result.stdout


def test_without_its_wheels_it_names_the_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedError, match=r"(?s)musl.*DATABASE_URL"):
        postgres(tmp_path)
    with pytest.raises(EmbeddedError, match="REDIS_URL"):
        valkey(tmp_path)


def test_a_child_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    spec = ChildSpec(
        name="broken",
        title="Broken",
        command=[sys.executable, "-c", "raise SystemExit('the reason')"],
        ready=lambda: False,
    )
    child = Child(spec, tmp_path)
    child.start()
    with pytest.raises(EmbeddedError, match=r"(?s)Broken ended with 1.*broken\.log.*the reason"):
        child.wait_ready()
