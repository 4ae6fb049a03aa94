"""The socket: who may do what, what it refuses, resuming and following together."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.utils import timezone

from conversations import live, run_log
from conversations.models import Run
from tests.factories import People
from tests.runs.playing import LAST, Socket, kinds, make_scripted, of, request

CALL = {"name": "get_weather", "arguments": {"city": "Oslo"}}
SLOW = {"text": "one two three four five six", "delay_ms": 40, "fragment": 4}


async def test_it_refuses_a_stranger(people: People) -> None:
    async with Socket(people.charlie, people.project) as socket:
        assert (await socket.receive())["code"] == "forbidden"
        assert (await socket.wire.receive_output())["code"] == 4403


async def test_it_refuses_who_has_not_signed_in(people: People) -> None:
    async with Socket(None, people.project) as socket:
        assert (await socket.receive())["code"] == "signed_out"
        assert (await socket.wire.receive_output())["code"] == 4401


async def test_a_viewer_follows_but_does_not_run(people: People) -> None:
    connection = await make_scripted(people.project, {"text": "Hi"})
    async with Socket(people.vera) as viewer, Socket(people.rita) as rita:
        await viewer.start(**request(connection))
        assert (await viewer.receive())["code"] == "forbidden"
        events = await rita.play(**request(connection))
        await viewer.send(type="run.resume", run=events[0]["run"], after=0)
        assert await viewer.until(*LAST) == events


async def test_an_expired_sign_in_is_told_and_the_run_goes_on(people: People) -> None:
    connection = await make_scripted(people.project, SLOW)
    async with Socket(people.rita) as socket:
        await socket.start(**request(connection))
        run = (await socket.receive())["run"]
        await Session.objects.all().adelete()
        await socket.send(type="ping")
        assert (await socket.until("error"))[-1]["code"] == "signed_out"
    async with Socket(people.rita) as again:
        await again.send(type="run.resume", run=run, after=0)
        events = await again.until(*LAST)
    assert events[-1]["status"] == "finished"


async def test_another_projects_run_is_not_there(people: People) -> None:
    other = await Run.objects.acreate(
        project=people.charlie.project, request="{}", model="m", user=None
    )
    async with Socket(people.rita) as socket:
        await socket.send(type="run.resume", run=str(other.pk), after=0)
        assert (await socket.receive())["code"] == "not_found"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not json", "not JSON"),
        ("[]", "one JSON object"),
        ('{"type":"dance"}', "no command 'dance'"),
        ("{}", "no command None"),
        ('{"type":"call.answer","content":3}', "send a string"),
        ('{"type":"run.cancel","run":"x"}', "no such run"),
        ('{"type":"run.start"}', "run.start"),
        ("[" * 100_000, "not JSON"),
    ],
)
async def test_a_bad_frame_says_what_to_send_and_the_socket_stays(
    people: People, text: str, words: str
) -> None:
    async with Socket(people.rita) as socket:
        await socket.wire.send_to(text_data=text)
        error = await socket.receive()
        assert error["type"] == "error"
        assert words in error["detail"] or error.get("reasons")
        await socket.send(type="ping")
        assert (await socket.receive())["type"] == "pong"


async def test_a_frame_that_is_too_large_is_refused(people: People, monkeypatch: Any) -> None:
    monkeypatch.setattr("conversations.consumers.LARGEST_FRAME", 1000)
    async with Socket(people.rita) as socket:
        await socket.wire.send_to(text_data=json.dumps({"type": "ping", "x": "y" * 1000}))
        assert (await socket.receive())["code"] == "too_large"


async def test_a_blocked_run_lists_all_its_reasons(people: People) -> None:
    async with Socket(people.rita) as socket:
        await socket.start(
            ref="mine",
            connection=0,
            model="m",
            messages=[{"role": "user", "content": ""}, {"role": "robot"}],
            tools=[{"version": 99}, {"definition": {"description": "no name"}}],
            tool_choice={"type": "function", "function": {"name": "gone"}},
        )
        error = await socket.receive()
    assert (error["code"], error["ref"]) == ("bad_request", "mine")
    assert len(error["reasons"]) == 6, error["reasons"]


async def test_it_resumes_at_the_event_after_the_last_seen(people: People) -> None:
    connection = await make_scripted(people.project, SLOW)
    async with Socket(people.rita) as socket:
        await socket.start(**request(connection))
        seen = [await socket.receive() for _ in range(4)]
    await asyncio.sleep(0.1)
    async with Socket(people.rita) as again:
        await again.send(type="run.resume", run=seen[0]["run"], after=4)
        rest = await again.until(*LAST)
    assert [event["seq"] for event in seen + rest] == list(range(1, len(seen + rest) + 1))
    text = "".join(event["text"] for event in of(seen + rest, "text.delta"))
    assert text == SLOW["text"]


async def test_two_sockets_see_the_same_run(people: People) -> None:
    connection = await make_scripted(people.project, SLOW)
    async with Socket(people.rita) as one, Socket(people.bob) as two:
        await one.start(**request(connection))
        first = await one.receive()
        await asyncio.sleep(0.06)
        await two.send(type="run.resume", run=first["run"], after=0)
        assert [first, *await one.until(*LAST)] == await two.until(*LAST)


async def test_a_finished_run_is_rebuilt_when_its_log_has_expired(people: People) -> None:
    calls = [{"calls": [CALL, CALL], "text": "Let me see"}, {"text": "Done", "fragment": 1}]
    connection = await make_scripted(people.project, calls)
    answers = {"get_weather": {"mode": "fixed", "content": "18"}}
    async with Socket(people.rita) as socket:
        events = await socket.play(**request(connection, answers=answers))
        run = events[0]["run"]
        await live.hub().redis.delete(run_log.log_key(run))
        await socket.send(type="run.resume", run=run, after=0)
        rebuilt = await socket.until(*LAST)
        await socket.send(type="run.resume", run=run, after=len(events) - 2)
        assert len(await socket.until(*LAST)) == 2
    assert kinds(rebuilt)[:20] == kinds(events)[:20]
    assert [_timeless(event) for event in sorted(rebuilt, key=_sort_key)] == [
        _timeless(event) for event in sorted(events, key=_sort_key)
    ]


def _sort_key(event: dict[str, Any]) -> tuple[Any, ...]:
    late = event["type"] in ("call.executing", "call.result")
    return (
        event.get("round", 0 if event["type"] == "run.started" else 9),
        late,
        event["type"],
        event.get("key", ""),
        event["seq"] if not late else 0,
    )


def _timeless(event: dict[str, Any]) -> dict[str, Any]:
    free = ("at", "seq", "ref", "note", "latency_ms", "first_token_ms")
    return {key: value for key, value in event.items() if key not in free}


async def test_a_run_is_cancelled_in_mid_stream_and_keeps_what_came(people: People) -> None:
    connection = await make_scripted(people.project, {**SLOW, "delay_ms": 150})
    async with Socket(people.rita) as socket:
        await socket.start(**request(connection))
        seen = await socket.until("text.delta")
        await socket.send(type="run.cancel", run=seen[0]["run"])
        rest = await socket.until(*LAST)
    assert (rest[-1]["type"], rest[-1]["status"]) == ("run.finished", "cancelled")
    run = await Run.objects.aget(pk=seen[0]["run"])
    assert run.status == "cancelled" and run.last_seq == rest[-1]["seq"]
    turn = await sync_to_async(lambda: run.conversation.turns.get())()  # type: ignore[union-attr]
    text = json.loads(turn.response)["content"]
    assert turn.status == "cancelled" and text and SLOW["text"].startswith(text)


async def test_a_run_is_cancelled_while_it_waits(people: People) -> None:
    connection = await make_scripted(people.project, {"calls": [CALL]})
    async with Socket(people.rita) as socket:
        await socket.start(**request(connection))
        seen = await socket.until("call.waiting")
        await socket.send(type="run.cancel", run=seen[0]["run"])
        assert (await socket.until(*LAST))[-1]["status"] == "cancelled"
        await socket.send(type="run.cancel", run=seen[0]["run"])
        assert (await socket.receive())["code"] == "not_running"


async def test_a_closed_tab_does_not_stop_the_run(people: People) -> None:
    connection = await make_scripted(people.project, SLOW)
    async with Socket(people.rita) as socket:
        await socket.start(**request(connection))
        run = (await socket.receive())["run"]
    async with asyncio.timeout(30):
        while (await Run.objects.aget(pk=run)).status == "running":
            await asyncio.sleep(0.05)
    found = await Run.objects.aget(pk=run)
    assert found.status == "finished" and found.finished_at <= timezone.now()  # type: ignore[operator]


async def test_one_socket_plays_many_runs_at_once(people: People) -> None:
    connection = await make_scripted(people.project, SLOW)
    async with Socket(people.rita) as socket:
        for number in range(8):
            await socket.start(ref=str(number), **request(connection, trial=number + 1))
        ended: list[Any] = []
        events: list[Any] = []
        while len(ended) < 8:
            events.append(await socket.receive())
            if events[-1]["type"] in LAST:
                ended.append(events[-1]["run"])
    assert {event["ref"] for event in of(events, "run.started")} == set("01234567")
    for run in ended:
        mine = [event for event in events if event["run"] == run]
        assert [event["seq"] for event in mine] == list(range(1, len(mine) + 1))
