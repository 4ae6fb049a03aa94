"""What providers really send: every departure from the plain path, and what we make of it."""

from __future__ import annotations

import json

import pytest

from conversations.parts import CallCompleted, CallStarted, Failed, Finished, Text, UsageReported
from tests.assembly.streams import (
    OFFERED,
    call,
    calls,
    chat,
    chunk,
    decisions,
    named,
    play,
    sse,
)

DONE = chunk(finish="tool_calls")


@pytest.mark.parametrize(
    ("payloads", "expected", "decided"),
    [
        pytest.param(
            [calls(call(id="a", name="f", arguments="")), calls(call(arguments="{}"))],
            [("a", "f", "{}")],
            set(),
            id="id only in the first fragment",
        ),
        pytest.param(
            [calls(call(id="a")), calls(call(name="f")), calls(call(arguments="{}"))],
            [("a", "f", "{}")],
            set(),
            id="id alone, then the name, then the arguments",
        ),
        pytest.param(
            [calls(call(name="f", arguments="{")), calls(call(id="a", arguments="}"))],
            [("a", "f", "{}")],
            set(),
            id="id late",
        ),
        pytest.param(
            [
                calls(call(id="a", name="get", arguments="")),
                *(calls(call(name=piece)) for piece in ("_curr", "ent", "_wea", "ther")),
                calls(call(arguments="{}")),
            ],
            [("a", "get_current_weather", "{}")],
            set(),
            id="name in pieces",
        ),
        pytest.param(
            [calls(call(id="a", name="f", arguments=part)) for part in ('{"x"', ":1", "}")],
            [("a", "f", '{"x":1}')],
            {"name_repeated"},
            id="id and name repeated in every delta",
        ),
        pytest.param(
            [calls(call(name="f", arguments=part)) for part in ('{"x"', ":1", "}")],
            [(None, "f", '{"x":1}')],
            {"name_repeated"},
            id="name repeated without any id",
        ),
        pytest.param(
            [
                calls(call(None, "a", "f", '{"x":1}'), call(None, "b", "g", "{}")),
            ],
            [("a", "f", '{"x":1}'), ("b", "g", "{}")],
            {"index_missing"},
            id="no index, whole calls with ids",
        ),
        pytest.param(
            [
                calls(call(None, "a", "f", '{"x"')),
                calls(call(None, None, None, ":1}")),
                calls(call(None, "b", "g", "{")),
                calls(call(None, None, None, "}")),
            ],
            [("a", "f", '{"x":1}'), ("b", "g", "{}")],
            {"index_missing"},
            id="no index, in fragments",
        ),
        pytest.param(
            [calls(call(None, name="f", arguments=""), call(None, name="f", arguments=""))],
            [(None, "f", ""), (None, "f", "")],
            {"index_missing"},
            id="no index and no id, two in one delta",
        ),
        pytest.param(
            [calls(call(None, name="get"), finish=None), calls(call(None, name="_time"))],
            [(None, "get_time", "")],
            {"index_missing"},
            id="no index, name in pieces",
        ),
        pytest.param(
            [
                calls(call(0, "a", "f", '{"x":')),
                calls(call(0, arguments="1}")),
                calls(call(0, "b", "f", '{"x":')),
                calls(call(0, arguments="2}")),
            ],
            [("a", "f", '{"x":1}'), ("b", "f", '{"x":2}')],
            {"index_reused"},
            id="two calls under one index with different ids",
        ),
        pytest.param(
            [calls(call(0, None, "f", '{"x":1}')), calls(call(0, None, "g", '{"y":2}'))],
            [(None, "f", '{"x":1}'), (None, "g", '{"y":2}')],
            {"index_reused"},
            id="two whole calls under one index without ids",
        ),
        pytest.param(
            [calls(call(0, "a", "f", '{"x":')), calls(call(0, "changed", None, "1}"))],
            [("a", "f", '{"x":1}')],
            {"id_changed"},
            id="the id changes in mid-argument",
        ),
        pytest.param(
            [
                calls(call(1, "b", "g", "{"), call(0, "a", "f", "{")),
                calls(call(0, arguments='"x":1')),
                calls(call(1, arguments="}")),
                calls(call(0, arguments="}")),
            ],
            [("b", "g", "{}"), ("a", "f", '{"x":1}')],
            set(),
            id="interleaved, the second index first",
        ),
        pytest.param(
            [calls(call(0, "a", "f", '{"x":1}'))],
            [("a", "f", '{"x":1}')],
            set(),
            id="whole call in one chunk",
        ),
        pytest.param(
            [calls(call(0, "a", "f")), calls(call(0, arguments="{}"), finish="tool_calls")],
            [("a", "f", "{}")],
            set(),
            id="arguments only in the last delta",
        ),
        pytest.param(
            [
                chunk(),
                chunk(content=None, tool_calls=None, function_call=None),
                calls({"index": 0, "id": "a", "type": "function", "function": {"name": "f"}}),
                calls({"index": 0, "id": None, "type": None, "function": None}),
                calls({"index": 0, "id": "", "function": {"name": None, "arguments": "{}"}}),
                {"choices": None, "usage": None},
                {"choices": [{"index": 0}]},
            ],
            [("a", "f", "{}")],
            set(),
            id="empty and null deltas",
        ),
        pytest.param(
            [calls({"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}})],
            [("a", "f", '{"x":1}')],
            {"arguments_as_object"},
            id="arguments as an object",
        ),
        pytest.param(
            [
                calls({"index": 0, "id": "a", "type": "custom", "custom": {"name": "q"}}),
                calls({"index": 0, "custom": {"input": "SELECT"}}),
                calls({"index": 0, "custom": {"input": " 1"}}),
            ],
            [("a", "q", "SELECT 1")],
            set(),
            id="custom tool with free-form input",
        ),
    ],
)
def test_calls(payloads, expected, decided) -> None:  # type: ignore[no-untyped-def]
    answer = chat(*payloads, DONE)
    assert named(answer) == expected
    assert decisions(answer) == decided
    assert not answer.findings and not any(one.findings for one in answer.calls)


def test_text_stands_where_it_came() -> None:
    answer = chat(
        chunk(content="Before "),
        calls(call(0, "a", "f", "{}")),
        chunk(content="between "),
        calls(call(1, "b", "g", "{}")),
        chunk(content="after"),
        DONE,
    )
    parts = [p.text if isinstance(p, Text) else p.name for p in answer.first.parts]  # type: ignore[union-attr]
    assert parts == ["Before ", "f", "between ", "g", "after"]


def test_usage_may_come_alone_at_the_end() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    events, answer = play(sse(chunk(content="x", finish="stop"), {"choices": [], "usage": usage}))
    assert answer.usage is not None and answer.usage.raw == usage
    assert len([event for event in events if isinstance(event, UsageReported)]) == 1


def test_usage_in_every_chunk_is_reported_when_it_changes() -> None:
    same = chunk(content="x") | {"usage": {"prompt_tokens": 1}}
    events, _ = play(sse(same, same, chunk(finish="stop") | {"usage": {"prompt_tokens": 2}}))
    reported = [event.usage.input_tokens for event in events if isinstance(event, UsageReported)]
    assert reported == [1, 2]


@pytest.mark.parametrize(
    ("payloads", "reason"),
    [
        ([calls(call(0, "a", "f", "{}"), finish="stop")], "stop"),
        ([chunk(content="Nothing to call", finish="tool_calls")], "tool_calls"),
    ],
)
def test_a_finish_reason_that_lies_is_kept_and_noted(payloads, reason) -> None:  # type: ignore[no-untyped-def]
    answer = chat(*payloads)
    assert answer.first.finish_reason == reason
    assert decisions(answer) == {"finish_reason_contradicts"}


def test_an_id_that_occurs_twice_is_found_at_the_later_call() -> None:
    answer = chat(calls(call(0, "a", "f", "{}")), calls(call(1, "a", "f", "{}")), DONE)
    assert [len(one.findings) for one in answer.calls] == [0, 1]
    assert answer.calls[1].findings[0].code == "duplicate_call_id"


def test_an_id_that_occurs_twice_without_an_index_makes_two_calls() -> None:
    answer = chat(calls(call(None, "a", "f", '{"x":1}')), calls(call(None, "a", "f", "{}")), DONE)
    assert [one.arguments for one in answer.calls] == ['{"x":1}', "{}"]
    assert answer.calls[1].findings[0].code == "duplicate_call_id"


def test_arguments_without_a_call_are_kept_as_a_call_without_a_name() -> None:
    answer = chat(calls(call(0, arguments='{"x":1}')), DONE)
    assert named(answer) == [(None, "", '{"x":1}')]
    assert [finding.code for finding in answer.calls[0].findings] == ["lost_arguments"]


def test_arguments_for_a_block_that_has_ended_are_found() -> None:
    answer = play(
        sse(
            {"type": "message_start", "message": {"content": []}},
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "tool_use", "id": "a", "name": "f", "input": {}},
            },
            {"type": "content_block_stop", "index": 0},
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "input_json_delta", "partial_json": '{"late":1}'},
            },
            {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
            done=False,
        ),
        "anthropic.messages",
    )[1]
    assert [finding.code for finding in answer.findings] == ["lost_arguments"]
    assert answer.findings[0].detail["fragment"] == '{"late":1}'


