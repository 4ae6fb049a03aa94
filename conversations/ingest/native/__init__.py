"""Provider-native requests and answers as turn records, one module a protocol.

``record_of_exchange`` is for whoever holds both sides of one exchange: the recording proxy,
recorded exchanges in files. It never raises for what the provider or the application sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast, get_args

from console.lib import json
from conversations import assembly
from conversations.assembly.payload import error_of, items, obj, text
from conversations.ingest.native import (
    anthropic_messages,
    bedrock_converse,
    cohere_chat,
    google_generate,
    ollama_chat,
    openai_chat,
    openai_responses,
)
from conversations.ingest.native.canonical import NativeAnswer, NativeRequest, not_carried
from conversations.ingest.native.shapes import protocol_of_answer, protocol_of_request
from conversations.ingest.notes import Note
from conversations.ingest.record import (
    BadRecord,
    Limits,
    TurnRecord,
    build_record,
    check_depth,
    load_json,
)
from conversations.parts import Answer, WireProtocol

__all__ = [
    "ANSWERS",
    "REQUESTS",
    "Exchange",
    "answer_of",
    "build_turn",
    "clean",
    "protocol_of_answer",
    "protocol_of_request",
    "read_request",
    "read_response",
    "read_value",
    "record_of_exchange",
]

RequestReader = Callable[[Mapping[str, Any]], NativeRequest]
AnswerReader = Callable[[Mapping[str, Any]], NativeAnswer]

REQUESTS: dict[str, RequestReader] = {
    "openai.chat": openai_chat.read_request,
    "openai.responses": openai_responses.read_request,
    "anthropic.messages": anthropic_messages.read_request,
    "google.generateContent": google_generate.read_request,
    "ollama.chat": ollama_chat.read_request,
    "cohere.v2": cohere_chat.read_request,
    "bedrock.converse": bedrock_converse.read_request,
}
# Whole answers that are read as they stand; those of the others go through the call buffer.
ANSWERS: dict[str, AnswerReader] = {
    "openai.chat": openai_chat.read_answer,
    "cohere.v2": cohere_chat.read_answer,
    "bedrock.converse": bedrock_converse.read_answer,
}
OBJECT_ARGUMENTS = frozenset(["anthropic.messages", "google.generateContent", "ollama.chat"])
# Calls that the provider makes and answers by itself: no application sees or can fail them.
HOSTED = frozenset(["server_tool_use", "mcp_tool_use", "mcp_call"])
ASSEMBLED: tuple[str, ...] = get_args(WireProtocol)
WIDE = Limits(max_record_bytes=1 << 40)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is known of an exchange beside its bytes. Durations are milliseconds.

    ``status`` is HTTP's; 400 and above makes the answer an error. ``complete`` is False where
    the client went away or the stream broke off.
    """

    id: str
    conversation: str
    at: datetime
    provider: str = ""
    model: str = ""
    status: int = 200
    latency_ms: float | None = None
    first_token_ms: float | None = None
    user: str = ""
    tags: tuple[str, ...] = ()
    environment: str = ""
    complete: bool = True


def record_of_exchange(
    protocol: str, request: bytes, response: bytes, *, streamed: bool, exchange: Exchange
) -> TurnRecord:
    """The turn of one exchange with a provider.

    Raises ``BadRecord`` only for a value of ``exchange`` that no record may hold.
    """
    asked = read_request(protocol, request)
    answered = read_response(protocol, response, streamed=streamed, status=exchange.status)
    notes = [*asked.notes, *answered.notes]
    if not exchange.complete and not any(note.code == "response_incomplete" for note in notes):
        notes.append(Note("response_incomplete", "The exchange broke off before its end."))
    return build_turn(protocol, asked, answered, exchange, notes)


def build_turn(
    protocol: str,
    asked: NativeRequest,
    answered: NativeAnswer,
    exchange: Exchange,
    notes: list[Note],
) -> TurnRecord:
    """A record from both sides in canonical form."""
    model = answered.model or asked.model or exchange.model
    if not model:
        notes.append(Note("model_unknown", "Neither request nor answer names the model."))
    error = answered.error
    if answered.message is None and error is None:
        error = {"code": "response_unreadable", "message": "No message is in the answer"}
        notes.append(Note("response_unreadable", "No message is in the answer."))
    parameters = asked.parameters
    if asked.model and asked.model != model:
        parameters = {"model": asked.model, **parameters}
    response = {
        "message": answered.message,
        "finish_reason": answered.finish_reason and clean(answered.finish_reason, 200),
        "usage": answered.usage,
    }
    return build_record(
        {
            "id": exchange.id,
            "conversation": exchange.conversation,
            "at": exchange.at,
            "provider": exchange.provider,
            "protocol": protocol,
            "model": clean(model, 200) or "unknown",
            "request": {
                "messages": asked.messages,
                "tools": asked.tools,
                "tool_choice": asked.tool_choice,
                "parameters": parameters,
            },
            "response": response if answered.message is not None else None,
            "error": error,
            "latency_ms": exchange.latency_ms,
            "first_token_ms": exchange.first_token_ms,
            "user": exchange.user or clean(asked.user, 300),
            "tags": exchange.tags,
            "environment": exchange.environment,
            "notes": tuple(dict.fromkeys(notes)),
        }
    )


