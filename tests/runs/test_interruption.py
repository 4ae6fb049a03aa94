"""A web process that dies: the run is closed with all that had arrived."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import websockets
from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone

from console.embedded.child import free_port
from conversations import interruption, live, recording, run_log, tasks
from conversations.models import Run, Turn
from tests.conftest import ROOT, test_database_url
from tests.factories import People, client_of
from tests.runs.playing import LAST, Socket, make_scripted, of, request

SLOW = {"text": "word " * 200, "delay_ms": 60, "fragment": 5}


class Web:
    """A web server of its own process group, to be killed."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.log = (folder / "web.log").open("wb")

    async def __aenter__(self) -> Web:
        database = await sync_to_async(test_database_url)()
        self.child = subprocess.Popen(
            [sys.executable, "-m", "console.web", "-b", "127.0.0.1", "-p", str(self.port)]
            + ["console.asgi:application"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database},
            stdout=self.log,
            stderr=self.log,
        )
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return self
                except OSError:
                    await asyncio.sleep(0.1)

    async def __aexit__(self, *_: object) -> None:
        self.end(signal.SIGKILL)
        self.log.close()

    def end(self, how: signal.Signals) -> None:
        if self.child.poll() is None:
            self.child.send_signal(how)
        self.child.wait(20)

    async def start(self, people: People, asked: dict[str, Any], events: int) -> list[Any]:
        """Start a run and read its first events."""
        client = await sync_to_async(client_of)(people.rita)
        cookie = f"misfire_session={client.cookies[settings.SESSION_COOKIE_NAME].value}"
        url = f"ws://127.0.0.1:{self.port}/ws/playground/?project={people.project.slug}"
        origin = websockets.Origin(f"http://127.0.0.1:{self.port}")
        async with websockets.connect(
            url, additional_headers={"Cookie": cookie}, origin=origin, open_timeout=30
        ) as socket:
            await socket.send(json.dumps({"type": "run.start", "ref": "r", "request": asked}))
            return [json.loads(await socket.recv()) for _ in range(events)]


async def test_a_killed_process_leaves_the_run_interrupted_with_what_had_arrived(
    people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await make_scripted(people.project, SLOW)
    async with Web(tmp_path) as web:
        events = await web.start(people, request(connection), 12)
        web.end(signal.SIGKILL)
    run_id = events[0]["run"]
    run = await Run.objects.aget(pk=run_id)
    assert run.status == "running"
    assert await sync_to_async(tasks.close_interrupted_runs)() == 0, "its heartbeat still lives"
    await live.hub().redis.delete(run_log.alive_key(run_id))
    later = timezone.now() + timedelta(seconds=live.ALIVE_S)
    monkeypatch.setattr("conversations.interruption.timezone.now", lambda: later)
    async with Socket(people.rita) as socket:
        await socket.send(type="run.resume", run=run_id, after=events[-1]["seq"])
        assert await sync_to_async(tasks.close_interrupted_runs)() == 1
        rest = await socket.until(*LAST)
    assert rest[-1]["code"] == rest[-1]["status"] == "interrupted"
    seqs = [event["seq"] for event in events + rest]
    assert seqs == list(range(1, len(seqs) + 1))
    told = "".join(event["text"] for event in of(events + rest, "text.delta"))
    turn = await Turn.objects.aget(key=recording.turn_key(run_id, 1))
    assert turn.status == "interrupted"
    assert json.loads(turn.response)["content"] == told != ""
    run = await Run.objects.aget(pk=run_id)
    assert (run.status, run.last_seq) == ("interrupted", seqs[-1])
    assert await sync_to_async(interruption.close_interrupted)() == []


async def test_a_server_that_is_told_to_end_marks_its_runs_itself(
    people: People, tmp_path: Path
) -> None:
    connection = await make_scripted(people.project, SLOW)
    async with Web(tmp_path) as web:
        events = await web.start(people, request(connection), 6)
        web.end(signal.SIGTERM)
    run = await Run.objects.aget(pk=events[0]["run"])
    assert run.status == "interrupted"
    turn = await Turn.objects.aget(key=recording.turn_key(run.pk, 1))
    text = json.loads(turn.response)["content"]
    assert turn.status == "interrupted" and text and SLOW["text"].startswith(text)  # type: ignore[attr-defined]
