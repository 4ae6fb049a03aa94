"""What a killed process had under way: found by others, handed out once, cut records left out."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from conversations import journal as journals
from conversations.journal import Journal, adopt
from tests.conftest import ROOT

WRITE = """
import sys, pathlib
from conversations.journal import Journal
journal = Journal(pathlib.Path(sys.argv[1]))
journal.write("a", b"1")
journal.write("b", b"2" * 1000)
journal.write("c", b"3")
journal.settle(["a"])
print("written", flush=True)
sys.stdin.read()
"""


class Taken(dict[str, bytes]):
    def put(self, name: str, data: bytes) -> bool:
        self[name] = data
        return True


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_what_a_killed_process_had_not_settled_is_handed_out_once(folder: Path) -> None:
    taken = Taken()
    command = [sys.executable, "-c", WRITE, str(folder)]
    with Popen(command, stdin=PIPE, stdout=PIPE, cwd=ROOT) as process:
        assert process.stdout is not None and process.stdout.readline() == b"written\n"
        assert adopt(folder, taken.put) == 0, "its process is alive"
        process.kill()
    assert adopt(folder, taken.put) == 3 and not list(folder.iterdir())
    assert taken == {"a": b"1", "b": b"2" * 1000, "c": b"3"}


def test_what_is_refused_stays(folder: Path) -> None:
    journal = Journal(folder)
    journal.write("a", b"1")
    [path] = folder.iterdir()
    left = folder / "of-another.journal"
    left.write_bytes(path.read_bytes() + b"\x01\x00\xff")
    assert adopt(folder, lambda *_: False) == 0 and left.exists()
    taken = Taken()
    assert adopt(folder, taken.put) == 1 and taken == {"a": b"1"}
    assert list(folder.iterdir()) == [path], "the living one stays"


def test_a_file_holds_no_more_than_what_is_unsettled(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "SEGMENT", 100)
    journal = Journal(folder)
    for name in "abc":
        journal.write(name, b"x" * 60)
    assert len(list(folder.iterdir())) == 2
    journal.settle(["a", "b"])
    [path] = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    journal.settle(["c", "unknown"])
    assert path.stat().st_size == 0
    journal.write("d", b"1")
    assert path.stat().st_size > 0
    journal.settle(["d"])
    journal.close()
    assert not list(folder.iterdir())
