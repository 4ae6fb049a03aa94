"""The conduct of a conversation and the results of its calls: each code, and when it is silent."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools_registry.validation.conduct import PastCall, Setting, judge_conduct
from tools_registry.validation.findings import Finding
from tools_registry.validation.outcome import LONGEST_READ, Outcome, read_outcome

BEGAN = datetime(2024, 2, 3, 2, 46, 31, tzinfo=UTC)
OSLO = '{"city": "Oslo"}'
BAD = '{"error": {"status": 400, "detail": "missing field temprature"}}'
OK: dict[str, Any] = {"status": "ok", "result": "4 degrees"}
FAILED: dict[str, Any] = {"status": "error", "result": BAD}
LATE: dict[str, Any] = {"status": "timeout", "result": None}


def call(turn: int, arguments: str = OSLO, name: str = "get_weather", **fields: Any) -> PastCall:
    at = BEGAN + timedelta(seconds=5 * (turn - 1))
    return PastCall(turn, fields.pop("position", 0), name, arguments, at=at, **fields)


def codes(*calls: PastCall, setting: Setting | None = None) -> list[list[str]]:
    return [[finding.code for finding in found] for found in judge_conduct(calls, setting)]


def last(code: str, *calls: PastCall, setting: Setting | None = None) -> Finding:
    (finding,) = [f for f in judge_conduct(calls, setting)[-1] if f.code == code]
    return finding


# What became of a call


@pytest.mark.parametrize(
    "text",
    [
        "Error: payment method not found",
        "error - no such city",
        "Error calling tool: boom",
        "An error occurred while fetching the weather",
        "Internal server error",
        "Traceback (most recent call last):\n  File …",
        "ValueError: bad city",
        "requests.exceptions.ConnectionError: refused",
        "Failed to fetch the weather",
        "HTTP 503",
        "404 Not Found",
        "Connection refused",
        "<tool_use_error>no such file</tool_use_error>",
        '"Error: quoted"',
        '{"error": "boom"}',
        '{"error": {"message": "boom"}}',
        '{"error": true}',
        '{"errors": [{"message": "boom"}], "data": null}',
        '{"exception": "boom", "response": null}',
        '{"errorMessage": "boom", "errorType": "KeyError"}',
        '{"status": "error"}',
        '{"status": "failed", "message": "no such order"}',
        '{"success": false}',
        '{"ok": false, "error": "channel_not_found"}',
        '{"status": 404, "title": "Not found"}',
        '{"statusCode": 500, "body": ""}',
        '{"code": 404, "message": "no such order"}',
        '{"isError": true, "content": [{"type": "text", "text": "boom"}]}',
        '[{"type": "text", "text": "Error: boom"}]',
        '{"result": {"error": "boom"}}',
        '{"message": "Error: boom"}',
        '{"status": "ok", "data": null, "message": "rate limited"}',
    ],
)
def test_an_error_inside_a_result_is_found(text: str) -> None:
    assert read_outcome(None, text).kind == "failed"
    assert codes(call(1, status="ok", result=text)) == [["swallowed_error"]]
    (found,) = codes(call(1, result=text))
    assert found and found[0] in ("tool_error", "timeout", "rate_limited")


@pytest.mark.parametrize(
    "text",
    [
        "4 degrees",
        "available",
        "Errors: 0",
        "Error handling in Python is done with try and except.",
        "Speed test failed: No Connection.",
        "The film is called Error: Unknown",
        "Terror in the night",
        "404 rooms were found",
        "500",
        "Failed to launch: " + "a long article on rockets " * 40,
        '{"error": "", "response": "fine"}',
        '{"error": null}',
        '{"errors": []}',
        '{"error": "none", "data": 1}',
        '{"value": 3.2, "error": 0.03}',
        '{"value": 3.2, "error": "0.03"}',
        '{"errors": 0, "warnings": 3}',
        '{"id": 7, "status": "failed", "amount": 12, "currency": "EUR", "at": "2024"}',
        '{"status": "ok", "message": "no error"}',
        '{"status": 200, "message": "rate limits apply"}',
        '{"success": true}',
        '{"code": 500, "name": "Part"}',
        '{"payments": [{"status": "error"}]}',
        '[{"error": "a row of a log"}, {"error": "another"}]',
        "[]",
        '{"a": ' * 50_000,
    ],
)
def test_what_only_speaks_of_errors_is_none(text: str) -> None:
    assert read_outcome("ok", text).kind == "ok"
    assert codes(call(1, status="ok", result=text)) == [[]]


@pytest.mark.parametrize(
    ("status", "text", "code", "transient", "http"),
    [
        ("error", None, "tool_error", False, None),
        ("error", "no such city", "tool_error", False, None),
        ("error", BAD, "tool_error", False, 400),
        ("error", "HTTP 503 Service Unavailable", "tool_error", True, 503),
        ("error", "Error: 502 Bad Gateway", "tool_error", True, 502),
        ("error", "upstream overloaded, try again later", "tool_error", True, None),
        ("error", "connection reset by peer", "tool_error", True, None),
        ("error", "flight HAT030 not available on date 2024-05-13", "tool_error", False, None),
        ("error", "Error: Too many reservations", "tool_error", False, None),
        ("error", "timed out after 5 s", "timeout", True, None),
        ("error", '{"status": 504}', "timeout", True, 504),
        ("error", "DeadlineExceeded: deadline exceeded", "timeout", True, None),
        ("timeout", None, "timeout", True, None),
        ("error", "Error: 429 Too Many Requests", "rate_limited", True, 429),
        ("error", '{"error": {"code": 429, "message": "slow down"}}', "rate_limited", True, 429),
        ("error", "Rate limit reached; request timed out", "rate_limited", True, None),
        ("error", "ThrottlingException", "rate_limited", True, None),
        ("rate_limited", "", "rate_limited", True, None),
        (None, "Request timed out", "timeout", True, None),
    ],
)
def test_errors_are_told_apart(
    status: str | None, text: str | None, code: Any, transient: bool, http: int | None
) -> None:
    outcome = read_outcome(status, text)
    assert (outcome.kind, outcome.code) == ("failed", code)
    assert (outcome.transient, outcome.http) == (transient, http)
    assert codes(call(1, status=status, result=text)) == [[code]]


def test_the_tool_s_own_words_are_in_the_message() -> None:
    finding = last("tool_error", call(1, **FAILED))
    assert finding.message == "get_weather answered with an error: missing field temprature"
    assert finding.detail == {"transient": False, "http": 400}
    swallowed = last("swallowed_error", call(1, status="ok", result='{"error": "rate limit"}'))
    assert swallowed.message == "Reported as OK, but the result is an error: rate limit"
    assert swallowed.detail["code"] == "rate_limited"
    assert len(last("tool_error", call(1, status="error", result="x " * 90_000)).message) < 300


def test_results_too_long_to_parse_are_judged_by_their_beginning() -> None:
    assert read_outcome(None, "Error: " + "x" * LONGEST_READ).kind == "failed"
    assert read_outcome(None, '{"error": "' + "x" * LONGEST_READ + '"}').kind == "ok"


def test_nothing_came_or_came_unrecorded() -> None:
    assert read_outcome(None, None) == Outcome("pending")
    assert read_outcome("", None) == Outcome("pending")
    assert read_outcome("ok", None) == Outcome("ok")


# A value made of nothing

MOON = Setting(answers={1: "", 2: "The temperature is unknown, but likely quite cold."})


@pytest.mark.parametrize(
    "result", ["null", "", "None", "{}", '""', '{"data": null}', '{"result": {}, "status": "ok"}']
)
def test_nothing_presented_as_an_answer_is_a_swallowed_error(result: str) -> None:
    moon = call(1, '{"city": "the moon"}', status="ok", result=result)
    finding = last("swallowed_error", moon, setting=MOON)
    assert "likely quite cold" in finding.message and finding.detail == {"empty": True}


@pytest.mark.parametrize(
    ("result", "name", "answer"),
    [
        ("null", "get_weather", "I could not find the weather on the moon."),
        ("null", "get_weather", "The weather there is unknown."),
        ("null", "get_weather", "Leider gibt es dafür keine Daten."),
        ("null", "get_weather", ""),
        ("null", "send_email", "The mail is on its way."),
        ("[]", "search_flights", "Here are some trains."),
        ("0", "count_orders", "You have 0 orders."),
        ("false", "check_stock", "It is sold out."),
    ],
)
def test_nothing_is_fine_where_it_is_said_or_meant(result: str, name: str, answer: str) -> None:
    setting = Setting(answers={2: answer})
    assert codes(call(1, name=name, status="ok", result=result), setting=setting) == [[]]


def test_a_tool_known_to_return_a_value_must() -> None:
    weather = call(1, name="weather", status="ok", result="null")
    answers = {2: "It is cold."}
    assert codes(weather, setting=Setting(answers=answers)) == [[]]
    valued = Setting(answers=answers, valued={"weather"})
    assert codes(weather, setting=valued) == [["swallowed_error"]]


def test_an_answer_may_speak_of_another_call_s_value() -> None:
    void = call(1, status="ok", result="null")
    setting = Setting(answers={3: "It is 4 degrees."})
    assert codes(void, call(2, "{}", **OK), setting=setting) == [[], []]
    beside = call(1, "{}", position=1, **OK)
    assert codes(void, beside, setting=setting) == [[], []]
    again = call(2, "{}", status="ok", result="null")
    assert codes(void, again, setting=setting) == [["swallowed_error"], ["swallowed_error"]]


# Calls made again


def test_the_same_call_again_is_a_repeat() -> None:
    first, second = call(1, **OK), call(3, '{ "city":"Oslo" }', **OK)
    finding = last("repeated_call", first, call(2, "{}", **OK), second)
    assert finding.message == (
        "Second call with these arguments; the last was in turn 1, 10 s ago, with the same result"
    )
    assert finding.detail == {
        "times": 1,
        "earlier": [{"turn": 1, "position": 0}],
        "same_result": True,
    }
    third = last("repeated_call", first, second, call(4, status="ok", result="5 degrees"))
    assert third.message.startswith("Third call") and third.detail["times"] == 2
    assert third.message.endswith("with another result")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a": 1, "b": [2]}', '{"b":[2.0],"a":1e0}'),
        ("", "{}"),
        ('{"a": "\\u00e9"}', '{"a": "é"}'),
        ('{"a": ', '{"a": '),
        ('{"a": 1e999}', '{"a": 1e999}'),
        ('{"a": "\\ud800"}', '{"a": "\\ud800"}'),
        ('{"a": ' + "9" * 5000 + "}", '{"a": ' + "9" * 5000 + "}"),
        ('{"a": ' * 50_000, '{"a": ' * 50_000),
    ],
)
def test_arguments_are_equal_as_json(one: str, other: str) -> None:
    assert codes(call(1, one, **OK), call(2, other, **OK)) == [[], ["repeated_call"]]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (call(1, **OK), call(2, '{"city": "Bergen"}', **OK)),
        (call(1, **OK), call(2, name="get_forecast", **OK)),
        (call(1, '{"a": 1}', **OK), call(2, '{"a": true}', **OK)),
    ],
)
def test_other_calls_are_no_repeats(first: PastCall, second: PastCall) -> None:
    assert codes(first, second) == [[], []]


def test_trying_again_is_no_repeat_where_the_result_called_for_it() -> None:
    assert codes(call(1, **LATE), call(2, **OK)) == [["timeout"], []]
    busy = {"status": "error", "result": "503 Service Unavailable"}
    assert codes(call(1, **busy), call(2, **OK)) == [["tool_error"], []]
    assert codes(call(1), call(2, **OK)) == [["unanswered_call"], []]
    assert codes(call(1, **FAILED), call(2, **OK)) == [["tool_error"], ["repeated_call"]]
    assert codes(call(1, **OK), call(2, **LATE), call(3, **OK))[-1] == ["repeated_call"]


def test_the_same_call_twice_in_a_turn_is_a_repeat() -> None:
    finding = last("repeated_call", call(1, **LATE), call(1, position=1, **OK))
    assert "in this turn" in finding.message


def test_places_of_repeats_are_kept_up_to_a_number() -> None:
    calls = [call(turn, **OK) for turn in range(1, 248)]
    finding = last("repeated_call", *calls)
    assert finding.message.startswith("247th call") and finding.detail["times"] == 246
    assert len(finding.detail["earlier"]) == 20


def test_the_third_identical_call_after_the_same_error_is_a_storm() -> None:
    calls = [call(turn, verdict="rejected", request=1, **FAILED) for turn in (1, 2, 3)]
    assert codes(*calls) == [
        ["tool_error"],
        ["tool_error", "repeated_call"],
        ["tool_error", "retry_storm"],
    ]
    finding = last("retry_storm", *calls)
    assert finding.message == "Third identical call in 10 s, after the same error twice"
    assert finding.detail == {
        "attempts": 3,
        "first": {"turn": 1, "position": 0},
        "identical": True,
        "same_error": True,
    }
    fourth = last("retry_storm", *calls, call(4, request=1, **FAILED))
    assert fourth.message == "Fourth identical call in 15 s, after the same error 3 times"


def failing(turn: int, error: str, request: int = 1, **fields: Any) -> PastCall:
    return call(turn, f'{{"try": {turn}}}', status="error", result=error, request=request, **fields)


def test_a_storm_within_one_request_may_have_several_errors() -> None:
    calls = [failing(1, "no a"), failing(2, "no b"), failing(3, "no c")]
    message = last("retry_storm", *calls).message
    assert message == "Third failing call of get_weather in 10 s, after 2 errors"


def test_a_storm_over_several_requests_has_one_error() -> None:
    same = [failing(turn, "no", request=turn) for turn in (1, 2, 3)]
    assert last("retry_storm", *same).detail["same_error"] is True
    other = [failing(turn, f"no {turn}", request=turn) for turn in (1, 2, 3)]
    assert codes(*other) == [["tool_error"]] * 3


def test_ids_and_times_do_not_make_errors_differ() -> None:
    ids = [f"no (request 3f2504e0-4f89-41d3-9a0c-0305e82c330{n})" for n in range(3)]
    calls = [failing(turn, ids[turn - 1], request=turn) for turn in (1, 2, 3)]
    assert last("retry_storm", *calls).detail["same_error"] is True


def test_success_ends_a_storm_and_other_tools_do_not() -> None:
    one, two, three = (failing(turn, "no") for turn in (1, 2, 4))
    good = call(3, "{}", request=1, **OK)
    assert "retry_storm" not in codes(one, two, good, three)[-1]
    aside = call(3, "{}", name="get_time", request=1, **OK)
    assert "retry_storm" in codes(one, two, aside, three)[-1]


def test_calls_side_by_side_are_one_attempt() -> None:
    calls = [
        call(1, f'{{"id": {n}}}', position=n, status="error", result="no", request=1)
        for n in range(5)
    ]
    assert codes(*calls) == [["tool_error"]] * 5


def test_rejected_calls_that_never_ran_make_a_storm() -> None:
    calls = [call(turn, verdict="rejected", request=1) for turn in (1, 2, 3)]
    message = last("retry_storm", *calls).message
    assert message == "Third identical call in 10 s, rejected twice before"
    ran = [call(turn, verdict="rejected", request=1, **OK) for turn in (1, 2, 3)]
    assert codes(*ran)[-1] == ["repeated_call"]


# Waiting


def test_a_call_is_unanswered_once_the_conversation_went_on() -> None:
    assert codes(call(1)) == [[]]
    assert codes(call(1), call(2, "{}")) == [["unanswered_call"], []]
    assert codes(call(1), setting=Setting(last_turn=2)) == [["unanswered_call"]]
    assert codes(call(1, status="ok"), setting=Setting(last_turn=2)) == [[]]


def test_a_call_is_unanswered_after_its_time() -> None:
    soon, late = BEGAN + timedelta(minutes=9), BEGAN + timedelta(minutes=10)
    assert codes(call(1), setting=Setting(now=soon)) == [[]]
    assert codes(call(1), setting=Setting(now=late)) == [["unanswered_call"]]
    finding = last("unanswered_call", call(1), setting=Setting(now=late))
    assert finding.message == "No result came in 10 min"
    hasty = Setting(now=soon, patience=timedelta(seconds=30))
    assert codes(call(1), setting=hasty) == [["unanswered_call"]]


# As a whole

OUTCOMES = st.sampled_from([OK, FAILED, LATE, {}, {"status": "ok", "result": "null"}])
STEPS = st.lists(
    st.tuples(st.sampled_from([OSLO, "{}", "{"]), st.sampled_from("ab"), OUTCOMES, st.booleans()),
    max_size=12,
)


def conversation(steps: list[Any]) -> list[PastCall]:
    calls: list[PastCall] = []
    for arguments, name, outcome, goes_on in steps:
        turn = calls[-1].turn + (not goes_on) if calls else 1
        position = calls[-1].position + 1 if calls and turn == calls[-1].turn else 0
        request = turn // 3
        calls.append(call(turn, arguments, name, position=position, request=request, **outcome))
    return calls


@given(STEPS, st.integers(0, 12))
def test_later_calls_do_not_change_what_was_said_of_earlier_ones(
    steps: list[Any], cut: int
) -> None:
    calls = conversation(steps)
    setting = Setting(last_turn=calls[-1].turn if calls else None)
    judged = judge_conduct(calls, setting)
    assert judge_conduct(calls, setting) == judged
    assert judge_conduct(calls[:cut], setting) == judged[:cut]


def test_a_long_conversation_takes_linear_time() -> None:
    def seconds(size: int) -> float:
        calls = [call(turn, **(FAILED if turn % 3 else OK)) for turn in range(1, size)]
        began = time.process_time()
        judge_conduct(calls)
        return time.process_time() - began

    seconds(500)
    # Eight times the calls: quadratic work would take 64 times as long.
    assert seconds(8000) < 24 * seconds(1000)
