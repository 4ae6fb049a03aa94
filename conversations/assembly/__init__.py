"""Function-call buffering: the bytes of any provider's answer, in any cut, to one Answer.

``docs/assembly.md`` says how the buffer decides and what "right" means where providers and
their SDKs go wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import orjson

from conversations.assembly import (
    anthropic_messages,
    google_generate,
    ollama_chat,
    openai_chat,
    openai_responses,
)
from conversations.assembly.buffer import Buffer
from conversations.assembly.framing import FIELDS, EventFraming, Frame, LineFraming
from conversations.assembly.message import message_of
from conversations.assembly.payload import error_of
from conversations.parts import Answer, Event, ProviderError, WireProtocol
from tools_registry.specs import ToolSpec

__all__ = ["Assembler", "assemble", "message_of", "read_answer"]

_LONGEST_KEPT = 20_000
_LONG_INTEGER = re.compile(r"[0-9]{19}")


class _Reader(Protocol):
    def take(self, payload: dict[str, Any], event: str = "") -> None: ...

    def done(self) -> None: ...


_READERS: dict[WireProtocol, Callable[[Buffer], _Reader]] = {
    "openai.chat": openai_chat.Reader,
    "openai.responses": openai_responses.Reader,
    "anthropic.messages": anthropic_messages.Reader,
    "ollama.chat": ollama_chat.Reader,
    "google.generateContent": google_generate.Reader,
}


class Assembler:
    """Assembles one streamed answer.

    ``offered`` are the tools of the request by name: calls are then judged as they arrive.
    With None the offer is unknown and only the JSON of arguments is judged.
    """

    def __init__(
        self, protocol: WireProtocol, *, offered: Mapping[str, ToolSpec | None] | None = None
    ) -> None:
        self._buffer = Buffer(protocol, offered)
        self._reader = _READERS[protocol](self._buffer)
        self._framing = LineFraming() if protocol == "ollama.chat" else EventFraming()
        self._stray: list[Frame] = []

    def feed(self, chunk: bytes) -> list[Event]:
        """The next bytes, cut anywhere, to the events that they complete."""
        for frame in self._framing.feed(chunk):
            self._take(frame)
        return self._buffer.drain()

    def finish(self) -> list[Event]:
        """The stream ended, at its proper end or not. Safe to call again."""
        for frame in self._framing.finish():
            self._take(frame)
        self._take_stray()
        self._buffer.end()
        return self._buffer.drain()

    @property
    def answer(self) -> Answer:
        """The answer so far. Built anew at each call: costs its whole length."""
        return self._buffer.answer()

    def _take(self, frame: Frame) -> None:
        if frame.damaged and frame.ended:
            message = "Bytes that are no UTF-8 became U+FFFD"
            self._buffer.decide("not_utf8", message)
        if frame.stray:
            self._stray.append(frame)
            return
        self._take_stray()
        if frame.data.strip() == "[DONE]":
            self._reader.done()
            return
        payload = _parse(frame.data)
        if payload is None:
            self._keep_unread(frame)
            return
        if not frame.ended:
            message = (
                "The stream ended before this last event was closed; it was whole and was read"
            )
            self._buffer.decide("event_unfinished", message)
        self._read(payload, frame.event)

    def _read(self, payloads: list[dict[str, Any]], event: str = "") -> None:
        for payload in payloads:
            self._buffer.next_payload()
            self._reader.take(payload, event)

    def _keep_unread(self, frame: Frame) -> None:
        kept = frame.data[:_LONGEST_KEPT]
        if frame.event == "error":
            self._buffer.fail(error_of(kept))
        elif frame.ended:
            message = "The stream carries data that is not a JSON object"
            self._buffer.fail(ProviderError("malformed_stream", message, kept))
        else:
            self._buffer.extra({"unfinished_event": kept})

    def _take_stray(self) -> None:
        """Lines that are no event: a bare JSON error or answer, or something else altogether."""
        frames, self._stray = self._stray, []
        if not frames:
            return
        kept = "\n".join(frame.data for frame in frames)
        payload = _parse(kept)
        if payload is not None:
            message = "JSON stood in the stream without being an event, and was read"
            self._buffer.decide("whole_answer_in_stream", message)
            self._read(payload)
        elif not _may_be_cut_field(frames):
            message = "The stream carries lines that are no events"
            self._buffer.fail(ProviderError("malformed_stream", message, kept[:_LONGEST_KEPT]))
        else:
            self._buffer.extra({"unfinished_event": kept[:_LONGEST_KEPT]})


def _may_be_cut_field(frames: list[Frame]) -> bool:
    """The stream ended inside the name of a field."""
    return not frames[-1].ended and any(name.startswith(frames[-1].data) for name in FIELDS)


def assemble(
    protocol: WireProtocol, body: bytes, *, offered: Mapping[str, ToolSpec | None] | None = None
) -> Answer:
    """A whole recorded stream to its answer."""
    assembler = Assembler(protocol, offered=offered)
    assembler.feed(body)
    assembler.finish()
    return assembler.answer


def read_answer(protocol: WireProtocol, body: bytes) -> Answer:
    """A whole answer that was not streamed. It goes through the same reader and buffer."""
    buffer = Buffer(protocol, None)
    reader = _READERS[protocol](buffer)
    text = body.decode(errors="replace")
    payload = _parse(text)
    if payload is None:
        message = "The answer is not a JSON object"
        buffer.fail(ProviderError("malformed_answer", message, text[:_LONGEST_KEPT]))
    for one in payload or ():
        buffer.next_payload()
        reader.take(one)
    buffer.end()
    return buffer.answer()


def _parse(data: str) -> list[dict[str, Any]] | None:
    """The JSON object in ``data``, or the objects of a list; None for anything else."""
    try:
        found = _load(data)
    except (ValueError, RecursionError):
        return None
    objects = found if isinstance(found, list) else [found]
    return objects if all(isinstance(one, dict) for one in objects) else None


def _load(data: str) -> Any:
    """JSON as Python's own reader takes it; orjson reads what both read alike, and faster."""
    if _LONG_INTEGER.search(data) is None:
        try:
            return orjson.loads(data)
        except ValueError:  # NaN, half a surrogate pair, depth, or no JSON
            pass
    return json.loads(data)
