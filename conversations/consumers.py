"""The playground's socket: it authorises, passes commands on, and relays the runs' logs.

docs/protocol.md is its reference. It never calls a provider.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from redis.exceptions import RedisError

from console.accounts.access import find_member
from console.accounts.models import Member
from console.lib import json
from console.lib.threads import in_thread
from conversations import history, live, runner, runs
from conversations.models import Run

LARGEST_FRAME = 20 * 1024 * 1024
MOST_FOLLOWED = 500
_log = logging.getLogger(__name__)


class Refused(Exception):
    """A command that is not carried out. ``close`` is the code to close the socket with."""

    def __init__(self, code: str, detail: str, *, close: int | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.body = {"code": code, "detail": detail, **more}
        self.close = close


class PlaygroundConsumer(AsyncWebsocketConsumer):
    """One socket of one member; it may follow many runs."""

    async def connect(self) -> None:
        query = parse_qs(self.scope["query_string"].decode("latin-1"))
        self.slug = query.get("project", [""])[0]
        self._following: dict[str, asyncio.Task[None]] = {}
        # Looked up before the socket opens, so that the first command need not wait for it.
        refused = await self._refusal()
        await self.accept()
        if refused is not None:
            await self._refuse(refused, None)

    async def disconnect(self, code: int) -> None:
        await live.end_tasks(self._following.values())

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        frame: dict[str, Any] = {}
        try:
            frame = _read_frame(text_data)
            await self._obey(frame)
        except Refused as refused:
            await self._refuse(refused, frame.get("ref"))
        except Exception:
            _log.exception("a command of the playground failed")
            detail = "Misfire itself failed at this command; the server's log says why."
            await self._refuse(Refused("internal", detail), frame.get("ref"))

    async def _obey(self, frame: dict[str, Any]) -> None:
        match frame.get("type"):
            case "ping":
                await self._member()
                await self._say({"type": "pong"})
            case "run.start":
                await self._start(frame)
            case "run.cancel":
                await self._command(frame, {"type": "cancel"})
            case "call.answer":
                await self._answer(frame)
            case "call.execute":
                await self._command(frame, {"type": "execute", "calls": _names(frame, "calls")})
            case "call.confirm":
                await self._confirm(frame)
            case "plan.change":
                await self._change_plan(frame)
            case "run.resume":
                await self._resume(frame)
            case other:
                raise Refused(
                    "bad_request",
                    f"There is no command {other!r}; send run.start, run.cancel, run.resume,"
                    " call.answer, call.execute, call.confirm, plan.change or ping.",
                )

    # Commands.

    async def _start(self, frame: dict[str, Any]) -> None:
        ref = str(frame.get("ref") or "")[:200]
        check = in_thread(_check)
        order = await check(self._session, self.slug, frame.get("request"), ref)
        runner.start(order)
        self._follow(order.run, 0)

    async def _answer(self, frame: dict[str, Any]) -> None:
        content = frame.get("content")
        if not isinstance(content, str):
            raise Refused("bad_request", "content is the answer's text; send a string.")
        command = {
            "type": "answer",
            "call": str(frame.get("call", "")),
            "content": content,
            "error": bool(frame.get("error")),
        }
        await self._command(frame, command)

    async def _confirm(self, frame: dict[str, Any]) -> None:
        agree = frame.get("agree")
        if not isinstance(agree, bool):
            raise Refused("bad_request", "agree is true to run the call, false to refuse it.")
        member = await self._member("responder")
        command = {"call": str(frame.get("call", "")), "agree": agree, "by": member.user.email}
        await self._command(frame, {"type": "confirm", **command})

    async def _change_plan(self, frame: dict[str, Any]) -> None:
        changes = {name: frame.get(name, []) for name in ("remove", "add")}
        if not all(_is_pairs(pairs) for pairs in changes.values()):
            detail = "remove and add are lists of pairs: who waits, and for whom."
            raise Refused("bad_request", detail)
        await self._command(frame, {"type": "plan", "round": frame.get("round"), **changes})

    async def _command(self, frame: dict[str, Any], command: dict[str, Any]) -> None:
        member = await self._member("responder")
        run = await in_thread(_find_run)(member, frame.get("run"))
        if not await live.hub().command(run.pk, command):
            raise Refused("not_running", "This run has ended; start it again.", run=str(run.pk))

    async def _resume(self, frame: dict[str, Any]) -> None:
        member = await self._member()
        run = await in_thread(_find_run)(member, frame.get("run"))
        after = frame.get("after", 0)
        if not isinstance(after, int) or after < 0:
            raise Refused("bad_request", "after is the last seq that arrived, or 0.")
        if run.finished_at and not await live.hub().has_log(run.pk):
            events = await in_thread(history.events_of)(run)
            await self._relay_all(event for event in events[after:])
        else:
            self._follow(run.pk, after)

    # Relaying.

    def _follow(self, run: UUID, after: int) -> None:
        key = str(run)
        if before := self._following.pop(key, None):
            before.cancel()
        if len(self._following) >= MOST_FOLLOWED:
            raise Refused("bad_request", f"A socket follows at most {MOST_FOLLOWED} runs.")
        task = asyncio.create_task(self._relay(key, after))
        self._following[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))

    def _forget(self, key: str, task: asyncio.Task[None]) -> None:
        if self._following.get(key) is task:
            del self._following[key]
        if not task.cancelled() and (error := task.exception()):
            _log.error("following run %s ended", key, exc_info=error)

    async def _relay(self, run: str, after: int) -> None:
        while True:
            follower = live.hub().follow(run, after)
            try:
                async for events in follower.events():
                    await self._relay_all(events)
                return
            except RedisError as error:
                _log.warning("run %s cannot be followed, trying again: %s", run, error)
                after = follower.sent
                await asyncio.sleep(1)

    async def _relay_all(self, events: Iterable[bytes]) -> None:
        for event in events:
            await self.send(text_data=event.decode())

    # Who is there.

    @property
    def _session(self) -> str | None:
        return self.scope["session"].session_key  # type: ignore[no-any-return]

    async def _member(self, role: str = "viewer") -> Member:
        """The member as of now: sessions end and roles change while a socket is open."""
        return await in_thread(_find_member)(self._session, self.slug, role)

    async def _refusal(self) -> Refused | None:
        """Why this socket may not be here: told over it, as a refused handshake says nothing."""
        try:
            await self._member()
        except Refused as refused:
            return refused
        return None

    async def _refuse(self, refused: Refused, ref: object) -> None:
        body = {"type": "error", **refused.body}
        await self._say(body | ({"ref": ref} if isinstance(ref, str) else {}))
        if refused.close:
            await self.close(code=refused.close)

    async def _say(self, body: dict[str, Any]) -> None:
        await self.send(text_data=json.dump(body))


def _read_frame(text: str | None) -> dict[str, Any]:
    if text is None:
        raise Refused("bad_request", "Send JSON as a text frame.")
    if len(text) > LARGEST_FRAME:
        raise Refused(
            "too_large", f"The frame is larger than {LARGEST_FRAME // 1024**2} MB; send less."
        )
    try:
        frame = json.load(text)
    except (ValueError, RecursionError) as error:
        raise Refused("bad_request", f"The frame is not JSON: {error}.") from None
    if not isinstance(frame, dict):
        raise Refused("bad_request", "Send one JSON object with a type.")
    return frame


def _names(frame: dict[str, Any], field: str) -> list[str]:
    names = frame.get(field)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Refused("bad_request", f"{field} is a list of the keys of calls, such as 1.0.0.")
    return names


def _is_pairs(pairs: object) -> bool:
    return isinstance(pairs, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(key, str) for key in pair)
        for pair in pairs
    )


def _find_member(session: str | None, slug: str, role: str) -> Member:
    request = HttpRequest()
    request.session = SessionStore(session)
    user = get_user(request)
    if not user.is_authenticated:
        raise Refused(
            "signed_out", "Your sign-in has expired. Sign in again; the run goes on.", close=4401
        )
    member = find_member(user, slug)
    if member is None:
        raise Refused("forbidden", "There is no such project, or it is not yours.", close=4403)
    if not member.may(role):
        raise Refused(
            "forbidden",
            f"This needs the role {role}, yours is {member.role}. An admin of the project can"
            " change it.",
        )
    return member


def _find_run(member: Member, text: object) -> Run:
    try:
        found = Run.objects.filter(project=member.project, pk=UUID(str(text))).first()
    except ValueError:
        found = None
    if found is None:
        raise Refused("not_found", "There is no such run in this project.", run=str(text)[:64])
    return found


def _check(session: str | None, slug: str, request: object, ref: str) -> runs.Order:
    member = _find_member(session, slug, "responder")
    try:
        checked = runs.check(member.project, request)
    except runs.Blocked as blocked:
        raise Refused("bad_request", str(blocked), reasons=blocked.reasons) from None
    return runs.Order(member.project, member.user, checked, ref)
