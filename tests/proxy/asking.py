"""Asking through the proxy, in tests: who asks, where, and what was stored of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import httpx2
from asgiref.sync import sync_to_async
from django.db import connections

from console.accounts.models import Project
from conversations import wire
from conversations.models import Connection, ToolCall, Turn, TurnWire
from tests.factories import make_connection, make_key, make_project
from tests.proxy.conftest import Web

BODY = {"model": "m", "messages": [{"role": "user", "content": "Go"}]}
STREAM = {**BODY, "stream": True}
PROVIDER_KEY = "sk-of-the-provider-0123456789"


@dataclass(frozen=True)
class Owner:
    project: Project
    key: str

    @classmethod
    def make(cls, scopes: tuple[str, ...] = ("ingest",)) -> Self:
        project = make_project()
        return cls(project, make_key(project, scopes)[1])

    def connect(self, base_url: str, **fields: Any) -> Connection:
        return make_connection(self.project, **{"name": "up", "base_url": base_url, **fields})

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Misfire-Key": self.key, "Authorization": f"Bearer {PROVIDER_KEY}"}


def client(web: Web, **options: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=web.url, timeout=30, trust_env=False, **options)


async def connect(owner: Owner, base_url: str, **fields: Any) -> Connection:
    return await in_thread(owner.connect, base_url, **fields)


async def in_thread(function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Call what asks the database, and close its connection."""

    def call() -> Any:
        try:
            return function(*given, **named)
        finally:
            connections.close_all()

    return await sync_to_async(call, thread_sensitive=True)()


@dataclass(frozen=True)
class Stored:
    """A turn with its calls and its bytes."""

    turn: Turn
    calls: list[ToolCall]
    request: bytes
    chunks: list[wire.Chunk]

    @property
    def answer(self) -> bytes:
        return b"".join(chunk for _, chunk in self.chunks)


def read_stored(owner: Owner) -> list[Stored]:
    found = []
    for turn in (
        Turn.objects.select_related("conversation").filter(project=owner.project).order_by("id")
    ):
        bytes_of = TurnWire.objects.filter(turn_id=turn.pk).first()
        if bytes_of is None:
            continue
        calls = list(ToolCall.objects.filter(turn_id=turn.pk).order_by("position"))
        request = wire.unpack_request(bytes_of.request)
        found.append(Stored(turn, calls, request, wire.unpack(bytes_of.chunks)))
    return found


async def stored(owner: Owner, count: int = 1, within: float = 20) -> list[Stored]:
    """The project's turns, as soon as there are ``count`` and each names its connection."""
    deadline = time.monotonic() + within
    while True:
        found: list[Stored] = await in_thread(read_stored, owner)
        if len(found) >= count and all(one.turn.connection_id for one in found):
            return found
        assert time.monotonic() < deadline, f"{len(found)} of {count} turns were stored"
        await asyncio.sleep(0.1)
