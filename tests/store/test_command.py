"""``manage.py ingest``: files in, once each, with an exit status that a script can use."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from conversations.management.commands.ingest import Position
from conversations.models import Turn
from tests.factories import make_project
from tests.store.talks import talk

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path, settings: Any) -> Path:
    settings.VAR_DIR = tmp_path
    path = tmp_path / "talk.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in talk(5)))
    return path


def ingest(*arguments: str) -> str:
    out = io.StringIO()
    call_command("ingest", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_files_are_stored_once(file: Path) -> None:
    make_project(slug="shop")
    packed = file.with_suffix(".jsonl.gz")
    packed.write_bytes(gzip.compress(file.read_bytes()))
    said = "5 sent = 5 stored + 0 duplicate + 0 rejected + 0 quarantined"
    assert said in ingest(str(file), "--project", "shop")
    assert "0 stored + 5 duplicate" in ingest(str(packed))
    assert Turn.objects.count() == 5


def test_it_goes_on_where_it_was_stopped(file: Path) -> None:
    project = make_project()
    facts = file.stat()
    Position(file, project, facts.st_size, facts.st_mtime).keep(3, at_once=True)
    assert "2 stored" in ingest(str(file))
    assert "3 stored + 2 duplicate" in ingest(str(file))


def test_bad_records_are_exit_status_1(file: Path) -> None:
    make_project()
    file.write_text('{"id": "x"}\n' + file.read_text())
    with pytest.raises(SystemExit) as ended:
        ingest(str(file))
    assert ended.value.code == 1
    assert Turn.objects.count() == 5


@pytest.mark.parametrize("arguments", [["none.jsonl"], ["none.jsonl", "--project", "nowhere"]])
def test_what_cannot_run_is_exit_status_2(file: Path, arguments: list[str]) -> None:
    make_project()
    with pytest.raises(CommandError) as ended:
        ingest(*arguments)
    assert ended.value.returncode == 2
