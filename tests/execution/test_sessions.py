"""Sessions with MCP servers that are kept: who shares one, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tools_registry.execution import sessions
from tools_registry.execution.sessions import Sessions


class Server:
    """One that tells which session of it was asked."""

    def __init__(self) -> None:
        self.opened = self.closed = 0
        self.is_alive, self.number = True, 0
        self.slow_s = 0.0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Server]:
        await asyncio.sleep(self.slow_s)
        self.opened += 1
        self.is_alive = True
        try:
            yield self
        finally:
            self.closed += 1

    async def call(self, tool: str, arguments: dict[str, Any]) -> Any:
        if tool == "fail":
            raise ConnectionError("gone")
        await asyncio.sleep(arguments.get("s", 0))
        return self.opened


@pytest.fixture
def kept() -> Any:
    found = Sessions()
    yield found
    found.close()


@pytest.fixture
def server() -> Server:
    return Server()


async def ask(kept: Sessions, server: Server, key: Any = 1, tool: str = "ok", s: float = 0) -> Any:
    return await kept.call(key, server.open, tool, {"s": s})


async def test_calls_share_a_session_of_their_project_and_server(
    kept: Sessions, server: Server
) -> None:
    assert await asyncio.gather(*(ask(kept, server, s=0.01) for _ in range(20))) == [1] * 20
    assert await ask(kept, server, key=2) == 2
    kept.close()
    assert (server.opened, server.closed) == (2, 2)


def test_calls_of_several_loops_share_a_session(kept: Sessions, server: Server) -> None:
    assert [asyncio.run(ask(kept, server)) for _ in range(2)] == [1, 1]


@pytest.mark.parametrize("how", ["failed", "left", "died", "old", "idle"])
async def test_a_session_is_not_used_again_once_it(
    how: str, kept: Sessions, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "IDLE_S", 0.01 if how == "idle" else 60)
    monkeypatch.setattr(sessions, "LONGEST_S", 0.01 if how == "old" else 600)
    assert await ask(kept, server) == 1
    match how:
        case "failed":
            with pytest.raises(ConnectionError):
                await ask(kept, server, tool="fail")
        case "left":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ask(kept, server, s=5), 0.05)
        case "died":
            server.is_alive = False
    await asyncio.sleep(0.1)
    assert await ask(kept, server) == 2
    await asyncio.sleep(0.05)
    assert server.closed >= 1


async def test_a_server_that_starts_slowly_is_there_for_the_next_call(
    kept: Sessions, server: Server
) -> None:
    server.slow_s = 0.2
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ask(kept, server), 0.05)
    assert await ask(kept, server) == 1


async def test_the_session_asked_least_recently_makes_room(
    kept: Sessions, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST", 2)
    for key in (1, 2, 1, 3):
        await ask(kept, server, key=key)
    assert await ask(kept, server, key=1) == 3
    assert await ask(kept, server, key=2) == 4
