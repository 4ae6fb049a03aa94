"""What the guard must know of a protocol, one module each. Pure.

A whole answer is in the protocol's own form, as it is when it is not streamed. Places of calls
count those that the application is to make, not those that the provider made by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from conversations.guard import chat, messages, responses
from conversations.guard.wording import Body, Rejected
from conversations.parts import Answer, WireProtocol


class Dialect(Protocol):
    def why_unsupported(self, body: Mapping[str, Any]) -> str:
        """Why such a request is not guarded, "" where it is."""

    def name_of(self, tool: Any) -> str:
        """The name of a tool's definition or of a choice, "" for a tool of the provider's own."""

    def without_tools(self, body: Mapping[str, Any]) -> Body:
        """The request so that no tool can be called."""

    def whole_of(self, answer: Answer, payloads: Sequence[Body]) -> Body:
        """The whole answer that these payloads are, which were read as ``answer``."""

    def rest_of(self, answer: Body, before: Body) -> Body:
        """The answer without its beginning, which is ``before``."""

    def answer_back(self, body: Mapping[str, Any], answer: Body, rejected: Rejected) -> Body:
        """The request that goes on from an answer whose calls were not made: each is told why."""

    def hold(self, answer: Body, rejected: Rejected) -> Body:
        """The answer without the rejected calls, which a text of it tells of."""

    def to_stream(self, answer: Body, before: Sequence[Body], asked: Mapping[str, Any]) -> bytes:
        """The answer as the events of a stream, which goes on from those ``before``."""


DIALECTS: Mapping[WireProtocol, Dialect] = {
    "openai.chat": chat,
    "openai.responses": responses,
    "anthropic.messages": messages,
}
