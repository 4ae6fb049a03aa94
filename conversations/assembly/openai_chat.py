"""OpenAI chat completions, with tools and with the legacy functions, and all who speak it.

Reference: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.buffer import Buffer, TextKind
from conversations.assembly.calls import Piece
from conversations.assembly.payload import compact, error_of, items, number, obj, rest_of, text
from conversations.parts import Usage

_PAYLOAD = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "error", "obfuscation", "p"}
)
_CHOICE = frozenset({"index", "delta", "message", "finish_reason", "error"})
_REASONING = ("reasoning_content", "reasoning")
_DELTA = frozenset(
    {"role", "content", "tool_calls", "function_call", "refusal", "name", *_REASONING}
)
_LEGACY = "function_call"


class Reader:
    """Chunks and whole completions: a choice's ``delta`` or ``message`` is the same thing."""

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer

    def done(self) -> None:
        self._buffer.complete = True
        self._buffer.close_all(cut=False)

    def take(self, payload: dict[str, Any], event: str = "") -> None:
        buffer = self._buffer
        buffer.model = text(payload.get("model")) or buffer.model
        buffer.response_id = text(payload.get("id")) or buffer.response_id
        if payload.get("error"):
            buffer.fail(error_of(payload["error"]))
        elif event == "error":
            buffer.fail(error_of(payload))
        for choice in items(payload.get("choices")):
            self._take_choice(obj(choice))
        usage = obj(payload.get("usage")) or obj(obj(payload.get("x_groq")).get("usage"))
        if usage:
            buffer.usage(usage_of(usage))
        buffer.extra(rest_of(payload, _PAYLOAD))

    def _take_choice(self, choice: dict[str, Any]) -> None:
        index = number(choice.get("index")) or 0
        self._buffer.choice(index)
        delta = obj(choice.get("delta"))
        self._take_delta(index, delta or obj(choice.get("message")), whole=not delta)
        self._buffer.extra(rest_of(choice, _CHOICE), choice=index)
        if choice.get("error"):
            self._buffer.fail(error_of(choice["error"]))
        reason = text(choice.get("finish_reason"))
        if reason:
            self._buffer.finish(index, reason)
            self._buffer.complete = self._buffer.all_finished

    def _take_delta(self, index: int, delta: dict[str, Any], *, whole: bool) -> None:
        for name in _REASONING:
            if text(delta.get(name)):
                details = {"field": name}
                self._buffer.text(index, delta[name], kind="reasoning", details=details)
                break
        self._take_content(index, delta.get("content"))
        self._buffer.text(index, text(delta.get("refusal")), kind="refusal")
        for entry in items(delta.get("tool_calls")):
            self._take_call(index, obj(entry), whole=whole)
        legacy = obj(delta.get("function_call"))
        if legacy.get("name") or legacy.get("arguments"):
            self._take_function(index, legacy, Piece(slot=_LEGACY, type=_LEGACY))
        self._buffer.extra(rest_of(delta, _DELTA), choice=index)

    def _take_content(self, index: int, content: Any, kind: TextKind = "text") -> None:
        """A text, or Mistral's list of typed chunks."""
        for chunk in items(content):
            if isinstance(chunk, str):
                self._buffer.text(index, chunk, kind=kind)
            elif obj(chunk).get("type") == "text":
                self._buffer.text(index, text(chunk.get("text")), kind=kind)
            elif obj(chunk).get("type") == "refusal":
                self._buffer.text(index, text(chunk.get("refusal")), kind="refusal")
            elif obj(chunk).get("type") == "thinking":
                self._take_content(index, chunk.get("thinking"), "reasoning")
            else:
                self._buffer.extra({"content": [chunk]}, choice=index)

    def _take_call(self, index: int, entry: dict[str, Any], *, whole: bool) -> None:
        """A fragment of a call, or in a whole message a call; there it needs no index."""
        kind = text(entry.get("type")) or ("function" if entry.get("function") else "")
        kind = kind or ("custom" if entry.get("custom") else "function")
        slot = number(entry.get("index"))
        known = frozenset({"index", "id", "type", "function", "custom"})
        function = obj(entry.get("custom" if kind == "custom" else "function"))
        piece = Piece(
            slot=slot,
            id=text(entry.get("id")) or None,
            type=kind,
            begins=whole,
            details=rest_of(entry, known),
        )
        self._take_function(index, function, piece)

    def _take_function(self, index: int, function: dict[str, Any], piece: Piece) -> None:
        arguments = function.get("arguments", function.get("input"))
        as_object = arguments is not None and not isinstance(arguments, str)
        call = self._buffer.call(
            index,
            Piece(
                slot=piece.slot,
                id=piece.id,
                name=text(function.get("name")) or None,
                arguments=compact(arguments) if as_object else arguments,
                type=piece.type,
                begins=piece.begins,
                details=piece.details,
            ),
        )
        if as_object:
            message = "The arguments came as a JSON value, not as a text"
            self._buffer.decide("arguments_as_object", message, index, call.index)


def usage_of(raw: Mapping[str, Any]) -> Usage:
    of_input = obj(raw.get("prompt_tokens_details"))
    of_output = obj(raw.get("completion_tokens_details"))
    return Usage(
        input_tokens=number(raw.get("prompt_tokens")),
        output_tokens=number(raw.get("completion_tokens")),
        cached_input_tokens=number(of_input.get("cached_tokens")),
        cache_write_tokens=number(of_input.get("cache_write_tokens")),
        reasoning_tokens=number(of_output.get("reasoning_tokens")),
        raw=dict(raw),
    )