def test_several_messages_in_one_stream_do_not_run_into_each_other() -> None:
    def message(id: str, *fragments: str, stop: bool) -> list[object]:
        block = {"type": "tool_use", "id": id, "name": "f", "input": {}}
        deltas = [
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "input_json_delta", "partial_json": fragment},
            }
            for fragment in fragments
        ]
        return [
            {"type": "message_start", "message": {"id": id, "content": []}},
            {"type": "content_block_start", "index": 0, "content_block": block},
            *deltas,
            *([{"type": "content_block_stop", "index": 0}] if stop else []),
        ]

    stream = sse(
        *message("one", '{"x": "cut', stop=False),
        *message("two", '{"x":', "2}", stop=True),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
        done=False,
    )
    answer = play(stream, "anthropic.messages")[1]
    assert named(answer) == [("one", "f", '{"x": "cut'), ("two", "f", '{"x":2}')]
    assert [finding.code for finding in answer.calls[0].findings] == ["truncated_arguments"]
    assert decisions(answer) == {"several_messages"}


def test_a_closing_event_that_differs_is_found() -> None:
    item = {"type": "function_call", "call_id": "a", "name": "f"}
    answer = play(
        sse(
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{}"},
            {
                "type": "response.function_call_arguments.done",
                "output_index": 0,
                "arguments": '{"x":1}',
            },
            {"type": "response.completed", "response": {"status": "completed"}},
            done=False,
        ),
        "openai.responses",
    )[1]
    assert answer.calls[0].arguments == "{}"
    assert answer.calls[0].findings[0].code == "lost_arguments"
    assert answer.calls[0].findings[0].detail == {"closing_event": '{"x":1}'}
    assert decisions(answer) == {"closing_event_differs"}


