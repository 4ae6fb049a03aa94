"""A capture as the turn that it was. Pure.

The conversation is the one that the client names. Without a name it is told by its beginning:
the messages up to and with the first answer, which every later request of it repeats.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from console.lib import json
from conversations import wire
from conversations.assembly import Assembler
from conversations.doors.proxy.capture import Capture, scrub, scrub_chunks
from conversations.ingest.compression import BadBody, Decompressor
from conversations.ingest.native import Exchange, clean, record_of_exchange
from conversations.ingest.notes import Note
from conversations.ingest.record import TurnRecord
from conversations.parts import CallStarted, Event, TextDelta, WireProtocol

DECODED = 64 * 1024 * 1024
_ENDS = {
    "cancelled": "The application went away before the answer had ended.",
    "cut": "The provider's connection broke off before the answer had ended.",
    "too_long": "The answer was longer than what is kept; its beginning is stored.",
    "open": "The console was stopped before the answer had ended.",
}


def decode(capture: Capture) -> Capture:
    """The capture with its answer out of its content encoding, the chunks' times kept, and
    without keys. Once is enough: twice is the same."""
    chunks = list(_decoded(capture)) if capture.encoding else capture.chunks
    return replace(
        capture,
        encoding="",
        request=scrub(capture.request, capture.secrets),
        chunks=scrub_chunks(chunks, capture.secrets),
        secrets=(),
    )


def settle(capture: Capture) -> None:
    """Decode it in place, once its answer is whole."""
    decoded = decode(capture)
    capture.request, capture.chunks = decoded.request, decoded.chunks
    capture.encoding, capture.secrets = "", ()


def _decoded(capture: Capture) -> Iterable[wire.Chunk]:
    """What can be read of it: an answer that was cut has no end mark."""
    try:
        decompressor = Decompressor(capture.encoding, DECODED)
        for at, chunk in capture.chunks:
            if piece := b"".join(decompressor.feed(chunk)):
                yield at, piece
    except BadBody:
        return


def record_of(capture: Capture) -> TurnRecord:
    """The turn of a decoded capture."""
    response = b"".join(chunk for _, chunk in capture.chunks)
    exchange = Exchange(
        id=capture.id,
        conversation=capture.conversation or capture.id,
        at=capture.at,
        provider=clean(capture.provider, 60),
        status=capture.status or 200,
        latency_ms=round(capture.latency_ms, 3),
        first_token_ms=first_token(capture),
        user=clean(capture.user, 300),
        tags=tuple(clean(tag, 200) for tag in capture.tags),
        environment=clean(capture.environment, 60),
    )
    record = record_of_exchange(
        capture.protocol, capture.request, response, streamed=capture.streamed, exchange=exchange
    )
    record = record.with_notes(Note("guarded", said) for said in capture.guarded)
    return _with_conversation(_with_end(record, capture), capture)


def _with_end(record: TurnRecord, capture: Capture) -> TurnRecord:
    said = _ENDS.get(capture.end)
    if said is None:
        return record
    if record.response is None and capture.status < 400:
        error = {"code": capture.end, "message": said}
        record = record.model_copy(update={"error": error})
    others = (note for note in record.notes if note.code != "response_incomplete")
    notes = (*others, Note("response_incomplete", said))
    return record.model_copy(update={"notes": notes})


def _with_conversation(record: TurnRecord, capture: Capture) -> TurnRecord:
    if capture.conversation:
        return record
    answer = record.response.message if record.response else None
    key = conversation_of(capture.project, record.request.messages, answer)
    return record.model_copy(update={"conversation": key}) if key else record


def conversation_of(
    project: int, messages: Iterable[Mapping[str, Any]], answer: Mapping[str, Any] | None
) -> str:
    """A name made of the messages up to and with the first answer; "" where there is none."""
    running = hashlib.sha256(str(project).encode())
    for message in [*messages, *([answer] if answer else [])]:
        running.update(json.dump(_gist(message)).encode() + b"\n")
        if message.get("role") == "assistant":
            return f"proxy:{running.hexdigest()[:32]}"
    return ""


def _gist(message: Mapping[str, Any]) -> list[Any]:
    """What an application repeats of a message whatever its SDK adds or leaves out."""
    content = message.get("content")
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, Mapping)]
        content = "".join(text for text in texts if isinstance(text, str))
    calls = [
        [call.get("id"), _name(call)]
        for call in message.get("tool_calls") or []
        if isinstance(call, Mapping)
    ]
    return [message.get("role"), content or "", calls]


def _name(call: Mapping[str, Any]) -> Any:
    function = call.get("function")
    return function.get("name") if isinstance(function, Mapping) else None


def first_token(capture: Capture) -> float | None:
    """Milliseconds to the first chunk that has text or begins a call; None for whole answers."""
    if not capture.streamed or not capture.chunks:
        return None
    assembler = Assembler(cast(WireProtocol, capture.protocol))
    for at, chunk in capture.chunks:
        if any(_is_said(event) for event in assembler.feed(chunk)):
            return round(at, 3)
    return None


def _is_said(event: Event) -> bool:
    return isinstance(event, CallStarted) or (isinstance(event, TextDelta) and bool(event.text))
