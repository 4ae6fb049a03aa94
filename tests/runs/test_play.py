"""A run over the socket: events in order, answers, rounds, what is stored."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from conversations import recording, wire
from conversations.models import Conversation, Run, ToolCall, Turn, TurnWire
from conversations.providers.scripted import compile_script
from tests.factories import WEATHER, People, make_tool_version
from tests.runs.playing import LAST, Socket, kinds, make_scripted, of, request

CALL = {"name": "get_weather", "arguments": {"city": "Oslo"}}
ROUNDS = [{"calls": [CALL], "fragment": 3}, {"text": "It is 18 degrees."}]


async def test_events_come_in_order_from_start_to_end(people: People) -> None:
    connection = await make_scripted(people.project, {"text": "Hello there", "fragment": 6})
    async with Socket(people.rita) as socket:
        events = await socket.play(**request(connection))
    assert kinds(events) == [
        "run.started",
        "round.started",
        "text.delta",
        "text.delta",
        "usage",
        "round.finished",
        "run.finished",
    ]
    assert [event["seq"] for event in events] == list(range(1, 8))
    assert "".join(event["text"] for event in of(events, "text.delta")) == "Hello there"
    assert events[0]["ref"] == "r"
    assert events[0]["prompt_bytes"] > 100
    usage = events[4]
    assert (usage["input_tokens"], usage["cost"], usage["unpriced"]) == (None, None, True)


async def test_a_call_assembles_piece_by_piece_and_is_judged(people: People) -> None:
    connection = await make_scripted(people.project, ROUNDS)
    async with Socket(people.rita) as socket:
        await socket.start(**request(connection))
        events = await socket.until("call.waiting")
    pieces = [event for event in of(events, "call.delta") if event["field"] == "arguments"]
    assert "".join(piece["fragment"] for piece in pieces) == '{"city":"Oslo"}'
    assert pieces[-1]["parsed"] == {"city": "Oslo"}
    assert pieces[-2]["arguments"] == '{"city":"Osl'
    done = of(events, "call.completed")[0]
    assert done["verdict"] == "accepted"
    own = ["assembly", "syntax", "offer", "schema", "rule", "content"]
    assert [layer["layer"] for layer in done["layers"]] == own


async def test_the_first_violation_is_told_while_the_call_still_streams(people: People) -> None:
    bad = {"calls": [{"name": "get_weather", "arguments": {"town": "Oslo", "unit": "kelvin"}}]}
    connection = await make_scripted(people.project, {**bad, "fragment": 2})
    async with Socket(people.rita) as socket:
        await socket.start(**request(connection))
        events = await socket.until("call.completed")
    deltas = of(events, "call.delta")
    told = [delta for delta in deltas if delta["violation"]]
    assert told and told[0] is not deltas[-1]
    assert told[0]["violation"]["code"] == "unexpected_parameter"
    codes = [finding["code"] for finding in events[-1]["findings"]]
    assert events[-1]["verdict"] == "rejected" and "missing_required" in codes


async def test_an_answer_by_hand_lets_the_model_go_on(people: People) -> None:
    connection = await make_scripted(people.project, ROUNDS)
    async with Socket(people.rita) as socket:
        await socket.start(**request(connection))
        call = (await socket.until("call.waiting"))[-1]
        assert (await Run.objects.aget(pk=call["run"])).status == "waiting"
        await socket.send(
            type="call.answer", run=call["run"], call=call["key"], content="18", error=False
        )
        rest = await socket.until(*LAST)
    assert of(rest, "call.result")[0]["answered_by"] == "hand"
    assert rest[-1]["turns"] == 2
    assert "".join(event["text"] for event in of(rest, "text.delta")) == "It is 18 degrees."


async def test_parallel_calls_wait_for_all_their_answers(people: People) -> None:
    both = {"calls": [CALL, {"name": "get_weather", "arguments": {"city": "Bergen"}}]}
    connection = await make_scripted(people.project, [both, {"text": "Done."}])
    async with Socket(people.rita) as socket:
        await socket.start(**request(connection))
        events = await socket.until("call.waiting") + await socket.until("call.waiting")
        keys = [event["key"] for event in of(events, "call.waiting")]
        run = events[0]["run"]
        await socket.send(type="call.answer", run=run, call=keys[1], content="second")
        first = await socket.until("call.result")
        assert first[-1]["key"] == keys[1]
        await socket.send(type="call.answer", run=run, call=keys[0], content="first")
        await socket.until(*LAST)
    turn = await Turn.objects.aget(key=recording.turn_key(run, 2))
    contents = [m["content"] for m in turn.new_messages if m["role"] == "tool"]
    assert contents == ["first", "second"]


@pytest.mark.parametrize("mode", ["fixed", "sample", "recorded"])
async def test_calls_can_be_answered_without_a_person(people: People, mode: str) -> None:
    schema = {"type": "object", "properties": {"c": {"const": 18}}, "required": ["c"]}
    definition = {**WEATHER, "output_schema": schema}
    version = await sync_to_async(make_tool_version)(people.project, definition)
    connection = await make_scripted(people.project, ROUNDS)
    async with Socket(people.rita) as socket:
        if mode == "recorded":
            fixed = {"get_weather": {"mode": "fixed", "content": '{"c":18}'}}
            await socket.play(**request(connection, answers=fixed))
        answers = {"get_weather": {"mode": mode, "content": '{"c":18}'}}
        asked = request(connection, answers=answers, tools=[{"version": version.pk}])
        events = await socket.play(**asked)
    assert of(events, "call.executing")[0]["mode"] == mode
    result = of(events, "call.result")[0]
    assert json.loads(result["content"]) == {"c": 18} and not result["error"]
    assert result["answered_by"] == ("recorded" if mode == "recorded" else "mock")
    if mode == "recorded":
        assert "same arguments" in result["note"]
    offered = of(events, "call.completed")[0]["version"]
    assert offered == {"id": version.pk, "number": version.number}
    assert events[-1]["status"] == "finished"


async def test_rounds_end_at_their_limit(people: People) -> None:
    connection = await make_scripted(people.project, {"calls": [CALL]})
    answers = {"get_weather": {"mode": "fixed", "content": "again"}}
    async with Socket(people.rita) as socket:
        events = await socket.play(**request(connection, answers=answers, max_rounds=3))
    assert len(of(events, "round.started")) == events[-1]["turns"] == 3


async def test_a_long_conversation_is_stored_once_and_rebuilt_whole(people: People) -> None:
    connection = await make_scripted(people.project, {"calls": [CALL]})
    answers = {"get_weather": {"mode": "fixed", "content": "x" * 1000}}
    async with Socket(people.rita) as socket:
        events = await socket.play(**request(connection, answers=answers, max_rounds=6))
    await sync_to_async(_check_linear)(events[0]["conversation"])


def _check_linear(conversation: str) -> None:
    turns = list(Turn.objects.filter(conversation=conversation).order_by("number"))
    assert [len(turn.new_messages) for turn in turns] == [1, 2, 2, 2, 2, 2]
    whole = recording.rebuild_request(turns[-1])
    assert len(whole["messages"]) == turns[-1].message_count == 11
    assert recording.digests(whole["messages"])[-1] == turns[-1].prefix_hash
    sent = json.loads(wire.unpack_request(TurnWire.objects.get(turn_id=turns[-1].pk).request))
    assert sent["messages"] == whole["messages"] and sent["tools"] == whole["tools"]
    held = Conversation.objects.get(pk=conversation)
    assert (held.turn_count, held.call_count) == (6, 6)


async def test_a_run_that_continues_a_conversation_finds_its_parent(people: People) -> None:
    connection = await make_scripted(people.project, {"text": "Hello"})
    async with Socket(people.rita) as socket:
        first = await socket.play(**request(connection))
        asked = request(connection)["messages"]
        more = [*asked, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "?"}]
        conversation = first[0]["conversation"]
        second = await socket.play(**request(connection, messages=more, conversation=conversation))
        other = [{"role": "user", "content": "Something else"}]
        third = await socket.play(**request(connection, messages=other, conversation=conversation))
    turns = [
        await Turn.objects.aget(pk=of(e, "round.started")[0]["turn"])
        for e in (first, second, third)
    ]
    assert [turn.number for turn in turns] == [1, 2, 3]
    assert [turn.parent_id for turn in turns] == [None, turns[0].pk, None]
    assert await sync_to_async(recording.rebuild_messages)(turns[1]) == more


async def test_an_answer_that_was_not_streamed_goes_the_same_way(people: People) -> None:
    message = {"role": "assistant", "content": "Whole."}
    answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    script = {"protocol": "openai.chat", "chunks": [[5, json.dumps(answer)]]}
    connection = await make_scripted(people.project, script)
    async with Socket(people.rita) as socket:
        events = await socket.play(**request(connection, stream=False))
    assert of(events, "text.delta")[0]["text"] == "Whole."
    assert events[-1]["type"] == "run.finished", events[-1]


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "link": "[x](javascript:alert(1))",
    "terminal": "\x1b[2J\x1b]0;x\x07",
    "bidi": "\u202egnp.exe\u2066",
    "nul": "a\x00b",
    "private": "\uf8ff0000 and \ufeff",
    "separators": "\u2028\u2029\r\n\x85",
    "line": "x" * 1_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_output_is_stored_and_told_exactly(people: People, name: str) -> None:
    text = HOSTILE[name]
    calls = [{"name": "get_weather", "arguments": {"city": text}}]
    compiled = compile_script({"text": text, "calls": calls, "fragment": 250_000})
    chunks = [[at, b64encode(chunk).decode(), "base64"] for at, chunk in compiled.chunks]
    connection = await make_scripted(people.project, {"chunks": chunks})
    async with Socket(people.rita) as socket:
        await socket.start(**request(connection))
        events = await socket.until("call.waiting")
        await socket.send(
            type="call.answer", run=events[0]["run"], call=events[-1]["key"], content=text
        )
        await socket.until("call.result")
        await socket.send(type="run.cancel", run=events[0]["run"])
        await socket.until(*LAST)
    assert "".join(event["text"] for event in of(events, "text.delta")) == text
    turn = await Turn.objects.aget(key=recording.turn_key(events[0]["run"], 1))
    assert json.loads(turn.response)["content"] == text
    call = await ToolCall.objects.aget(turn_id=turn.pk)
    assert json.loads(call.arguments) == {"city": text}
    assert call.result == text


async def test_a_lone_surrogate_of_a_request_is_stored_and_sent_as_far_as_it_can_be(
    people: People,
) -> None:
    connection = await make_scripted(people.project, {"text": "ok"})
    messages: list[Any] = [{"role": "user", "content": "half \ud83d of a pair"}]
    async with Socket(people.rita) as socket:
        events = await socket.play(**request(connection, messages=messages))
    assert events[-1]["type"] == "run.finished"
    turn = await Turn.objects.aget(key=recording.turn_key(events[0]["run"], 1))
    assert turn.new_messages == messages
    assert "U+FFFD" in turn.notes