def test_what_only_the_closing_event_has_is_added() -> None:
    item = {"type": "function_call", "call_id": "a", "name": "f", "arguments": '{"x":1}'}
    answer = play(
        sse(
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": '{"x'},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": {"status": "completed"}},
            done=False,
        ),
        "openai.responses",
    )[1]
    assert named(answer) == [("a", "f", '{"x":1}')]
    assert not answer.decisions


def test_an_error_in_mid_stream_keeps_what_had_arrived() -> None:
    error = {"error": {"code": "tool_use_failed", "message": "no", "failed_generation": "{"}}
    events, answer = play(
        sse(
            chunk(content="Well"),
            calls(call(0, "a", "f", '{"x":')),
            f"event: error\ndata: {json.dumps(error)}",
            done=False,
        )
    )
    assert answer.error is not None and answer.error.code == "tool_use_failed"
    assert answer.error.raw["failed_generation"] == "{"
    assert answer.first.text == "Well"
    assert answer.calls[0].findings[0].code == "truncated_arguments"
    assert not answer.complete
    kinds = [type(event) for event in events]
    assert kinds.index(Failed) < kinds.index(CallCompleted) < kinds.index(Finished)


def test_data_that_is_no_json_fails_and_the_rest_is_read() -> None:
    events, answer = play(sse(chunk(content="a"), "data: oops", chunk(content="b", finish="stop")))
    assert answer.first.text == "ab"
    assert answer.error is not None
    assert (answer.error.code, answer.error.raw) == ("malformed_stream", "oops")
    assert len([event for event in events if isinstance(event, Failed)]) == 1


