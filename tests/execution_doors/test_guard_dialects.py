"""Requests and answers as the guard changes them."""

from __future__ import annotations

from typing import Any

import pytest

from console.lib import json
from conversations.assembly import assemble, message_of
from conversations.guard import chat
from tools_registry.validation.findings import Finding

NO_CITY = Finding("missing_required", "city is missing", "/city")


def tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {}}}


def call(name: str, id: str | None = "c1") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}}


OWN: dict[str, Any] = {"type": "web_search"}
BODY: dict[str, Any] = {
    "messages": [],
    "tools": [tool("a"), OWN, tool("b")],
    "tool_choice": "auto",
}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, ""),
        ({"n": 1}, ""),
        ({"n": 2}, "several choices: leave n out"),
        ({"functions": [{"name": "a"}]}, "legacy functions: send them as tools"),
    ],
)
def test_it_says_what_it_does_not_guard(body: Any, why: str) -> None:
    assert chat.why_unsupported(body) == why


def test_a_request_is_narrowed_to_some_tools_and_the_providers_own() -> None:
    assert chat.names_of(BODY) == ["a", "b"]
    assert chat.narrow(BODY, ["b"]) == {**BODY, "tools": [OWN, tool("b")]}


def test_a_request_without_tools_makes_no_choice_among_them() -> None:
    body = {**BODY, "tools": [tool("a")], "parallel_tool_calls": True}
    assert chat.narrow(body, []) == {"messages": []}


def test_every_call_of_an_answer_is_told_why_it_was_not_made() -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [call("a", None), call("b")]}
    body = chat.answer_back({"messages": [{"role": "user"}]}, message, {0: [NO_CITY]})
    _, said, first, second = body["messages"]
    assert [one["id"] for one in said["tool_calls"]] == ["call_0", "c1"]
    assert [one["tool_call_id"] for one in (first, second)] == ["call_0", "c1"]
    assert json.load(first["content"])["findings"][0]["code"] == "missing_required"
    assert json.load(second["content"])["code"] == "not_made"


HEAD = {"id": "r", "created": 1, "model": "m", "usage": {"prompt_tokens": 3, "total_tokens": 3}}


@pytest.mark.parametrize("content", [None, "Let me see."])
@pytest.mark.parametrize(
    ("calls", "rejected", "kept", "reason"),
    [
        ([call("a")], {0: [NO_CITY]}, [], "stop"),
        ([call("a"), call("b", "c2")], {0: [NO_CITY]}, ["b"], "tool_calls"),
    ],
)
def test_a_held_answer_reads_the_same_whole_and_streamed(
    content: str | None, calls: list[Any], rejected: chat.Rejected, kept: list[str], reason: str
) -> None:
    message = {"role": "assistant", "content": content, "tool_calls": calls}
    completion = chat.hold(HEAD, message, rejected)
    told = completion["choices"][0]["message"]
    assert told["content"].endswith("The call of a was held back: city is missing")
    assert told["content"].startswith(content or "The call")
    answer = assemble("openai.chat", chat.to_stream(completion, with_usage=True))
    assert message_of(answer) == told
    assert answer.complete
    assert not answer.decisions
    assert (answer.first.finish_reason, [one.name for one in answer.calls]) == (reason, kept)
    assert answer.usage and answer.usage.input_tokens == 3
    assert b'"usage"' not in chat.to_stream(completion, with_usage=False)
