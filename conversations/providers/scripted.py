"""A provider that plays a script: for demonstrations, teaching and tests.

A connection's ``settings`` hold ``{"script": SCRIPT, "scripts": {"<model>": SCRIPT},
"speed": 1.0}``; the model's name chooses among ``scripts``, then among those that come with
Misfire (``LIBRARY``), then ``script`` is played. A SCRIPT is one of

- ``{"protocol": "openai.chat", "chunks": [[ms, "text"], [ms, "…", "base64"], …]}``: a recorded
  stream, each chunk at its time since the request, in milliseconds;
- ``{"text": "…", "calls": [{"name", "arguments", "id"?}], "delay_ms": 20, "fragment": 4,
  "first_ms": 0, "error": {"status"?, "message"}, "cut_after": n}``: written, compiled to an
  OpenAI chat stream whose pieces have ``fragment`` characters;
- a list of these, one a round: the n-th is played for the n-th model call after the user's
  last message, the last one from then on;
- ``{"when": [["words", SCRIPT], …], "otherwise": SCRIPT}``: the first whose words stand in the
  user's last message, capital letters aside.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, get_args

import httpx2

from console.lib import json
from conversations.parts import WireProtocol
from conversations.providers.base import Ask, Prepared, Provider
from conversations.providers.faults import ProviderFault

SSE = "text/event-stream"
NDJSON = "application/x-ndjson"
_WRITTEN = {"text", "calls", "delay_ms", "first_ms", "fragment", "error", "cut_after"} | {
    "finish_reason"
}


@dataclass(frozen=True)
class Script:
    """A stream to be played: ``chunks`` are (milliseconds since the request, bytes).

    ``cut`` ends the connection after the last chunk as if the network had failed.
    """

    protocol: WireProtocol
    chunks: tuple[tuple[float, bytes], ...]
    status: int = 200
    cut: bool = False


class BadScript(ValueError):
    """A script of no known form; the text says which part and what it should be."""


class Scripted(Provider):
    @property
    def where(self) -> str:
        return f"The script of {self.endpoint.name or 'the connection'}"

    def prepare(self, ask: Ask) -> Prepared:
        script = self._choose(ask)
        body: dict[str, Any] = {"model": ask.model, "messages": [dict(m) for m in ask.messages]}
        if ask.tools:
            body |= {"tools": [dict(tool) for tool in ask.tools], "tool_choice": ask.tool_choice}
        body |= {**ask.parameters, "stream": ask.stream}
        return Prepared(script.protocol, body)

    @asynccontextmanager
    async def open(self, body: dict[str, Any]) -> AsyncIterator[httpx2.Response]:
        script = self._choose(Ask(body["model"], body["messages"]))
        speed = float(self.endpoint.settings.get("speed") or 1.0)
        kind = NDJSON if script.protocol == "ollama.chat" else SSE
        request = httpx2.Request("POST", "script:", content=json.dump(body).encode())
        yield httpx2.Response(
            script.status,
            headers={"content-type": kind},
            stream=_Playing(script, speed),
            request=request,
        )

    async def list_models(self) -> list[str]:
        return [*self.endpoint.settings.get("scripts", {}), *LIBRARY]

    def _choose(self, ask: Ask) -> Script:
        settings = self.endpoint.settings
        found = (settings.get("scripts") or {}).get(ask.model) or LIBRARY.get(ask.model)
        source = found or settings.get("script")
        if source is None:
            raise ProviderFault(
                "not_found",
                f"There is no script named {ask.model}. The connection has"
                f" {', '.join([*(settings.get('scripts') or {}), *LIBRARY])}.",
            )
        try:
            told = read_said(ask.messages)
            return read_script(source, played=rounds_played(ask.messages), said=told)
        except BadScript as error:
            raise ProviderFault("bad_request", f"The script {ask.model}: {error}") from error


class _Playing(httpx2.AsyncByteStream):
    def __init__(self, script: Script, speed: float) -> None:
        self._script, self._speed = script, speed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for at, chunk in self._script.chunks:
            wait = begun + at / 1000 / self._speed - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            yield chunk
        if self._script.cut:
            raise httpx2.RemoteProtocolError("the script cuts the stream here")

    async def aclose(self) -> None:
        return None


def rounds_played(messages: Sequence[Mapping[str, Any]]) -> int:
    """How many answers the model gave since the user last spoke."""
    count = 0
    for message in reversed(messages):
        if message.get("role") == "user":
            break
        count += message.get("role") == "assistant"
    return count


def read_said(messages: Sequence[Mapping[str, Any]]) -> str:
    """The text of the user's last message."""
    for message in reversed(messages):
        if message.get("role") == "user":
            content = message.get("content")
            parts = content if isinstance(content, list) else [{"text": content}]
            texts = [part.get("text") for part in parts if isinstance(part, Mapping)]
            return " ".join(text for text in texts if isinstance(text, str))
    return ""


