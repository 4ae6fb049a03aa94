"""Files of cases: what is taken, what is refused and why; an export reads back the same."""

from __future__ import annotations

from typing import Any

import pytest

from console.lib import json
from conversations.suites.cases import judge_answer, read_case, title_of
from conversations.suites.drafts import read_typed, read_typed_answer
from conversations.suites.reading import read_file
from tools_registry.validation.expectation import CallMade

TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
ASKED = {"role": "user", "content": "Weather in Oslo?"}
CALLS = [{"name": "get_weather", "arguments": {"city": "Oslo"}}]
CASE = {"id": "a", "messages": [ASKED], "tools": [TOOL], "expected": {"calls": CALLS}}
ANSWER = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "1", "function": {"name": "get_weather", "arguments": '{"city":"Bergen"}'}}
    ],
}


def lines(*values: Any) -> bytes:
    return "\n".join(v if isinstance(v, str) else json.dump(v) for v in values).encode()


REFUSED = {
    "no JSON": ("{oops", "This is no JSON"),
    "no object": ("7", 'A case is one JSON object with "messages"'),
    "null": ("null", 'A case is one JSON object with "messages"'),
    "no messages": ({"tools": []}, "/messages: Give the messages as an array"),
    "a strange role": (
        {"messages": [{"role": "wizard", "content": "x"}]},
        '/messages/0: Give an object whose "role"',
    ),
    "nothing to answer": (
        {"messages": [{"role": "system", "content": "x"}]},
        "There is nothing to answer",
    ),
    "a tool without a name": (
        {"messages": [ASKED], "tools": [{"type": "function", "function": {}}]},
        "/tools/0",
    ),
    "several turns": (
        {"messages": [ASKED], "expected": {"turns": [[]]}},
        "It tells the calls of several user turns",
    ),
    "a whole conversation": (
        {"messages": [ASKED], "expected": {"calls": [], "scope": "conversation"}},
        "It speaks of a whole conversation",
    ),
    "no expectation": ({"messages": [ASKED], "expected": []}, "/expected: An expectation is"),
    "parameters that are none": (
        {"messages": [ASKED], "parameters": [1]},
        "/parameters: Give the parameters as an object",
    ),
    "a long id": ({"messages": [ASKED], "id": "x" * 301}, "at most 300"),
    "a recorded answer that is none": ({"messages": [ASKED], "recorded": 7}, "/recorded"),
    "a call without a name": (
        {"messages": [ASKED], "recorded": {"calls": [{}]}},
        "/recorded: Give an assistant's message",
    ),
    "nested too deep": ("[" * 100_000, "JSON"),
}


@pytest.mark.parametrize(("line", "reason"), REFUSED.values(), ids=REFUSED)
def test_it_says_per_line_what_was_refused_and_why(line: Any, reason: str) -> None:
    read = read_file(lines(CASE, line) if not str(line).startswith("[") else lines(line))
    assert reason in read.refused[0].reason
    if not str(line).startswith("["):
        assert (read.refused[0].line, len(read.entries)) == (2, 1)


def test_it_reads_an_array_and_counts_its_entries() -> None:
    read = read_file(lines([CASE, {"id": "b"}]))
    assert [entry.case.key for entry in read.entries] == ["a"]
    assert [(one.line, one.key) for one in read.refused] == [(2, "b")]


def test_it_takes_an_id_once() -> None:
    read = read_file(lines(CASE, CASE))
    assert (len(read.entries), read.refused[0].reason.startswith("Line 1 has the same id")) == (
        1,
        True,
    )


def test_it_remarks_that_an_expected_tool_is_not_offered() -> None:
    read = read_file(lines({**CASE, "tools": []}))
    assert len(read.entries) == 1
    assert "expects get_weather, which it does not offer" in read.remarks[0].reason


