"""Throughput of the assembler and how it grows: run as ``python -m tests.bench.assembler``.

Each case streams arguments in 4-byte fragments with live validity, once at 0.1 MB and once at
1 MB: ten times the input may take at most twelve times the time. Time is processor time, so
that other work on the machine does not count.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from conversations.assembly import Assembler
from conversations.parts import WireProtocol
from tools_registry.specs import ToolSpec
from tools_registry.validation.partial import PartialCheck

MOST_GROWTH = 12.0
SMALL, LARGE = 100_000, 1_000_000

ITEM = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 0},
        "name": {"type": "string", "maxLength": 40},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["id", "name"],
    "additionalProperties": False,
}
TOOL = ToolSpec(
    "write",
    parameters={
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "items": {"type": "array", "items": ITEM},
            "tree": {"$ref": "#/$defs/tree"},
        },
        "additionalProperties": False,
        "$defs": {
            "tree": {
                "anyOf": [{"type": "null"}, {"type": "object"}],
                "properties": {"next": {"$ref": "#/$defs/tree"}},
            }
        },
    },
)


def one_string(size: int) -> str:
    return json.dumps({"text": 'Grüße, "quoted"\n' * (size // 29)})


def many_items(size: int) -> str:
    item = {"id": 7, "name": "a name", "unit": "celsius", "note": None}
    return json.dumps({"items": [item] * (size // 64)})


def deep(size: int) -> str:
    # Deeper than this the validators and json themselves refuse; so many trees, each deep.
    tree: Any = None
    for _ in range(90):
        tree = {"next": tree}
    piece = json.dumps(tree)
    return (
        '{"items": [], "tree": {'
        + ", ".join(f'"t{at}": {piece}' for at in range(size // len(piece)))
        + "}}"
    )


STREAMS: dict[str, WireProtocol] = {"chat": "openai.chat", "anthropic": "anthropic.messages"}
CASES = {"one long string": one_string, "many objects": many_items, "deep objects": deep}


def fragments(text: str, size: int = 4) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


def stream(protocol: WireProtocol, text: str) -> list[bytes]:
    """The arguments in the protocol's own events, one chunk of bytes each."""
    if protocol == "anthropic.messages":
        block = {"type": "tool_use", "id": "a", "name": "write", "input": {}}
        head: Any = {"type": "content_block_start", "index": 0, "content_block": block}
        deltas: Any = (
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "input_json_delta", "partial_json": one},
            }
            for one in fragments(text)
        )
        tail: Any = {"type": "content_block_stop", "index": 0}
    else:
        call = {"index": 0, "id": "a", "function": {"name": "write", "arguments": ""}}
        head = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
        deltas = (
            {
                "choices": [
                    {
                        "index": 0,
                        "delta": {"tool_calls": [{"index": 0, "function": {"arguments": one}}]},
                    }
                ]
            }
            for one in fragments(text)
        )
        tail = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    return [b"data: " + json.dumps(one).encode() + b"\n\n" for one in [head, *deltas, tail]]


def time_check(text: str) -> float:
    check = PartialCheck(TOOL.parameters)
    pieces = list(fragments(text))
    began = time.process_time()
    for piece in pieces:
        check.feed(piece)
    took = time.process_time() - began
    assert check.ended and (found := check.violation) is None, found
    return took


def time_stream(protocol: WireProtocol, text: str) -> float:
    assembler = Assembler(protocol, offered={"write": TOOL})
    chunks = stream(protocol, text)
    began = time.process_time()
    for chunk in chunks:
        assembler.feed(chunk)
    assembler.finish()
    took = time.process_time() - began
    assert assembler.answer.calls[0].arguments == text
    return took


def main() -> int:
    gc.disable()
    print(f"{'case':34}{'0.1 MB':>9}{'1 MB':>9}{'MB/s':>8}{'growth':>9}")
    worst = 0.0
    for name, make in CASES.items():
        small, large = make(SMALL), make(LARGE)
        rows: dict[str, Callable[[str], float]] = {"live validity alone": time_check}
        if make is many_items:
            rows |= {short: partial(time_stream, of) for short, of in STREAMS.items()}
        for row, measure in rows.items():
            # As many runs as give both sizes a like share of the machine's unrest.
            quick = sum(measure(small) for _ in range(5)) / 5
            slow = min(measure(large) for _ in range(3 if measure is time_check else 1))
            gc.collect()
            growth = slow / quick * (len(small) * 10 / len(large))
            worst = max(worst, growth)
            speed = len(large) / 1e6 / slow
            print(f"{name + ', ' + row:34}{quick:8.3f}s{slow:8.3f}s{speed:8.2f}{growth:8.1f}x")
    print(f"ten times the input: at most {worst:.1f} times the time (allowed {MOST_GROWTH:.0f})")
    return 1 if worst > MOST_GROWTH else 0


if __name__ == "__main__":
    sys.exit(main())
