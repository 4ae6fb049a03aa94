"""Without a database commands say how to get one, at once."""

from __future__ import annotations

from pathlib import Path

from tests.platform.running import manage


def test_the_first_use_names_both_ways(tmp_path: Path) -> None:
    result = manage(tmp_path, "migrate")
    assert result.returncode == 1
    assert "make run" in result.stderr
    assert "DATABASE_URL" in result.stderr


def test_commands_that_need_none_work(tmp_path: Path) -> None:
    result = manage(tmp_path, "check")
    assert result.returncode == 0, result.stderr
    assert "console.W002" in result.stderr
