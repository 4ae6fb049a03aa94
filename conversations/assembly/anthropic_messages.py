"""Anthropic Messages: typed content blocks, each started, filled and stopped by index.

Reference: https://docs.anthropic.com/en/api/messages-streaming
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.buffer import Buffer
from conversations.assembly.calls import OpenCall, Piece
from conversations.assembly.payload import compact, error_of, items, number, obj, rest_of, text
from conversations.parts import Usage
from tools_registry.validation.findings import Finding

_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_CALL = frozenset({"type", "id", "name", "input"})
_MESSAGE = frozenset(
    {"id", "type", "role", "model", "content", "usage", "stop_reason", "stop_sequence"}
)


class Reader:
    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._usage: dict[str, Any] = {}
        self._inputs: dict[int, Any] = {}
        self._messages = 0

    def done(self) -> None:
        """``[DONE]`` is no part of this protocol, and says nothing that a stop does not."""

    def take(self, payload: dict[str, Any], event: str = "") -> None:
        kind = text(payload.get("type")) or event
        index = number(payload.get("index")) or 0
        if kind == "message_start":
            self._take_message(obj(payload.get("message")))
        elif kind == "message":
            self._take_message(payload)
        elif kind == "content_block_start":
            self._start_block(index, obj(payload.get("content_block")))
        elif kind == "content_block_delta":
            self._take_delta(index, obj(payload.get("delta")))
        elif kind == "content_block_stop":
            self._stop_block(index)
        elif kind == "message_delta":
            self._take_stop(obj(payload.get("delta")), obj(payload.get("usage")))
            known = frozenset({"type", "delta", "usage"})
            self._buffer.extra(rest_of(payload, known), choice=0)
        elif kind == "message_stop":
            self._buffer.complete = True
        elif kind == "error" or payload.get("error"):
            self._buffer.fail(error_of(payload.get("error") or payload))
        elif kind != "ping":
            self._buffer.decide("unknown_shape", f'An event of type "{kind[:80]}" was kept aside')
            self._buffer.extra({"unknown": [payload]})

    def _take_message(self, message: dict[str, Any]) -> None:
        """The message's head, or a whole message: then its content and stop are set, too."""
        self._messages += 1
        if self._messages > 1:
            self._buffer.begin_again(0)
        self._buffer.choice(0)
        self._buffer.model = text(message.get("model")) or self._buffer.model
        self._buffer.response_id = text(message.get("id")) or self._buffer.response_id
        self._buffer.extra(rest_of(message, _MESSAGE))
        for index, block in enumerate(items(message.get("content"))):
            self._start_block(index, obj(block))
            self._stop_block(index, whole=True)
        self._take_stop(message, obj(message.get("usage")))

    def _take_stop(self, delta: dict[str, Any], usage: dict[str, Any]) -> None:
        reason = text(delta.get("stop_reason"))
        if reason:
            self._buffer.finish(0, reason)
            self._buffer.complete = True
        known = _MESSAGE - {"stop_sequence"}
        if delta.get("type") != "message":
            self._buffer.extra(rest_of(delta, known), choice=0)
        if usage:
            # Later events repeat only what changed.
            self._usage |= {key: value for key, value in usage.items() if value is not None}
            self._buffer.usage(usage_of(self._usage))

    def _start_block(self, index: int, block: dict[str, Any]) -> None:
        kind = text(block.get("type"))
        if kind in _CALLS:
            self._inputs[index] = block.get("input")
            details = rest_of(block, _CALL)
            name, id = text(block.get("name")), text(block.get("id")) or None
            self._buffer.call(
                0, Piece(slot=index, id=id, name=name, type=kind, begins=True, details=details)
            )
        elif kind == "text":
            details = rest_of(block, frozenset({"type", "text"}))
            self._buffer.text(0, text(block.get("text")), slot=self._slot(index), details=details)
        elif kind == "thinking":
            details = rest_of(block, frozenset({"type", "thinking"}))
            thinking = text(block.get("thinking"))
            self._buffer.text(
                0, thinking, kind="reasoning", slot=self._slot(index), details=details
            )
        elif kind == "redacted_thinking":
            self._buffer.text(0, "", kind="reasoning", slot=self._slot(index), details=block)
        else:
            self._buffer.extra({"blocks": [{"index": index, **block}]}, choice=0)

    def _slot(self, index: int) -> str:
        """A block of text by its message and index: the texts of two blocks stay two parts."""
        return f"{self._messages}.{index}"

    def _take_delta(self, index: int, delta: dict[str, Any]) -> None:
        kind = delta.get("type")
        if kind == "text_delta":
            self._buffer.text(0, text(delta.get("text")), slot=self._slot(index))
        elif kind == "input_json_delta":
            self._take_input(index, text(delta.get("partial_json")))
        elif kind == "thinking_delta":
            self._buffer.text(
                0, text(delta.get("thinking")), kind="reasoning", slot=self._slot(index)
            )
        elif kind == "signature_delta":
            details = {"signature": delta.get("signature")}
            self._buffer.text(0, "", kind="reasoning", slot=self._slot(index), details=details)
        elif kind == "citations_delta":
            details = {"citations": [delta.get("citation")]}
            self._buffer.text(0, "", slot=self._slot(index), details=details)
        else:
            self._buffer.extra({"blocks": [{"index": index, **delta}]}, choice=0)

    def _take_input(self, index: int, fragment: str) -> None:
        call = self._buffer.call_at(0, index)
        if not fragment:
            return
        if call is None or call.closed:
            message = "Arguments arrived for a block that is no open call"
            detail = {"index": index, "fragment": fragment[:2000]}
            self._buffer.find(Finding("lost_arguments", message, detail=detail))
            return
        self._buffer.call(0, Piece(slot=index, arguments=fragment, type=call.type))

    def _stop_block(self, index: int, *, whole: bool = False) -> None:
        call = self._buffer.call_at(0, index)
        if call is not None and not call.closed:
            self._settle_input(index, call, whole=whole)
            self._buffer.close(0, call)

    def _settle_input(self, index: int, call: OpenCall, *, whole: bool) -> None:
        """Without any fragment, the input is what the block started with. In a stream ``{}``
        only stands for what is to come; in a whole block it is what came."""
        given = self._inputs.pop(index, None)
        if (given or (whole and given is not None)) and not call.arguments.length:
            self._buffer.call(0, Piece(slot=index, arguments=compact(given), type=call.type))


def usage_of(raw: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=number(raw.get("input_tokens")),
        output_tokens=number(raw.get("output_tokens")),
        cached_input_tokens=number(raw.get("cache_read_input_tokens")),
        cache_write_tokens=number(raw.get("cache_creation_input_tokens")),
        reasoning_tokens=number(obj(raw.get("output_tokens_details")).get("thinking_tokens")),
        raw=dict(raw),
    )
