"""What a model answers, as pure values: no ids of rows, no storage, no network.

An ``Answer`` is one assembled response. An ``Event`` is one step of its assembly.
Messages of a request stay what they are on the wire: OpenAI chat message objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tools_registry.validation.findings import Finding

WireProtocol = Literal[
    "openai.chat",
    "openai.responses",
    "anthropic.messages",
    "ollama.chat",
    "google.generateContent",
]


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    kind: Literal["text"] = "text"
    provider_details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reasoning:
    text: str
    kind: Literal["reasoning"] = "reasoning"
    provider_details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    text: str
    kind: Literal["refusal"] = "refusal"
    provider_details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call as the model asked for it.

    ``index`` is its position among the calls of its choice, counted by us from 0, whatever
    the provider numbered. ``arguments`` is the raw text, byte for byte. ``type`` is the
    provider's word (``function``, ``function_call`` for the legacy form, ``tool_use``…).
    Free-form input (OpenAI's custom tools) is kept in ``arguments`` as it is. Where a protocol
    sends the arguments as a JSON object instead of a text, they are its compact JSON.
    ``findings`` are those of the assembly layer alone. ``provider_details`` hold what else
    the provider said of the call: item id, thought signature, server of a remote tool…
    """

    index: int
    id: str | None
    name: str
    arguments: str
    type: str = "function"
    findings: tuple[Finding, ...] = ()
    kind: Literal["call"] = "call"
    provider_details: Mapping[str, Any] = field(default_factory=dict)


Part = Text | Reasoning | Refusal | Call


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counts them; ``raw`` is its own object, verbatim."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProviderError:
    """An error that the provider reported, inside the stream or instead of it."""

    code: str
    message: str
    raw: Any = None


DecisionCode = Literal[
    "name_repeated",
    "name_restated",
    "name_after_arguments",
    "index_reused",
    "index_missing",
    "id_changed",
    "arguments_as_object",
    "finish_reason_contradicts",
    "several_messages",
    "closing_event_differs",
    "event_unfinished",
    "whole_answer_in_stream",
    "not_utf8",
    "unpaired_surrogate",
    "unknown_shape",
]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the assembly had to decide because the provider left the protocol's plain path.

    ``choice`` and ``call`` (the index of the call) say where; None where it is of the whole.
    Each code is explained in ``docs/assembly.md``.
    """

    code: DecisionCode
    message: str
    choice: int | None = None
    call: int | None = None

    def to_json(self) -> dict[str, Any]:
        whole = {
            "code": self.code,
            "message": self.message,
            "choice": self.choice,
            "call": self.call,
        }
        return {key: value for key, value in whole.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Choice:
    index: int
    parts: tuple[Part, ...]
    finish_reason: str | None = None
    provider_details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(part for part in self.parts if isinstance(part, Call))

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class Answer:
    """One assembled response. ``findings`` are of the assembly and name no single call.

    ``complete`` is False where the stream ended before the provider said that it was done.
    ``decisions`` are what the assembly had to decide on the way.
    """

    choices: tuple[Choice, ...]
    model: str | None = None
    response_id: str | None = None
    usage: Usage | None = None
    error: ProviderError | None = None
    complete: bool = True
    findings: tuple[Finding, ...] = ()
    provider_details: Mapping[str, Any] = field(default_factory=dict)
    protocol: WireProtocol | None = None
    decisions: tuple[Decision, ...] = ()

    @property
    def first(self) -> Choice:
        return self.choices[0] if self.choices else Choice(0, ())

    @property
    def calls(self) -> tuple[Call, ...]:
        return self.first.calls


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str
    choice: int = 0
    reasoning: bool = False
    kind: Literal["text.delta"] = "text.delta"
    refusal: bool = False


@dataclass(frozen=True, slots=True)
class CallStarted:
    index: int
    choice: int = 0
    id: str | None = None
    kind: Literal["call.started"] = "call.started"


@dataclass(frozen=True, slots=True)
class CallDelta:
    """One fragment of a call.

    ``fragment`` is what arrived, ``field`` what it belongs to; ``offset`` its position in
    the text of that field, in characters. ``name`` is the name so far. ``violation`` is the
    first violation that is certain, from the fragment on that made it so; None while the
    call can still become valid.
    """

    index: int
    field: Literal["name", "arguments"]
    fragment: str
    offset: int
    name: str
    choice: int = 0
    violation: Finding | None = None
    kind: Literal["call.delta"] = "call.delta"


@dataclass(frozen=True, slots=True)
class CallCompleted:
    call: Call
    choice: int = 0
    kind: Literal["call.completed"] = "call.completed"


@dataclass(frozen=True, slots=True)
class UsageReported:
    usage: Usage
    kind: Literal["usage"] = "usage"


@dataclass(frozen=True, slots=True)
class Finished:
    finish_reason: str | None
    choice: int = 0
    kind: Literal["finished"] = "finished"


@dataclass(frozen=True, slots=True)
class Failed:
    error: ProviderError
    kind: Literal["failed"] = "failed"


Event = TextDelta | CallStarted | CallDelta | CallCompleted | UsageReported | Finished | Failed