def scripts_within(source: Any) -> list[Any]:
    """The single scripts that it may come to. Raises ``BadScript`` for what is no choice."""
    options: list[Any] = source if isinstance(source, list) else []
    if isinstance(source, Mapping) and "when" in source:
        options = [then for _, then in _read_choice(source)]
        options += [source["otherwise"]] if "otherwise" in source else []
    return [one for option in options for one in scripts_within(option)] or [source]


def _read_choice(source: Mapping[str, Any]) -> list[tuple[str, Any]]:
    if set(source) - {"when", "otherwise"}:
        raise BadScript("beside when there is nothing but otherwise")
    pairs = source["when"]
    if not isinstance(pairs, list):
        raise BadScript('when is a list of ["words", SCRIPT]')
    found = []
    for number, pair in enumerate(pairs):
        match pair:
            case [str() as words, then]:
                found.append((words, then))
            case _:
                raise BadScript(f'when {number} is not ["words", SCRIPT]')
    return found


def _choose_by_words(source: Mapping[str, Any], said: str) -> Any:
    low = said.lower()
    for words, then in _read_choice(source):
        if words.lower() in low:
            return then
    if "otherwise" not in source:
        raise BadScript("none of its words were said, and it has no otherwise")
    return source["otherwise"]


def read_script(source: Any, *, played: int = 0, said: str = "") -> Script:
    """The script to play in this round for what was said; raises ``BadScript``."""
    if isinstance(source, Mapping) and "when" in source:
        return read_script(_choose_by_words(source, said), played=played, said=said)
    if isinstance(source, list):
        if not source:
            raise BadScript("the list of rounds is empty; write at least one script")
        return read_script(source[min(played, len(source) - 1)], played=played, said=said)
    if not isinstance(source, Mapping):
        raise BadScript("a script is an object with chunks, or with text and calls")
    return _recorded(source) if "chunks" in source else compile_script(source)


def _recorded(source: Mapping[str, Any]) -> Script:
    protocol = source.get("protocol", "openai.chat")
    if protocol not in get_args(WireProtocol):
        raise BadScript(f"protocol is {protocol!r}; use one of {', '.join(get_args(WireProtocol))}")
    chunks = []
    for number, chunk in enumerate(source["chunks"]):
        match chunk:
            case [int() | float() as at, str() as text]:
                chunks.append((float(at), text.encode("utf-8", "surrogatepass")))
            case [int() | float() as at, str() as text, "base64"]:
                chunks.append((float(at), base64.b64decode(text)))
            case _:
                raise BadScript(f'chunk {number} is not [ms, "text"] or [ms, "…", "base64"]')
    status = int(source.get("status", 200))
    return Script(protocol, tuple(chunks), status=status, cut=bool(source.get("cut")))


