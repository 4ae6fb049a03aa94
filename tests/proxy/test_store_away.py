"""While the store is away the application gets its answer, and the turn is stored later, once."""

from __future__ import annotations

import asyncio
import shutil
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from conversations.doors.proxy import storing
from conversations.models import Turn
from conversations.spool import Spool
from tests.conftest import daphne, test_database_url
from tests.providers.upstream import TEXT, Upstream, stream
from tests.proxy.asking import PROVIDER_KEY, STREAM, Owner, client, connect, in_thread, stored
from tests.proxy.conftest import Web
from tests.proxy.test_passing import CHAT


class Line:
    """A line to PostgreSQL that can be cut."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.open: set[asyncio.StreamWriter] = set()

    async def listen(self, port: int = 0) -> int:
        self.server = await asyncio.start_server(self._join, "127.0.0.1", port)
        return int(self.server.sockets[0].getsockname()[1])

    async def cut(self) -> None:
        self.server.close()
        for writer in list(self.open):
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        self.open |= {writer, back}
        await asyncio.gather(self._copy(reader, back), self._copy(there, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.open.discard(writer)
            writer.close()


@asynccontextmanager
async def web_on_a_line(folder: Path) -> AsyncIterator[tuple[Web, Line]]:
    """A Daphne whose database is reached through a line of its own."""
    url = await in_thread(test_database_url)
    line = Line(urlsplit(url).port or 0)
    port = await line.listen()
    environment = {
        "DATABASE_URL": url.replace(f":{line.target}/", f":{port}/"),
        "VAR_DIR": str(folder),
        "OUTBOUND_ALLOW": "127.0.0.1",
    }
    server = daphne(environment)
    address = await asyncio.to_thread(server.__enter__)
    try:
        yield Web(address, folder), line
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)
        await line.cut()


async def post(web: Web, headers: dict[str, str], path: str = CHAT) -> tuple[Any, float]:
    begun = time.monotonic()
    async with client(web) as http:
        response = await http.post(path, json=STREAM, headers=headers)
    return response, time.monotonic() - begun


async def wait_for_files(folder: Path, count: int, within: float = 40) -> list[Path]:
    deadline = time.monotonic() + within
    while len(found := sorted(folder.glob("*.waiting"))) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} turns were spooled"
        await asyncio.sleep(0.1)
    return found


def spool_of(web: Web) -> Spool:
    return Spool(web.spool, 10_000_000)


async def test_the_application_notices_nothing_and_turns_are_stored_once(
    owner: Owner, tmp_path: Path
) -> None:
    stranger = await in_thread(Owner.make)
    async with Upstream(stream(*TEXT)) as upstream, web_on_a_line(tmp_path / "var") as (web, line):
        await connect(owner, upstream.url)
        first, _ = await post(web, owner.headers)
        await stored(owner)
        await line.cut()
        await asyncio.sleep(5.1)
        answers = [await post(web, owner.headers) for _ in range(4)]
        refused, waited = await post(web, stranger.headers)
        files = await wait_for_files(web.spool, 4)
        said = web.log
    assert {a.content for a, _ in [(first, 0.0), *answers]} == {b"".join(TEXT)}
    assert max(took for _, took in answers[1:]) < 1, "only the first may wait for the database"
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_away")
    assert refused.headers["retry-after"] == "5" and waited < 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    kept = b"".join(path.read_bytes() for path in files)
    assert PROVIDER_KEY.encode() not in kept and owner.key.encode() not in kept
    assert "go to the spool" in said and owner.key not in said

    copies = tmp_path / "copies"
    shutil.copytree(web.spool, copies)
    assert await in_thread(storing.store_spooled, spool_of(web)) == 4
    assert not list(web.spool.iterdir())
    await in_thread(storing.store_spooled, Spool(copies, 10_000_000))
    turns = await stored(owner, 5)
    assert len(turns) == 5
    assert {turn.answer for turn in turns} == {b"".join(TEXT)}


async def test_a_spool_waits_while_the_store_is_away(owner: Owner, tmp_path: Path) -> None:
    from tests.proxy.test_spool import make_capture

    capture = make_capture(project=owner.project.pk)
    spool = Spool(tmp_path / "spool", 10_000_000)
    assert storing.spool_capture(spool, capture)
    from django.db import OperationalError

    def away(*_: Any) -> None:
        raise OperationalError("the connection is closed")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(storing, "store_captures", away)
        assert await in_thread(storing.store_spooled, spool) == 0
    assert spool.waiting == 1


async def test_a_bad_file_is_set_aside_and_the_others_are_stored(
    owner: Owner, tmp_path: Path
) -> None:
    from django.utils import timezone

    from tests.proxy.test_spool import make_capture

    spool = Spool(tmp_path / "spool", 10_000_000)
    spool.put("a", b"no capture")
    good = make_capture(
        project=owner.project.pk,
        at=timezone.now(),
        request=b'{"model": "m", "messages": [{"role": "user", "content": "Go"}]}',
        chunks=[(1.0, b"".join(TEXT))],
        streamed=True,
        status=200,
        end="whole",
    )
    storing.spool_capture(spool, good)
    assert await in_thread(storing.store_spooled, spool) == 1
    assert [path.name for path in spool.folder.iterdir()] == ["a.failed"]
    assert len(await stored(owner)) == 1


async def test_a_stopped_server_leaves_its_turns_in_the_spool(owner: Owner, tmp_path: Path) -> None:
    async with Upstream(stream(*TEXT)) as upstream, web_on_a_line(tmp_path / "var") as (web, _):
        await connect(owner, upstream.url)
        async with client(web) as http:
            many = (http.post(CHAT, json=STREAM, headers=owner.headers) for _ in range(8))
            answers = await asyncio.gather(*many)
    assert {answer.content for answer in answers} == {b"".join(TEXT)}
    await in_thread(storing.store_spooled, spool_of(web))
    count = Turn.objects.filter(project=owner.project).count
    assert await in_thread(count) == 8
