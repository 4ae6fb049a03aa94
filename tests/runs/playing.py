"""A member at the playground's socket, for tests: start, follow, answer, collect."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self

from asgiref.sync import sync_to_async
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.conf import settings

from console.accounts.models import Member, Project
from conversations.models import Connection
from conversations.routing import websocket_urlpatterns
from tests.factories import WEATHER, client_of

Event = dict[str, Any]
WEATHER_TOOL = {"type": "function", "function": WEATHER}
LAST = ("run.finished", "run.failed")


class Socket:
    """One open socket. ``async with Socket(member) as socket``."""

    def __init__(self, member: Member | None, project: Project | None = None) -> None:
        self.member = member
        self.slug = (project or (member and member.project)).slug  # type: ignore[union-attr]

    async def __aenter__(self) -> Self:
        headers = []
        if self.member:
            client = await sync_to_async(client_of)(self.member)
            self.client = client
            cookie = f"misfire_session={client.cookies[settings.SESSION_COOKIE_NAME].value}"
            headers = [(b"cookie", cookie.encode())]
        self.wire = WebsocketCommunicator(
            AuthMiddlewareStack(URLRouter(websocket_urlpatterns)),
            f"/ws/playground/?project={self.slug}",
            headers=headers,
        )
        connected, _ = await self.wire.connect()
        assert connected
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.wire.disconnect()

    async def send(self, **body: Any) -> None:
        await self.wire.send_to(text_data=json.dumps(body))

    async def receive(self, timeout: float = 30) -> Event:
        return json.loads(await self.wire.receive_from(timeout))  # type: ignore[no-any-return]

    async def until(self, *kinds: str, timeout: float = 60) -> list[Event]:
        """Every event up to the first of one of these types, that one included."""
        events: list[Event] = []
        try:
            async with asyncio.timeout(timeout):
                while True:
                    events.append(await self.receive(timeout))
                    if events[-1]["type"] in kinds:
                        return events
        except TimeoutError:
            raise AssertionError(f"none of {kinds} came after {events[-5:]}") from None

    async def start(self, ref: str = "r", **request: Any) -> None:
        await self.send(type="run.start", ref=ref, request=request)

    async def play(self, **request: Any) -> list[Event]:
        """Start a run and collect its events to the end."""
        await self.start(**request)
        return await self.until(*LAST, "error")


def scripted(project: Project, script: Any = None, **settings_: Any) -> Connection:
    """A scripted connection that plays this script whatever the model is called."""
    return Connection.objects.create(
        project=project,
        name=f"Script {Connection.objects.count()}",
        protocol="scripted",
        settings={"script": script, **settings_},
    )


make_scripted = sync_to_async(scripted)


def request(connection: Connection, **more: Any) -> dict[str, Any]:
    """A start request with sensible values."""
    return {
        "connection": connection.pk,
        "model": "any",
        "messages": [{"role": "user", "content": "What is the weather in Oslo?"}],
        "tools": [{"definition": WEATHER_TOOL}],
        **more,
    }


def kinds(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def of(events: list[Event], kind: str) -> list[Event]:
    return [event for event in events if event["type"] == kind]
