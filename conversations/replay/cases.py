"""A case of a replay: what a model is asked, what it answered then, what it should. Pure.

``turns.cases_of_turns`` makes cases of stored turns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from tools_registry.validation.expectation import Expectation
from tools_registry.validation.findings import VerdictValue

Message = Mapping[str, Any]
"""One message in OpenAI chat form."""


@dataclass(frozen=True, slots=True)
class MadeCall:
    """One call that a model made: ``arguments`` is the raw text, ``findings`` are their JSON.

    ``id`` is the provider's, as later messages name it; "" where it gave none.
    """

    name: str
    arguments: str
    id: str = ""
    verdict: VerdictValue = "accepted"
    findings: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "arguments": self.arguments,
            "id": self.id,
            "verdict": self.verdict,
            "findings": [dict(finding) for finding in self.findings],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            data["name"],
            data["arguments"],
            data.get("id") or "",
            data.get("verdict") or "accepted",
            tuple(data.get("findings") or ()),
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was answered then. ``findings`` are those of the turn as a whole, as JSON.

    ``connection`` is the row's key, None where the turn came from elsewhere. ``rest`` are the
    messages that followed in the conversation, this answer first: the conversation mode takes
    the user's words and the tools' answers from them. ``cost`` is dollars as text.
    """

    calls: tuple[MadeCall, ...] = ()
    text: str = ""
    model: str = ""
    connection: int | None = None
    verdict: VerdictValue = "accepted"
    findings: tuple[Mapping[str, Any], ...] = ()
    input_tokens: int | None = None
    output_tokens: int | None = None
    latency_ms: float | None = None
    cost: str | None = None
    rest: tuple[Message, ...] = ()

    @property
    def codes(self) -> frozenset[str]:
        """The finding codes of the turn and its calls."""
        found = [*self.findings, *(one for call in self.calls for one in call.findings)]
        return frozenset(str(one.get("code")) for one in found)

    @property
    def is_misfire(self) -> bool:
        """Whether anything was found wrong with it."""
        return self.verdict != "accepted" or any(c.verdict != "accepted" for c in self.calls)

    def to_json(self) -> dict[str, Any]:
        return {
            "calls": [call.to_json() for call in self.calls],
            "text": self.text,
            "model": self.model,
            "connection": self.connection,
            "verdict": self.verdict,
            "findings": [dict(finding) for finding in self.findings],
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "latency_ms": self.latency_ms,
            "cost": self.cost,
            "rest": [dict(message) for message in self.rest],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        plain = ("text", "model", "connection", "verdict", "input_tokens", "output_tokens")
        known = {name: data[name] for name in (*plain, "latency_ms", "cost") if name in data}
        return cls(
            calls=tuple(MadeCall.from_json(call) for call in data.get("calls", ())),
            findings=tuple(data.get("findings", ())),
            rest=tuple(data.get("rest", ())),
            **known,
        )


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a case came from: ``kind`` is turn, suite, file or hand. ``key`` is the turn's id,
    or the suite case's; ``name`` is for people. ``user`` is whose words they are."""

    kind: str = "hand"
    key: str = ""
    name: str = ""
    user: str = ""
    environment: str = ""

    def to_json(self) -> dict[str, str]:
        return {
            "kind": self.kind,
            "key": self.key,
            "name": self.name,
            "user": self.user,
            "environment": self.environment,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        names = ("kind", "key", "name", "user", "environment")
        return cls(**{name: str(data[name]) for name in names if name in data})


@dataclass(frozen=True, slots=True)
class Case:
    """One request to ask again.

    ``key`` names it once within its replay. ``messages`` are the whole list, ``tools`` the
    request's array in any provider's form, ``parameters`` the rest of the request with
    ``tool_choice``, all by OpenAI's names. ``expectation`` is what should be called, None where
    nobody said; ``recorded`` what was answered then, None where nothing was.
    """

    key: str
    title: str
    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    expectation: Expectation | None = None
    recorded: Recorded | None = None
    origin: Origin = Origin()

    def to_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "title": self.title,
            "messages": [dict(message) for message in self.messages],
            "tools": [dict(tool) for tool in self.tools],
            "parameters": dict(self.parameters),
            "expectation": self.expectation.to_json() if self.expectation else None,
            "recorded": self.recorded.to_json() if self.recorded else None,
            "origin": self.origin.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        expected, recorded = data.get("expectation"), data.get("recorded")
        return cls(
            key=data["key"],
            title=data.get("title", ""),
            messages=data["messages"],
            tools=data.get("tools") or (),
            parameters=data.get("parameters") or {},
            expectation=Expectation.from_json(expected) if expected else None,
            recorded=Recorded.from_json(recorded) if recorded else None,
            origin=Origin.from_json(data.get("origin") or {}),
        )
