"""Sessions with MCP servers, kept for a while: to start a program takes longer than most calls.

A process keeps one session for each project and server, on an event loop of its own, so that calls
from any loop share it. It ends once nobody asked for a minute, after ten minutes at the latest,
when it failed, and with the process.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
from collections.abc import Callable, Coroutine, Hashable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

IDLE_S = 60.0
LONGEST_S = 600.0
START_S = 30.0
MOST = 50
"""Sessions of a process; beyond, the one that was asked least recently ends."""
_CLOSING_S = 5.0


class Open(Protocol):
    """An open session."""

    @property
    def is_alive(self) -> bool:
        """Whether the server is still there, as far as is known without asking it."""

    async def call(self, tool: str, arguments: dict[str, Any]) -> Any: ...


Opening = Callable[[], AbstractAsyncContextManager[Open]]


class Session:
    """One session: opened, kept and closed by one task, as the SDK demands."""

    def __init__(self, opening: Opening) -> None:
        loop = asyncio.get_running_loop()
        self.begun = self.asked = time.monotonic()
        self.is_spoiled = False
        self._users = 0
        self._ready: asyncio.Future[Open] = loop.create_future()
        # Who waits for it may be gone.
        self._ready.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._ending = asyncio.Event()
        self._idle: asyncio.TimerHandle | None = None
        self.task = asyncio.create_task(self._keep(opening), name="an MCP session")

    async def _keep(self, opening: Opening) -> None:
        try:
            async with asyncio.timeout(START_S) as starting, opening() as found:
                starting.reschedule(None)
                self._ready.set_result(found)
                await self._ending.wait()
        except Exception as error:
            if not self._ready.done():
                self._ready.set_exception(error)
        finally:
            self.is_spoiled = True
            self._ready.cancel()

    @property
    def may_be_used(self) -> bool:
        is_gone = self._ready.done() and (
            self._ready.cancelled()
            or self._ready.exception() is not None
            or not self._ready.result().is_alive
        )
        return not (self.is_spoiled or is_gone or time.monotonic() - self.begun > LONGEST_S)

    async def call(self, tool: str, arguments: dict[str, Any]) -> Any:
        """What the server answers. A call that is cancelled or fails spoils the session."""
        self._users += 1
        self.asked = time.monotonic()
        if self._idle is not None:
            self._idle.cancel()
        try:
            # Started once, however many wait for it and give up.
            found = await asyncio.shield(self._ready)
            try:
                return await self._race(found.call(tool, arguments))
            except BaseException:
                self.is_spoiled = True
                raise
        finally:
            self._users -= 1
            self._release()

    async def _race(self, call: Coroutine[Any, Any, Any]) -> Any:
        """The call's result; where the session ends before, that is an error."""
        asking = asyncio.ensure_future(call)
        try:
            await asyncio.wait((asking, self.task), return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
            raise ConnectionError("the session ended before the server answered")
        finally:
            asking.cancel()

    def _release(self) -> None:
        if self._users:
            return
        if self.is_spoiled:
            self.end()
        else:
            self._idle = asyncio.get_running_loop().call_later(IDLE_S, self.end)

    def end(self) -> None:
        """End it, once nobody uses it; one that did not open yet is cancelled."""
        self.is_spoiled = True
        if self._users == 0:
            self._ending.set()
            if not self._ready.done():
                self.task.cancel()


class Sessions:
    """The sessions of one process, on a thread of their own."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._kept: dict[Hashable, Session] = {}
        thread = threading.Thread(target=self._loop.run_forever, name="mcp-sessions", daemon=True)
        thread.start()
        atexit.register(self.close)

    async def call(
        self, key: Hashable, opening: Opening, tool: str, arguments: dict[str, Any]
    ) -> Any:
        """Ask the session of this key, which is opened where there is none. Called from any loop;
        raises what opening and calling raise."""
        asked = self._call(key, opening, tool, arguments)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asked, self._loop))

    async def _call(
        self, key: Hashable, opening: Opening, tool: str, arguments: dict[str, Any]
    ) -> Any:
        session = self._kept.get(key)
        if session is None or not session.may_be_used:
            if session is not None:
                session.end()
            session = self._kept[key] = Session(opening)
            session.task.add_done_callback(lambda _: self._forget(key, session))
            self._make_room()
        return await session.call(tool, arguments)

    def _forget(self, key: Hashable, session: Session | None) -> None:
        if self._kept.get(key) is session:
            del self._kept[key]

    def _make_room(self) -> None:
        if len(self._kept) > MOST:
            oldest = min(self._kept, key=lambda key: self._kept[key].asked)
            self._kept.pop(oldest).end()

    def close(self) -> None:
        """End all sessions, and the programs that they started."""
        if self.process == os.getpid() and self._loop.is_running():
            ending = asyncio.run_coroutine_threadsafe(self._close(), self._loop)
            try:
                ending.result(_CLOSING_S)
            except TimeoutError:
                return

    async def _close(self) -> None:
        tasks = [session.task for session in self._kept.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSING_S)


_sessions: Sessions | None = None
_making = threading.Lock()


def sessions() -> Sessions:
    """Those of this process; a forked one has its own."""
    global _sessions
    with _making:
        if _sessions is None or _sessions.process != os.getpid():
            _sessions = Sessions()
        return _sessions
