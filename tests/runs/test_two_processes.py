"""Two web processes: a run that one plays is followed, answered and cancelled in the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
import websockets
from asgiref.sync import sync_to_async
from django.conf import settings

from conversations.models import ToolCall
from tests.conftest import daphne, test_database_url
from tests.factories import People, client_of
from tests.runs.playing import LAST, make_scripted, of, request

CALL = {"name": "get_weather", "arguments": {"city": "Oslo"}}
SLOW = {"text": "one two three four five six seven eight nine ten", "delay_ms": 40, "fragment": 3}


@pytest.fixture(scope="module")
def two_webs(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[str, str]]:
    """The URLs of two web processes on the same database and Valkey."""
    with django_db_blocker.unblock():
        environment = {"DATABASE_URL": test_database_url()}
    with ThreadPoolExecutor() as pool, ExitStack() as stack:
        started = [pool.submit(stack.enter_context, daphne(environment)) for _ in range(2)]
        one, two = [future.result() for future in started]
        yield one, two


class Remote:
    """A member's socket at a web process."""

    def __init__(self, people: People, url: str) -> None:
        self.people, self.url = people, url

    async def __aenter__(self) -> Self:
        client = await sync_to_async(client_of)(self.people.rita)
        cookie = f"misfire_session={client.cookies[settings.SESSION_COOKIE_NAME].value}"
        place = f"ws://{urlsplit(self.url).netloc}/ws/playground/"
        self.wire = await websockets.connect(
            f"{place}?project={self.people.project.slug}",
            additional_headers={"Cookie": cookie},
            origin=websockets.Origin(self.url),
            open_timeout=30,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.wire.close()

    async def send(self, **body: Any) -> None:
        await self.wire.send(json.dumps(body))

    async def until(self, *kinds: str) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        async with asyncio.timeout(40):
            while not events or events[-1]["type"] not in kinds:
                events.append(json.loads(await self.wire.recv()))
        return events


async def test_a_run_of_one_process_is_followed_and_answered_in_the_other(
    people: People, two_webs: tuple[str, str]
) -> None:
    connection = await make_scripted(people.project, [{"calls": [CALL], "delay_ms": 30}, SLOW])
    async with Remote(people, two_webs[0]) as here, Remote(people, two_webs[1]) as there:
        await here.send(type="run.start", ref="r", request=request(connection))
        seen = await here.until("call.delta")
        run = seen[0]["run"]
        await there.send(type="run.resume", run=run, after=0)
        told = await there.until("call.waiting")
        key = told[-1]["key"]
        await there.send(type="call.answer", run=run, call=key, content="18 °C", error=False)
        told += await there.until(*LAST, "error")
        seen += await here.until(*LAST, "error")
    assert told == seen
    assert [event["seq"] for event in told] == list(range(1, len(told) + 1))
    assert of(told, "call.result")[0]["content"] == "18 °C"
    assert "".join(event["text"] for event in of(told, "text.delta")) == SLOW["text"]
    assert (await ToolCall.objects.aget(conversation__runs=run)).answered_by == "hand"


async def test_a_run_of_one_process_is_cancelled_in_the_other(
    people: People, two_webs: tuple[str, str]
) -> None:
    connection = await make_scripted(people.project, {**SLOW, "delay_ms": 300})
    async with Remote(people, two_webs[0]) as here, Remote(people, two_webs[1]) as there:
        await here.send(type="run.start", ref="r", request=request(connection))
        seen = await here.until("text.delta")
        await there.send(type="run.resume", run=seen[0]["run"], after=len(seen))
        await there.send(type="run.cancel", run=seen[0]["run"])
        rest = await there.until(*LAST, "error")
        assert await here.until(*LAST, "error") == rest
    assert rest[-1]["status"] == "cancelled"
