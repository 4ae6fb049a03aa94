"""A scripted OpenAI-compatible upstream, fast enough not to be the limit.

The model's name sets the behaviour: ``bench-t<first ms>-g<gap ms>-n<chunks>``. Every fragment
carries the sender's monotonic clock in nanoseconds, so that a client on the same machine can
measure each fragment's way. Without ``stream`` the answer is one whole call of the first tool after
the first ms. Run it with ``python -m tests.bench.upstream --port N``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from typing import Any

SPEC = re.compile(r"bench-t(\d+)-g(\d+)-n(\d+)$")
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "b", "object": "chat.completion.chunk", "model": "bench", "choices": [choice]}
    data = b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


def read_model(asked: dict[str, Any]) -> list[int]:
    """The first ms, the gap in ms and the number of fragments that the model's name says."""
    found = SPEC.match(asked.get("model", "")) or SPEC.match("bench-t0-g0-n1")
    assert found is not None
    return list(map(int, found.groups()))


def whole(asked: dict[str, Any]) -> bytes:
    """A completion that calls the first tool with the user's last words."""
    tools, messages = asked.get("tools") or [], asked.get("messages") or [{}]
    message: dict[str, Any] = {"role": "assistant", "content": "Hello."}
    if tools:
        text = json.dumps({"query": messages[-1].get("content")})
        function = {"name": tools[0]["function"]["name"], "arguments": text}
        calls = [{"id": "call_1", "type": "function", "function": function}]
        message = {"role": "assistant", "content": None, "tool_calls": calls}
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": "tool_calls" if tools else "stop",
    }
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    body = {"id": "b", "object": "chat.completion", "model": "bench", "choices": [choice]}
    data = json.dumps({**body, "usage": usage}).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(data) + data


class Upstream(asyncio.Protocol):
    """One connection; requests come one after the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.held = b""
        self.playing: asyncio.Task[None] | None = None

    def connection_lost(self, error: Exception | None) -> None:
        if self.playing:
            self.playing.cancel()

    def data_received(self, data: bytes) -> None:
        self.held += data
        head, found, body = self.held.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        size = int(length[1]) if length else 0
        if not found or len(body) < size:
            return
        self.held = body[size:]
        asked = json.loads(body[:size] or b"{}")
        play = self.play if asked.get("stream") else self.answer
        self.playing = asyncio.ensure_future(play(asked))

    async def answer(self, asked: dict[str, Any]) -> None:
        first, _, _ = read_model(asked)
        await asyncio.sleep(first / 1000)
        self.transport.write(whole(asked))

    async def play(self, asked: dict[str, Any]) -> None:
        first, gap, count = read_model(asked)
        start = time.monotonic()
        await asyncio.sleep(first / 1000)
        self.transport.write(HEAD + event({"role": "assistant", "content": ""}))
        for index in range(count):
            due = start + (first + gap * index) / 1000
            if gap and (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            self.transport.write(event({"content": f"{time.monotonic_ns()} "}))
        end = b"data: [DONE]\n\n"
        self.transport.write(event({}, "stop") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(end), end))


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Upstream, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(serve(parser.parse_args().port))