def compile_script(source: Mapping[str, Any]) -> Script:
    """The written form as an OpenAI chat stream."""
    unknown = set(source) - _WRITTEN
    if unknown:
        raise BadScript(f"it has no field {', '.join(sorted(unknown))}")
    error = source.get("error")
    if isinstance(error, Mapping) and error.get("status"):
        body = json.dump({"error": {"message": str(error.get("message", ""))}}).encode()
        return Script("openai.chat", ((0.0, body),), status=int(error["status"]))
    events = [_frame(delta) for delta in _deltas(source)]
    cut_after = source.get("cut_after")
    if cut_after is not None:
        events = events[: int(cut_after)]
    elif error:
        events.append(b"data: " + json.dump({"error": error}).encode() + b"\n\n")
    else:
        finish = "tool_calls" if source.get("calls") else "stop"
        events += _ending(str(source.get("finish_reason", finish)), len(events))
    first, gap = float(source.get("first_ms", 0)), float(source.get("delay_ms", 0))
    chunks = tuple((first + gap * index, event) for index, event in enumerate(events))
    return Script("openai.chat", chunks, cut=cut_after is not None)


def _deltas(source: Mapping[str, Any]) -> list[dict[str, Any]]:
    size = max(1, int(source.get("fragment", 4)))
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
    deltas += [{"content": piece} for piece in _cut(str(source.get("text") or ""), size)]
    for index, call in enumerate(source.get("calls") or []):
        if not isinstance(call, Mapping) or "name" not in call:
            raise BadScript(f"call {index} has no name")
        arguments = call.get("arguments", {})
        text = arguments if isinstance(arguments, str) else json.dump(arguments)
        pieces = call.get("pieces") or [call["name"]]
        head = {"index": index, "id": call.get("id", f"call_{index + 1}"), "type": "function"}
        first = {"name": pieces[0], "arguments": ""}
        deltas.append({"tool_calls": [{**head, "function": first}]})
        for piece in pieces[1:]:
            deltas.append({"tool_calls": [{"index": index, "function": {"name": piece}}]})
        for piece in _cut(text, size):
            deltas.append({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    return deltas


def _cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _frame(delta: Any, finish: str | None = None, **more: Any) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}] if delta is not None else []
    chunk = {"id": "script", "object": "chat.completion.chunk", "model": "script"}
    return b"data: " + json.dump({**chunk, "choices": choices, **more}).encode() + b"\n\n"


def _ending(finish: str, pieces: int) -> list[bytes]:
    # What a prompt would count as, nobody knows here.
    usage = {"completion_tokens": pieces}
    return [_frame({}, finish), _frame(None, usage=usage), b"data: [DONE]\n\n"]


_ANSWER = {"text": "It is 18 °C and clear in Oslo.", "delay_ms": 30, "fragment": 6}
LIBRARY: dict[str, Any] = {
    "name-in-pieces": [
        {
            "calls": [
                {
                    "name": "get_current_weather",
                    "pieces": ["get", "_curr", "ent", "_wea", "ther"],
                    "arguments": {"city": "Oslo", "unit": "celsius"},
                }
            ],
            "delay_ms": 120,
            "fragment": 5,
        },
        _ANSWER,
    ],
    "parallel-calls": [
        {
            "text": "I will look up both.",
            "calls": [
                {"name": "get_current_weather", "arguments": {"city": "Oslo"}},
                {"name": "get_current_weather", "arguments": {"city": "Bergen"}},
            ],
            "delay_ms": 60,
        },
        _ANSWER,
    ],
    "misspelt-parameter": [
        {
            "calls": [{"name": "get_current_weather", "arguments": {"town": "Oslo", "days": "5"}}],
            "delay_ms": 80,
        },
        _ANSWER,
    ],
    "cut-in-arguments": {
        "calls": [{"name": "get_current_weather", "arguments": {"city": "Oslo"}}],
        "delay_ms": 80,
        "cut_after": 5,
    },
    "rate-limited": {"error": {"status": 429, "message": "Too many requests."}},
    "text-only": _ANSWER,
}
