"""Small streams written by hand: what the assembly tests feed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from conversations.assembly import Assembler
from conversations.parts import Answer, Event, WireProtocol
from tools_registry.specs import ToolSpec

FIXTURES = Path(__file__).parent / "fixtures"

PROTOCOL_OF: dict[str, WireProtocol] = {
    "chat_interleaved.sse": "openai.chat",
    "chat_legacy.sse": "openai.chat",
    "chat_two_choices.sse": "openai.chat",
    "responses.sse": "openai.responses",
    "anthropic.sse": "anthropic.messages",
    "google.sse": "google.generateContent",
    "ollama.ndjson": "ollama.chat",
}

WEATHER = ToolSpec(
    "get_current_weather",
    parameters={
        "type": "object",
        "properties": {
            "location": {"type": "string", "minLength": 2},
            "days": {"type": "integer", "minimum": 1},
            "unit": {"enum": ["celsius", "fahrenheit"]},
        },
        "required": ["location"],
        "additionalProperties": False,
    },
)
TIME = ToolSpec("get_time", parameters={"type": "object", "properties": {"zone": {}}})
OFFERED = {tool.name: tool for tool in (WEATHER, TIME)}


def sse(*payloads: Any, done: bool = True) -> bytes:
    """Server-sent events of JSON payloads; a text stands for itself."""
    lines = [one if isinstance(one, str) else f"data: {json.dumps(one)}" for one in payloads]
    return "".join(f"{line}\n\n" for line in [*lines, *(["data: [DONE]"] if done else [])]).encode()


def chunk(choice: int = 0, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": choice, "delta": delta, "finish_reason": finish}]}


def call(
    index: int | None = 0,
    id: str | None = None,
    name: str | None = None,
    arguments: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """One entry of a chat delta's ``tool_calls``; what is None is left out."""
    function = {"name": name, "arguments": arguments}
    entry = {"index": index, "id": id, **more}
    found = {key: value for key, value in entry.items() if value is not None}
    return found | {"function": {k: v for k, v in function.items() if v is not None}}


def calls(*entries: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return chunk(finish=finish, tool_calls=list(entries))


def play(
    body: bytes,
    protocol: WireProtocol = "openai.chat",
    *,
    offered: dict[str, ToolSpec] | None = None,
    cuts: Iterable[int] = (),
) -> tuple[list[Event], Answer]:
    """Feed a body, cut at the given positions; the events and the answer."""
    assembler = Assembler(protocol, offered=offered)
    places = [0, *sorted(cuts), len(body)]
    events: list[Event] = []
    for start, end in zip(places, places[1:], strict=False):
        events += assembler.feed(body[start:end])
    events += assembler.finish()
    return events, assembler.answer


def chat(*payloads: Any, done: bool = True) -> Answer:
    return play(sse(*payloads, done=done))[1]


def named(answer: Answer) -> list[tuple[str | None, str, str]]:
    return [(one.id, one.name, one.arguments) for one in answer.calls]


def decisions(answer: Answer) -> set[str]:
    return {decision.code for decision in answer.decisions}