def test_a_bare_json_error_between_events_is_read() -> None:
    answer = chat(chunk(content="a"), '{"error":{"message":"gone","code":"500"}}', done=False)
    assert answer.error is not None and answer.error.message == "gone"
    assert answer.first.text == "a"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"x":', ["truncated_arguments"]),
        ('{"x":"Z\u00fc', ["truncated_arguments"]),
        ("", ["truncated_arguments"]),
        ('{"x":1}', []),
        ('{"x":1} extra', []),
    ],
)
def test_a_stream_that_is_cut_says_so_at_its_calls(text: str, found: list[str]) -> None:
    answer = chat(calls(call(0, "a", "f", text)), done=False)
    assert [finding.code for finding in answer.calls[0].findings] == found
    assert not answer.complete
    assert answer.first.finish_reason is None


def test_arguments_that_a_length_limit_cut_are_truncated() -> None:
    answer = chat(calls(call(0, "a", "f", '{"x": [1, 2')), chunk(finish="length"))
    assert answer.complete
    assert [finding.code for finding in answer.calls[0].findings] == ["truncated_arguments"]


def test_empty_arguments_of_a_whole_answer_are_no_finding() -> None:
    answer = chat(calls(call(0, "a", "f", "")), DONE)
    assert not answer.calls[0].findings


def test_a_last_event_without_its_blank_line_is_read_and_noted() -> None:
    body = sse(chunk(content="a"), chunk(content="b", finish="stop"), done=False).rstrip()
    answer = play(body)[1]
    assert answer.first.text == "ab"
    assert decisions(answer) == {"event_unfinished"}


def test_a_last_event_that_is_cut_is_kept_unread() -> None:
    body = sse(chunk(content="a"), chunk(content="\u00fcber"), done=False)
    answer = play(body[:-20])[1]
    assert answer.first.text == "a"
    assert answer.provider_details["unfinished_event"].startswith('{"choices"')
    assert not answer.complete and not answer.error


def test_bytes_that_are_no_utf8_are_noted() -> None:
    body = sse(chunk(content="caf?", finish="stop")).replace(b"?", b"\xe9")
    answer = play(body)[1]
    assert answer.first.text == "caf\ufffd"
    assert decisions(answer) == {"not_utf8"}


def test_half_a_character_that_stays_alone_is_noted() -> None:
    body = sse(calls(call(0, "a", "f", '{"x":"\ud83d')), calls(call(0, arguments='"}')), DONE)
    answer = play(body)[1]
    assert answer.calls[0].arguments == '{"x":"\ufffd"}'
    assert decisions(answer) == {"unpaired_surrogate"}


def test_extras_of_the_provider_are_kept() -> None:
    answer = chat(
        {"choices": [], "x_groq": {"id": "r"}, "system_fingerprint": "fp"},
        chunk(content="a", annotations=[{"n": 1}]),
        chunk(annotations=[{"n": 2}], reasoning="Hm", reasoning_details=[{"signature": "s"}]),
        calls(call(0, "a", "f", "{}", extra_content={"google": {"thought_signature": "t"}})),
        DONE,
    )
    assert answer.provider_details == {"x_groq": {"id": "r"}, "system_fingerprint": "fp"}
    details = answer.first.provider_details
    assert details["annotations"] == [{"n": 1}, {"n": 2}]
    assert details["reasoning_details"] == [{"signature": "s"}]
    extra = {"extra_content": {"google": {"thought_signature": "t"}}}
    assert answer.calls[0].provider_details == extra


def test_a_call_starts_once_and_completes_once() -> None:
    events, _ = play(
        sse(calls(call(0, "a", "f", "{")), calls(call(0, arguments="}")), DONE), offered=OFFERED
    )
    assert [event.index for event in events if isinstance(event, CallStarted)] == [0]
    assert [event.call.index for event in events if isinstance(event, CallCompleted)] == [0]
    assert events[-1] == Finished("tool_calls")
