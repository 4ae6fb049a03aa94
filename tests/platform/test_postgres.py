"""The embedded PostgreSQL starts as root where the kernel refuses user namespaces, too."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from console.embedded.child import Child, EmbeddedError, stop_all
from console.embedded.postgres import postgres


@pytest.fixture
def var_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="misfire postgres "))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def answer(var_dir: Path, question: str) -> object:
    spec, url = postgres(var_dir)
    child = Child(spec, var_dir)
    child.start()
    try:
        child.wait_ready()
        with psycopg.connect(url) as connection:
            cursor = connection.execute(question.encode())
            return cursor.fetchone() if cursor.description else None
    finally:
        stop_all([child])


def test_it_starts_without_user_namespaces(
    var_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\necho 'Operation not permitted' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert answer(var_dir, "CREATE TABLE kept (answer integer)") is None
    assert answer(var_dir, "SELECT count(*) FROM kept") == (0,)


def test_data_of_another_user_is_not_replaced(var_dir: Path) -> None:
    data = var_dir / "postgres" / "data"
    data.mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(data, 12345, 12345)
    else:
        shutil.rmtree(data)
        data.symlink_to("/")
    with pytest.raises(EmbeddedError, match="belongs to another user"):
        postgres(var_dir)
