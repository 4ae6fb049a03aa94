"""Ollama's native chat: newline-delimited JSON, every tool call whole in one line.

Reference: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

from __future__ import annotations

from typing import Any

from conversations.assembly.buffer import Buffer
from conversations.assembly.calls import Piece
from conversations.assembly.payload import compact, error_of, items, number, obj, rest_of, text
from conversations.parts import Usage

_PAYLOAD = frozenset({"model", "created_at", "message", "done", "done_reason", "error"})
_COUNTS = frozenset({"prompt_eval_count", "eval_count"})
_MESSAGE = frozenset({"role", "content", "thinking", "tool_calls"})
_CALL = frozenset({"id", "type", "function"})


class Reader:
    """Lines of a stream and whole answers: they have one shape."""

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer

    def done(self) -> None:
        self._buffer.complete = True

    def take(self, payload: dict[str, Any], event: str = "") -> None:
        buffer = self._buffer
        buffer.model = text(payload.get("model")) or buffer.model
        if payload.get("error"):
            buffer.fail(error_of(payload["error"]))
        message = obj(payload.get("message"))
        if "message" in payload:
            buffer.choice(0)
            buffer.text(0, text(message.get("thinking")), kind="reasoning")
            buffer.text(0, text(message.get("content")))
            for entry in items(message.get("tool_calls")):
                self._take_call(obj(entry))
            buffer.extra(rest_of(message, _MESSAGE), choice=0)
        if payload.get("done") is True:
            self.done()
            buffer.finish(0, text(payload.get("done_reason")) or "stop")
        raw = rest_of(payload, _PAYLOAD)
        if _COUNTS & raw.keys():
            buffer.usage(
                Usage(
                    input_tokens=number(raw.get("prompt_eval_count")),
                    output_tokens=number(raw.get("eval_count")),
                    raw=raw,
                )
            )
        else:
            buffer.extra(raw)

    def _take_call(self, entry: dict[str, Any]) -> None:
        function = obj(entry.get("function"))
        arguments = function.get("arguments")
        details = rest_of(entry, _CALL) | rest_of(function, frozenset({"name", "arguments"}))
        call = self._buffer.call(
            0,
            Piece(
                id=text(entry.get("id")) or None,
                name=text(function.get("name")) or None,
                arguments=arguments if isinstance(arguments, str) else compact(arguments),
                begins=True,
                details=details,
            ),
        )
        self._buffer.close(0, call)
