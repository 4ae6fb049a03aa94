"""The folder of what waits: whole files, one taker, a bound, nothing lost by a killed process."""

from __future__ import annotations

import stat
import sys
from datetime import UTC, datetime
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest

from conversations.doors.proxy.capture import Capture, from_bytes, to_bytes
from conversations.spool import Spool
from tests.conftest import ROOT


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", 1000)


def test_what_is_put_is_taken_once_in_order(spool: Spool) -> None:
    for name in ("b", "a", "c"):
        assert spool.put(name, name.encode())
    first, second = list(spool.take(2)), list(Spool(spool.folder, 1000).take(9))
    assert [path.read_bytes() for path in first] == [b"a", b"b"]
    assert [path.read_bytes() for path in second] == [b"c"]
    assert not list(spool.take(9))
    for path in [*first, *second]:
        spool.done(path)
    assert not list(spool.folder.iterdir())


def test_only_the_owner_may_read(spool: Spool) -> None:
    spool.put("a", b"secret")
    [path] = spool.folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700


def test_a_full_spool_refuses_and_says_so(spool: Spool) -> None:
    assert spool.put("a", b"x" * 900)
    assert not spool.put("b", b"x" * 200)
    assert spool.waiting == 1 and spool.is_full


def test_what_could_not_be_stored_is_given_back(spool: Spool) -> None:
    spool.put("a", b"1")
    [taken] = spool.take(1)
    spool.give_back(taken)
    [again] = spool.take(1)
    assert again.read_bytes() == b"1"
    spool.set_aside(again)
    assert not list(spool.take(1))
    assert [path.suffix for path in spool.folder.iterdir()] == [".failed"]


def test_what_a_killed_process_had_taken_is_taken_again(spool: Spool) -> None:
    spool.put("a", b"1")
    taker = (
        "import sys, pathlib; from conversations.spool import Spool;"
        " list(Spool(pathlib.Path(sys.argv[1]), 1000).take(1)); print('taken', flush=True);"
        " sys.stdin.read()"
    )
    command = [sys.executable, "-c", taker, str(spool.folder)]
    with Popen(command, stdin=PIPE, stdout=PIPE, cwd=ROOT) as process:
        assert process.stdout is not None and process.stdout.readline() == b"taken\n"
        assert not list(spool.take(1)), "whoever took it is alive"
        process.kill()
    assert [path.read_bytes() for path in spool.take(1)] == [b"1"]


def test_a_half_written_file_is_not_taken(spool: Spool) -> None:
    spool.put("a", b"1")
    (spool.folder / ".b.123").write_bytes(b"half")
    assert [path.read_bytes() for path in spool.take(9)] == [b"1"]


def make_capture(**fields: Any) -> Capture:
    values: dict[str, Any] = {
        "id": "proxy:1",
        "at": datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        "project": 1,
        "api_key": 2,
        "connection": 3,
        "provider": "up",
        "protocol": "openai.chat",
        "request": b'{"model": "m"}',
        "tags": ("a", "b"),
        "chunks": [(1.5, b"one"), (2.25, b"two\0\xff")],
        "size": 8,
    }
    return Capture(**(values | fields))


def test_a_capture_comes_back_from_disk_as_it_was() -> None:
    capture = make_capture()
    assert from_bytes(to_bytes(capture)) == capture


def test_a_capture_on_disk_holds_no_key() -> None:
    chunks = [(1.0, b"Bad key sk-12"), (2.0, b"345.")]
    capture = make_capture(request=b'"sk-12345"', chunks=chunks, secrets=("sk-12345",))
    back = from_bytes(to_bytes(capture))
    assert back.request == '"•••"'.encode()
    assert b"".join(chunk for _, chunk in back.chunks) == "Bad key •••.".encode()
    assert not back.secrets


@pytest.mark.parametrize("data", [b"", b"{}", b"no json\nmore", b'{"version": 9}\n', b"\xff\n\xff"])
def test_other_bytes_are_no_capture(data: bytes) -> None:
    with pytest.raises(ValueError, match="no capture"):
        from_bytes(data)


def test_a_capture_that_was_cut_is_none() -> None:
    data = to_bytes(make_capture())
    for size in range(len(data)):
        with pytest.raises(ValueError, match="no capture"):
            from_bytes(data[:size])
