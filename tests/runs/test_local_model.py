"""The real local model, streamed through the real socket."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from conversations import recording
from conversations.connections import ensure_local
from conversations.models import Connection, Run, ToolCall, Turn
from tests.factories import People
from tests.runs.playing import LAST, Socket, kinds, of, request

pytestmark = pytest.mark.model


async def test_it_calls_the_tool_waits_for_the_answer_and_goes_on(
    people: People, local_settings: Any
) -> None:
    connection = await sync_to_async(ensure_local)(people.project)
    assert connection is not None
    async with Socket(people.rita) as socket:
        asked = request(
            connection, model=local_settings.name, parameters={"max_tokens": 60, "temperature": 0}
        )
        await socket.start(**asked)
        events = await socket.until("call.waiting", *LAST)
        assert kinds(events)[:2] == ["run.started", "round.started"]
        call = of(events, "call.completed")[0]
        assert (call["name"], call["verdict"]) == ("get_weather", "accepted")
        assert len(of(events, "call.delta")) > 3
        await socket.send(
            type="call.answer", run=call["run"], call=call["key"], content='{"celsius": 18}'
        )
        rest = await socket.until(*LAST)
    assert rest[-1]["type"] == "run.finished"
    assert (rest[-1]["status"], rest[-1]["turns"]) == ("finished", 2)
    assert of(rest, "text.delta")
    seqs = [event["seq"] for event in events + rest]
    assert seqs == list(range(1, len(seqs) + 1))
    await sync_to_async(_check_stored)(call["run"], asked)


def _check_stored(run_id: str, asked: dict[str, Any]) -> None:
    run = Run.objects.get(pk=run_id)
    first, second = Turn.objects.filter(conversation=run.conversation).order_by("number")
    assert run.status == first.status == second.status == "finished"
    assert second.parent_id == first.pk
    assert [message["role"] for message in second.new_messages] == ["assistant", "tool"]
    rebuilt = recording.rebuild_request(second)
    assert rebuilt["messages"][:1] == asked["messages"]
    assert rebuilt["messages"][2]["content"] == '{"celsius": 18}'
    assert rebuilt["tools"] == [tool["definition"] for tool in asked["tools"]]
    assert (rebuilt["max_tokens"], rebuilt["stream"]) == (60, True)
    call = ToolCall.objects.get(turn_id=first.pk)
    assert (call.result, call.answered_by) == ('{"celsius": 18}', "hand")
    assert first.input_tokens and first.cost is None and "local" in first.price


@pytest.mark.parametrize(
    ("protocol", "api"), [("openai", "chat"), ("openai", "responses"), ("anthropic", "")]
)
async def test_every_protocol_that_it_speaks_works(
    people: People, local_settings: Any, settings: Any, monkeypatch: Any, protocol: str, api: str
) -> None:
    monkeypatch.setenv("LLAMA_API_KEY", local_settings.key)
    connection = await Connection.objects.acreate(
        project=people.project,
        name=f"{protocol} {api}",
        protocol=protocol,
        base_url=local_settings.url,
        key_variable="LLAMA_API_KEY",
        settings={"api": api},
    )
    weather = {"mode": "fixed", "content": "18 degrees"}
    asked = request(
        connection,
        model=local_settings.name,
        parameters={"max_tokens": 60, "temperature": 0},
        answers={"get_weather": weather},
    )
    async with Socket(people.rita) as socket:
        events = await socket.play(**asked)
    assert events[-1]["type"] == "run.finished", str(events[-1])
    assert of(events, "call.result")[0]["content"] == "18 degrees"
    assert events[-1]["turns"] == 2
    assert of(events, "usage")[0]["unpriced"] is True


async def test_it_says_that_the_context_is_too_long(people: People, local_settings: Any) -> None:
    connection = await sync_to_async(ensure_local)(people.project)
    assert connection is not None
    long = [{"role": "user", "content": "word " * 9000}]
    async with Socket(people.rita) as socket:
        events = await socket.play(**request(connection, model=local_settings.name, messages=long))
    assert events[-1]["code"] == "context_too_long", events[-1]
    assert events[-1]["http_status"] == 400