def test_it_takes_the_last_answer_as_the_recorded_one() -> None:
    case = read_case({**CASE, "messages": [ASKED, ANSWER], "model": "gpt"}).case
    assert list(case.messages) == [ASKED]
    assert case.recorded is not None
    assert case.recorded.model == "gpt"
    assert [(call.name, call.arguments) for call in case.recorded.calls] == [
        ("get_weather", '{"city":"Bergen"}')
    ]


def test_it_reads_turn_records() -> None:
    record = {
        "id": "t-1",
        "request": {"messages": [ASKED], "tools": [TOOL], "tool_choice": "auto", "parameters": {}},
        "response": {"message": ANSWER},
        "expected": {"calls": []},
    }
    case = read_case(record).case
    assert (case.key, case.parameters) == ("t-1", {"tool_choice": "auto"})
    assert case.recorded is not None
    assert case.expectation is not None
    assert case.expectation.calls == ()


def test_what_is_exported_reads_back_the_same() -> None:
    entry = read_case(
        {
            **CASE,
            "messages": [{"role": "system", "content": "Be\ud800 brief\0"}, ASKED, ANSWER],
            "parameters": {"seed": 12345678901234567890123},
            "note": "n",
        }
    )
    again = read_case(json.load(json.dump(entry.to_json())))
    assert again.to_json() == entry.to_json()
    assert again.case.recorded == entry.case.recorded
    assert again.case.parameters == {"seed": 12345678901234567890123}


JUDGED: dict[str, tuple[Any, list[CallMade], list[str]]] = {
    "right": ({"calls": CALLS}, [CallMade("get_weather", {"city": "Oslo"})], []),
    "other arguments": (
        {"calls": CALLS},
        [CallMade("get_weather", '{"city":"Bergen"}')],
        ["wrong_arguments"],
    ),
    "nothing": ({"calls": CALLS}, [], ["missed_call"]),
    "a call where none is right": (
        {"calls": []},
        [CallMade("get_weather", {})],
        ["needless_call"],
    ),
    "some call": ({"calls": None}, [CallMade("get_weather", {})], []),
    "acceptable": (
        {"acceptable": [{"get_weather": {"city": ["oslo", "Oslo, Norway"]}}]},
        [CallMade("get_weather", {"city": "Oslo"})],
        [],
    ),
}


@pytest.mark.parametrize(("expected", "calls", "codes"), JUDGED.values(), ids=JUDGED)
def test_it_judges_an_answer_as_findings_do(
    expected: Any, calls: list[CallMade], codes: list[str]
) -> None:
    judged = judge_answer(read_case({**CASE, "expected": expected}).case, calls)
    assert judged is not None
    assert [finding.code for finding in judged.findings] == codes


def test_it_judges_nothing_without_an_expectation() -> None:
    assert judge_answer(read_case({**CASE, "expected": None}).case, []) is None


@pytest.mark.parametrize(
    ("text", "line"), [("{\n oops", 2), ('{"messages": [],\n "tools": 3}', 1), ("3", 1)]
)
def test_a_typed_case_is_faulted_at_its_line(text: str, line: int) -> None:
    entry, faults = read_typed(text)
    assert entry is None
    assert faults[0].line == line


def test_a_typed_answer_is_calls_or_a_message() -> None:
    for text in (json.dump(CALLS), json.dump(CALLS[0]), json.dump(ANSWER)):
        calls, faults = read_typed_answer(text)
        assert not faults
        assert calls is not None
        assert [call.name for call in calls] == ["get_weather"]
    assert read_typed_answer("") == ([], ())
    assert read_typed_answer("[3]")[0] is None


def test_a_title_is_what_the_user_said_last() -> None:
    parts = {"role": "user", "content": [{"type": "text", "text": "Look\n at this"}, {"x": 1}]}
    assert title_of([ASKED, {"role": "assistant", "content": "?"}, parts]) == "Look at this"
    assert title_of([]) == ""
    assert len(title_of([{"role": "user", "content": "x" * 500}])) == 121