def clean(name: str, longest: int) -> str:
    """A name out of foreign data, fit for a record: cut, without NULs and lone surrogates."""
    if name.isascii() and "\0" not in name:
        return name[:longest]
    return name[:longest].replace("\0", "").encode("utf-8", "replace").decode()


def read_request(protocol: str, body: bytes) -> NativeRequest:
    """A request's bytes in canonical form; what cannot be read becomes a note."""
    try:
        value = _load(body)
        if isinstance(value, dict):
            return REQUESTS[protocol](value)
        reason = "it is no JSON object"
    except (BadRecord, RecursionError) as error:
        reason = str(error)
    return NativeRequest([], notes=(Note("request_unreadable", f"The request: {reason[:300]}"),))


def read_response(
    protocol: str, body: bytes, *, streamed: bool = False, status: int = 200
) -> NativeAnswer:
    """An answer's bytes in canonical form; an HTTP error becomes ``error`` with its status."""
    if status >= 400:
        return NativeAnswer(None, error=_http_error(body, status))
    try:
        return _read_response(protocol, body, streamed)
    except RecursionError:
        return _unreadable("The answer nests too deep.")


def _read_response(protocol: str, body: bytes, streamed: bool) -> NativeAnswer:
    if protocol not in ASSEMBLED and streamed:
        return _unreadable(f"Streams of {protocol} cannot be read.")
    if protocol in ANSWERS and not streamed:
        try:
            value = _load(body)
        except BadRecord:
            value = None
        if isinstance(value, dict):
            return ANSWERS[protocol](value)
    wire = cast(WireProtocol, protocol if protocol in ASSEMBLED else "openai.chat")
    if streamed:
        return answer_of(assembly.assemble(wire, body))
    answered = answer_of(assembly.read_answer(wire, body))
    return _whole(answered) if protocol in OBJECT_ARGUMENTS else answered


def _unreadable(detail: str) -> NativeAnswer:
    note = Note("response_unreadable", detail)
    return NativeAnswer(None, error={"code": note.code, "message": note.detail}, notes=(note,))


def read_value(protocol: str, answer: Mapping[str, Any]) -> NativeAnswer:
    """An answer that is parsed already."""
    return read_response(protocol, json.dump(answer).encode())


def _load(body: bytes) -> Any:
    value = load_json(body, limits=WIDE)
    check_depth(value, WIDE.max_depth)
    return value


def _whole(answered: NativeAnswer) -> NativeAnswer:
    """Whole answers whose arguments are objects: one without members is ``{}``, not no text."""
    for call in items((answered.message or {}).get("tool_calls")):
        function = call.get("function", {})
        if function.get("arguments") == "":
            function["arguments"] = "{}"
    return answered


def _http_error(body: bytes, status: int) -> dict[str, Any]:
    try:
        value = load_json(body, limits=WIDE)
    except BadRecord:
        value = body.decode("utf-8", "replace")
    listed = items(value)
    error = error_of(listed[0] if listed else value, f"http_{status}")
    return {"status": status, "code": error.code, "message": error.message, "raw": value}


def answer_of(answer: Answer) -> NativeAnswer:
    """An assembled answer in canonical form, what was decided on the way in its notes."""
    notes = [
        Note("assembly_decision", f"{decision.code}: {decision.message}."[:500])
        for decision in answer.decisions
    ]
    if len(answer.choices) > 1:
        notes.append(
            Note("choices_left_out", f"The first of {len(answer.choices)} answers is stored.")
        )
    if not answer.complete:
        notes.append(
            Note("response_incomplete", "The answer ended before the provider said it was done.")
        )
    left = obj(dict(answer.first.provider_details)).get("items")
    for item in items(left):
        kind = text(obj(item).get("type")) or "unknown"
        notes.append(not_carried(f"an output item {kind[:100]}"))
    message = assembly.message_of(answer) if answer.choices else None
    hosted = [call for call in answer.first.calls if call.type in HOSTED]
    if message and hosted:
        _leave_out(message, {call.id for call in hosted})
        notes += [
            not_carried(f"the call of {call.name}, which the provider ran") for call in hosted
        ]
    error = answer.error
    return NativeAnswer(
        message=message,
        finish_reason=answer.first.finish_reason,
        usage=dict(answer.usage.raw) if answer.usage and answer.usage.raw else None,
        model=answer.model or "",
        error=error and {"code": error.code, "message": error.message, "raw": error.raw},
        notes=tuple(dict.fromkeys(notes)),
    )


def _leave_out(message: dict[str, Any], ids: set[str | None]) -> None:
    kept = [call for call in items(message.get("tool_calls")) if call.get("id") not in ids]
    message.pop("tool_calls", None)
    if kept:
        message["tool_calls"] = kept
