"""Google's generateContent: parts, with every function call whole in one part.

Reference: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.buffer import Buffer, TextKind
from conversations.assembly.calls import Piece
from conversations.assembly.payload import compact, error_of, items, number, obj, rest_of, text
from conversations.parts import ProviderError, Usage

_PAYLOAD = frozenset(
    {"candidates", "usageMetadata", "modelVersion", "responseId", "error", "promptFeedback"}
)
_CANDIDATE = frozenset({"content", "finishReason", "index"})
_CALL = frozenset({"id", "name", "args"})


class Reader:
    """Chunks of a stream and whole answers: they have one shape."""

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer

    def done(self) -> None:
        """``[DONE]`` is no part of this protocol; the finish reasons say it."""

    def take(self, payload: dict[str, Any], event: str = "") -> None:
        buffer = self._buffer
        buffer.model = text(payload.get("modelVersion")) or buffer.model
        buffer.response_id = text(payload.get("responseId")) or buffer.response_id
        if payload.get("error"):
            buffer.fail(error_of(payload["error"]))
        blocked = text(obj(payload.get("promptFeedback")).get("blockReason"))
        if blocked:
            message = f"The provider refused the prompt: {blocked}"
            buffer.fail(ProviderError(blocked, message, payload["promptFeedback"]))
        elif payload.get("promptFeedback"):
            buffer.extra({"promptFeedback": payload["promptFeedback"]})
        for candidate in items(payload.get("candidates")):
            self._take_candidate(obj(candidate))
        if obj(payload.get("usageMetadata")):
            buffer.usage(usage_of(payload["usageMetadata"]))
        buffer.extra(rest_of(payload, _PAYLOAD))

    def _take_candidate(self, candidate: dict[str, Any]) -> None:
        index = number(candidate.get("index")) or 0
        self._buffer.choice(index)
        for part in items(obj(candidate.get("content")).get("parts")):
            self._take_part(index, obj(part))
        self._buffer.extra(rest_of(candidate, _CANDIDATE), choice=index)
        reason = text(candidate.get("finishReason"))
        if reason:
            self._buffer.finish(index, reason)
            self._buffer.complete = self._buffer.all_finished

    def _take_part(self, index: int, part: dict[str, Any]) -> None:
        signature = rest_of(part, frozenset({"text", "thought", "functionCall"}))
        if "functionCall" in part:
            self._take_call(index, obj(part["functionCall"]), signature)
        elif "text" in part:
            kind: TextKind = "reasoning" if part.get("thought") else "text"
            self._buffer.text(index, text(part["text"]), kind=kind, details=signature)
        else:
            self._buffer.extra({"parts": [part]}, choice=index)

    def _take_call(self, index: int, function: dict[str, Any], details: dict[str, Any]) -> None:
        arguments = function.get("args")
        call = self._buffer.call(
            index,
            Piece(
                id=text(function.get("id")) or None,
                name=text(function.get("name")) or None,
                arguments=compact({} if arguments is None else arguments),
                type="functionCall",
                begins=True,
                details=details | rest_of(function, _CALL),
            ),
        )
        if function.get("partialArgs"):
            message = "Arguments in parts by path were kept aside"
            self._buffer.decide("unknown_shape", message, index, call.index)
        self._buffer.close(index, call)


def usage_of(raw: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=number(raw.get("promptTokenCount")),
        output_tokens=number(raw.get("candidatesTokenCount")),
        cached_input_tokens=number(raw.get("cachedContentTokenCount")),
        reasoning_tokens=number(raw.get("thoughtsTokenCount")),
        raw=dict(raw),
    )
