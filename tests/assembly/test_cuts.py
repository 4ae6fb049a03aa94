"""How the bytes are cut changes nothing: neither the answer nor what the events say."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversations.assembly import Assembler, read_answer
from conversations.parts import WireProtocol
from tests.assembly.streams import FIXTURES, OFFERED, PROTOCOL_OF, call, calls, chunk, play, sse

PROTOCOLS: list[WireProtocol] = sorted(set(PROTOCOL_OF.values()))


@pytest.mark.parametrize("name", PROTOCOL_OF)
def test_cut_once_at_every_byte(name: str) -> None:
    body, protocol = (FIXTURES / name).read_bytes(), PROTOCOL_OF[name]
    whole = play(body, protocol, offered=OFFERED)
    for place in range(len(body) + 1):
        assert play(body, protocol, offered=OFFERED, cuts=[place]) == whole


@pytest.mark.parametrize("name", PROTOCOL_OF)
def test_cut_into_single_bytes(name: str) -> None:
    body, protocol = (FIXTURES / name).read_bytes(), PROTOCOL_OF[name]
    whole = play(body, protocol, offered=OFFERED)
    assert play(body, protocol, offered=OFFERED, cuts=range(len(body))) == whole


@pytest.mark.parametrize("name", PROTOCOL_OF)
def test_ended_anywhere_it_keeps_what_had_arrived(name: str) -> None:
    body, protocol = (FIXTURES / name).read_bytes(), PROTOCOL_OF[name]
    whole = play(body, protocol)[1]
    for end in range(len(body)):
        answer = play(body[:end], protocol)[1]
        assert not answer.error
        for mine, full in zip(answer.calls, whole.calls, strict=False):
            assert full.arguments.startswith(mine.arguments.rstrip("\ufffd"))
            assert mine.name == full.name


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(min_size=0, max_size=12), min_size=1, max_size=5),
    st.dictionaries(st.text(max_size=5), st.text(max_size=8) | st.integers(), max_size=4),
    st.data(),
)
def test_cut_anywhere_many_times(
    texts: list[str], arguments: dict[str, object], data: st.DataObject
) -> None:
    raw = json.dumps(arguments, ensure_ascii=data.draw(st.booleans()))
    parts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    fragments = [raw[a:b] for a, b in zip([0, *parts], [*parts, len(raw)], strict=True)]
    body = sse(
        *(chunk(content=text) for text in texts),
        calls(call(0, "a", "get_time", fragments[0])),
        *(calls(call(0, arguments=fragment)) for fragment in fragments[1:]),
        chunk(finish="tool_calls"),
    )
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=20))
    whole = play(body, offered=OFFERED)
    assert play(body, offered=OFFERED, cuts=cuts) == whole
    assert whole[1].first.text == "".join(texts)
    assert whole[1].calls[0].arguments == raw


NAMES = st.sampled_from(
    [
        *("type", "index", "delta", "choices", "tool_calls", "function", "name", "arguments"),
        *("id", "message", "content", "finish_reason", "usage", "error", "content_block", "item"),
        *("output_index", "candidates", "parts", "functionCall", "args", "response", "output"),
        *("status", "done", "custom", "input", "partial_json", "function_call", "text"),
    ]
) | st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
TYPES = st.sampled_from(
    [
        *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
        *("message_delta", "message_stop", "response.output_item.added", "error", "ping"),
        *("response.output_item.done", "response.function_call_arguments.delta"),
        *("response.output_text.delta", "response.output_text.done", "response.completed"),
    ]
)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(PROTOCOLS),
    st.lists(st.dictionaries(NAMES, JSON, max_size=6), max_size=5),
    st.lists(TYPES, max_size=5),
)
def test_no_payload_of_any_shape_is_too_much(
    protocol: WireProtocol, payloads: list[dict[str, object]], types: list[str]
) -> None:
    typed = [p | {"type": t} for p, t in zip(payloads, types, strict=False)]
    lines = [json.dumps(p) for p in [*payloads, *typed]]
    ending = "\n" if protocol == "ollama.chat" else "\n\n"
    start = "" if protocol == "ollama.chat" else "data: "
    body = "".join(f"{start}{line}{ending}" for line in lines).encode()
    answer = play(body, protocol, offered=OFFERED)[1]
    assert answer.choices or answer.error
    for line in lines:
        assert read_answer(protocol, line.encode()).protocol == protocol


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PROTOCOLS), st.binary(max_size=80))
def test_no_bytes_are_too_much(protocol: WireProtocol, body: bytes) -> None:
    assembler = Assembler(protocol)
    assert assembler.feed(body) + assembler.finish()
    assert assembler.finish() == []
