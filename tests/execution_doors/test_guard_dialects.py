"""Requests and answers as the guard changes them, in each protocol that it speaks."""

from __future__ import annotations

from typing import Any

import pytest

from console.lib import json
from conversations.assembly import assemble, message_of, read_answer
from conversations.guard.dialects import DIALECTS
from conversations.guard.passage import Passage, read_payloads
from conversations.guard.wording import Body
from conversations.ingest.native import REQUESTS
from conversations.parts import Answer, WireProtocol
from tests.execution_doors.speaking import PROTOCOLS, answer, request, tool
from tools_registry.validation.findings import Finding

NO_CITY = Finding("missing_required", "city is missing", "/city")
A, B = ("a", "{}"), ("b", '{"city": "Oslo"}')
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


def read(protocol: WireProtocol, whole: Body) -> Answer:
    return read_answer(protocol, json.dump_bytes(whole))


def read_stream(protocol: WireProtocol, stream: bytes) -> tuple[Answer, list[Body]]:
    return assemble(protocol, stream), read_payloads(stream, streamed=True)


def stream_of(protocol: WireProtocol, whole: Body, before: bytes = b"", **asked: Any) -> bytes:
    payloads = read_payloads(before, streamed=True)
    return DIALECTS[protocol].to_stream(whole, payloads, asked)


def texts_and_calls(found: Answer) -> tuple[str, list[str]]:
    return found.first.text, [call.name for call in found.calls]


@pytest.mark.parametrize(
    ("protocol", "body", "why"),
    [
        ("openai.chat", {"messages": [], "n": 1}, ""),
        ("openai.chat", {}, "requests without messages"),
        ("openai.chat", {"messages": [], "n": 2}, "several choices: leave n out"),
        (
            "openai.chat",
            {"messages": [], "functions": [{"name": "a"}]},
            "legacy functions: send them as tools",
        ),
        ("openai.responses", {"input": "Hi"}, ""),
        ("openai.responses", {}, "requests without input"),
        (
            "openai.responses",
            {"input": [], "previous_response_id": "r"},
            "previous_response_id: send the items before as input",
        ),
        ("openai.responses", {"input": [], "background": True}, "answers in the background"),
        ("anthropic.messages", {"messages": []}, ""),
        ("anthropic.messages", {}, "requests without messages"),
    ],
)
def test_it_says_what_it_does_not_guard(protocol: WireProtocol, body: Any, why: str) -> None:
    assert DIALECTS[protocol].why_unsupported(body) == why


@pytest.mark.parametrize(
    ("protocol", "own", "choice"),
    [
        ("openai.chat", {"type": "web_search"}, {"type": "function", "function": {"name": "a"}}),
        ("openai.responses", {"type": "web_search"}, {"type": "function", "name": "a"}),
        (
            "anthropic.messages",
            {"type": "web_search_20250305", "name": "web_search"},
            {"type": "tool", "name": "a"},
        ),
    ],
)
def test_it_tells_tools_from_those_of_the_provider(
    protocol: WireProtocol, own: Any, choice: Any
) -> None:
    dialect = DIALECTS[protocol]
    assert [dialect.name_of(one) for one in (tool(protocol, "a"), own, choice)] == ["a", "", "a"]
    closed = dialect.without_tools(request(protocol, "a", tool_choice=choice))
    assert closed.get("tool_choice", {"type": "none"}) == {"type": "none"}


@every_protocol
@pytest.mark.parametrize("is_streamed", [False, True])
def test_every_call_of_an_answer_is_told_why_it_was_not_made(
    protocol: WireProtocol, is_streamed: bool
) -> None:
    dialect, given = DIALECTS[protocol], answer(protocol, "Let me see.", A, B)
    if is_streamed:
        whole = dialect.whole_of(*read_stream(protocol, stream_of(protocol, given)))
    else:
        whole = dialect.whole_of(read(protocol, given), [given])
    body = dialect.answer_back(request(protocol, "a", "b"), whole, {0: [NO_CITY]})
    _, said, first, second = REQUESTS[protocol](body).messages
    assert said["content"] == "Let me see."
    assert [one["function"]["name"] for one in said["tool_calls"]] == ["a", "b"]
    assert [one["tool_call_id"] for one in (first, second)] == ["c0", "c1"]
    assert json.load(first["content"])["findings"][0]["code"] == "missing_required"
    assert json.load(second["content"])["code"] == "not_made"


def test_a_call_without_an_id_gets_one_for_its_result() -> None:
    whole = answer("openai.chat", "", A)
    whole["choices"][0]["message"]["tool_calls"][0]["id"] = None
    body = DIALECTS["openai.chat"].answer_back({"messages": []}, whole, {0: [NO_CITY]})
    said, told = body["messages"]
    assert said["tool_calls"][0]["id"] == told["tool_call_id"] == "call_0"


@every_protocol
@pytest.mark.parametrize("said", ["", "Let me see."])
@pytest.mark.parametrize(("calls", "kept"), [([A], []), ([A, B], ["b"])])
def test_a_held_answer_reads_the_same_whole_and_streamed(
    protocol: WireProtocol, said: str, calls: list[Any], kept: list[str]
) -> None:
    given = answer(protocol, said, *calls)
    held = DIALECTS[protocol].hold(given, {0: [NO_CITY]})
    whole = read(protocol, held)
    text, names = texts_and_calls(whole)
    assert text.startswith(said or "The call of a")
    assert text.endswith("The call of a was held back: city is missing")
    assert names == kept
    stream = stream_of(protocol, held, stream_options={"include_usage": True})
    streamed = assemble(protocol, stream)
    assert message_of(streamed) == message_of(whole)
    assert streamed.complete
    assert not streamed.decisions
    assert streamed.first.finish_reason == whole.first.finish_reason
    assert streamed.usage and streamed.usage.input_tokens == 3


@every_protocol
def test_a_stream_that_has_begun_goes_on_with_another_answer(protocol: WireProtocol) -> None:
    first = stream_of(protocol, answer(protocol, "Let me see.", A))
    passage = Passage(protocol)
    before = passage.feed(first)
    assert texts_and_calls(assemble(protocol, before)) == ("Let me see.", [])
    rest = stream_of(protocol, answer(protocol, "Once more.", B), before)
    found = assemble(protocol, before + rest)
    text, names = texts_and_calls(found)
    assert text.replace("\n\n", "") == "Let me see.Once more."
    assert names == ["b"]
    assert (found.complete, found.decisions) == (True, ())
    dialect = DIALECTS[protocol]
    payloads = read_payloads(before, streamed=True)
    opened = dialect.whole_of(assemble(protocol, before), payloads)
    left = dialect.rest_of(dialect.whole_of(*read_stream(protocol, first)), opened)
    assert texts_and_calls(read(protocol, left)) == ("", ["a"])


@every_protocol
@pytest.mark.parametrize("width", [1, 7, 100_000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_stream_passes_as_it_came_from_its_text_to_its_first_call(
    protocol: WireProtocol, width: int, end: bytes
) -> None:
    for text, calls in (("Let me see.", [A]), ("", [A]), ("Hello", [])):
        stream = stream_of(protocol, answer(protocol, text, *calls)).replace(b"\n", end)
        passage = Passage(protocol)
        parts = (stream[at : at + width] for at in range(0, len(stream), width))
        passed = b"".join(map(passage.feed, parts))
        assert stream.startswith(passed)
        assert text.encode() in passed
        assert bool(passed) == bool(text)
        assert (passed == stream) == (not calls)
        assert texts_and_calls(passage.finish()) == (text, [name for name, _ in calls])
