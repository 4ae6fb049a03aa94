from __future__ import annotations

import json
import random
from itertools import permutations
from typing import Any

from conversations.ingest.otlp import (
    Log,
    LogFragment,
    ResultFragment,
    Span,
    TurnFragment,
    join,
    map_traces,
    read_log,
    read_span,
)
from tests.ingest.samples import START, TRACE, answer, chat, span, tool

BARE = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1"}


def log(event: str, body: Any, *, number: int = 1, time: int = 0) -> Log:
    return Log(TRACE, f"{number:016x}", START + time, event, body)


LOGS = [
    log("gen_ai.user.message", {"content": "Weather?"}, time=1),
    log("gen_ai.assistant.message", {"tool_calls": answer()["tool_calls"]}, time=2),
    log("gen_ai.tool.message", {"id": "call_1", "content": "rain"}, time=3),
    log(
        "gen_ai.choice",
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Rain."}},
        time=4,
    ),
    log("gen_ai.choice", {"index": 1, "message": {"content": "Wet."}}, time=5),
]


def test_log_records_complete_their_span_in_any_order() -> None:
    whole = map_traces([span(BARE)], LOGS)
    (turn,) = whole.records
    assert [one["role"] for one in turn.request.messages] == ["user", "assistant", "tool"]
    assert turn.request.messages[2]["tool_call_id"] == "call_1"
    assert turn.response is not None and turn.response.message["content"] == "Rain."
    assert turn.response.finish_reason == "stop"
    assert [note.code for note in turn.notes] == ["choices_left_out"]
    for order in permutations(LOGS):
        assert map_traces([span(BARE)], order).records == whole.records


def test_without_its_logs_the_span_says_what_it_lacks() -> None:
    (turn,) = map_traces([span(BARE)]).records
    assert [note.code for note in turn.notes] == ["content_not_recorded"]
    assert turn.request.messages == []
    assert turn.response is not None and turn.response.message["content"] is None


def test_calls_without_arguments_are_no_empty_arguments() -> None:
    calls = [{"id": "c", "type": "function", "function": {"name": "get_weather"}}]
    choice = log("gen_ai.choice", {"index": 0, "message": {"tool_calls": calls}})
    (turn,) = map_traces([span(BARE)], [choice]).records
    assert "arguments" not in turn.calls[0]["function"]
    assert "content_not_recorded" in {note.code for note in turn.notes}


def test_one_event_may_hold_all_of_it() -> None:
    body = {key: value for key, value in chat(("a", "Oslo")).items() if "messages" in key}
    details = log("gen_ai.client.inference.operation.details", body)
    (turn,) = map_traces([span(BARE)], [details]).records
    assert turn.request.messages == [{"role": "user", "content": "Weather?"}]
    assert turn.calls[0]["id"] == "a"


def test_other_logs_are_left_aside() -> None:
    stray = log("gen_ai.user.message", {"content": "x"}, number=77)
    unbound = Log("", "", START, "gen_ai.user.message", {"content": "x"})
    joined = map_traces([span(chat())], [stray, unbound, log("my.event", "x")])
    assert [one.span_id for one in joined.logs] == [stray.span_id]
    assert sorted(one.reason for one in joined.ignored) == ["log", "log_without_span"]


def answered(*spans: Span) -> list[list[tuple[int | None, Any]]]:
    """For each turn its results: position and content."""
    joined = map_traces(spans)
    return [[(one.position, one.content) for one in turn.tool_results] for turn in joined.records]


def result(call_id: str | None, content: str, *, number: int, start: int, **more: Any) -> Span:
    named = {} if call_id is None else {"gen_ai__tool__call__id": call_id}
    return span(
        tool(gen_ai__tool__call__result=content, **named, **more), number=number, start=start
    )


def test_results_find_their_calls_by_id() -> None:
    spans = [
        span(chat(("a", "Oslo"), ("b", "Rome")), number=1),
        result("b", "sun", number=2, start=150),
        result("a", "rain", number=3, start=160),
        span(chat(("c", "Bonn")), number=4, start=300),
        result("c", "fog", number=5, start=450),
    ]
    expected = [[(0, "rain"), (1, "sun")], [(0, "fog")]]
    for order in permutations(spans):
        assert answered(*order) == expected


def test_an_id_that_repeats_goes_by_time() -> None:
    spans = [
        span(chat(("a", "Oslo")), number=1),
        result("a", "first", number=2, start=150),
        span(chat(("a", "Rome")), number=3, start=300),
        result("a", "second", number=4, start=450),
    ]
    for order in permutations(spans):
        assert answered(*order) == [[(0, "first")], [(0, "second")]]


def test_an_id_that_repeats_within_a_turn_goes_by_arguments() -> None:
    turn = span(chat(("a", "Oslo"), ("a", "Rome")), number=1)
    rome = result("a", "sun", number=2, start=150, gen_ai__tool__call__arguments='{"city":"Rome"}')
    oslo = result("a", "rain", number=3, start=160, gen_ai__tool__call__arguments='{"city":"Oslo"}')
    assert answered(turn, rome, oslo) == [[(0, "rain"), (1, "sun")]]


def test_without_ids_calls_of_a_name_are_answered_in_turn() -> None:
    turn = span(chat(("a", "Oslo"), ("b", "Rome")), number=1)
    first = result(None, "rain", number=2, start=150)
    second = result(None, "sun", number=3, start=250)
    assert answered(second, turn, first) == [[(0, "rain"), (1, "sun")]]


def test_a_result_without_its_call_waits() -> None:
    joined = map_traces([span(chat(("a", "Oslo"))), result("z", "?", number=2, start=150)])
    assert joined.records[0].tool_results == ()
    assert [one.result.call_id for one in joined.results] == ["z"]


def test_a_span_that_arrives_twice_is_one() -> None:
    turn, given = span(chat(("a", "Oslo"))), result("a", "rain", number=2, start=150)
    assert answered(turn, given, turn, given) == [[(0, "rain")]]


def test_fragments_wait_as_json() -> None:
    spans = [span(BARE), span(chat(("a", "Oslo")), number=2, start=200)]
    spans.append(result("a", "rain", number=3, start=350))
    random.Random(1).shuffle(spans)
    fragments = [read_span(one) for one in spans]
    logs = [one for one in map(read_log, LOGS) if isinstance(one, LogFragment)]

    def waited(kind: Any, those: list[Any]) -> list[Any]:
        kept = [one for one in those if isinstance(one, kind)]
        back = [kind.from_json(json.loads(json.dumps(one.to_json()))) for one in kept]
        assert back == kept
        return back

    turns, results = waited(TurnFragment, fragments), waited(ResultFragment, fragments)
    assert join(turns, results, waited(LogFragment, logs)).records == (
        map_traces(spans, LOGS).records
    )
