"""One model call of a run, told as events: chunks in, event bodies out. Pure.

A live run and the rebuilding of a finished one go through the same code, so that the same
bytes always give the same events in the same order. docs/protocol.md describes the events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conversations.assembly import Assembler
from conversations.parts import (
    Answer,
    Call,
    CallCompleted,
    CallDelta,
    CallStarted,
    Event,
    Failed,
    Finished,
    TextDelta,
    Usage,
    UsageReported,
    WireProtocol,
)
from conversations.prices import UNPRICED, Price
from tools_registry.specs import ToolSpec
from tools_registry.validation import CallContext, CompiledPolicy, validate, validate_turn
from tools_registry.validation.findings import Finding, Verdict
from tools_registry.validation.partial import parse_partial

Body = dict[str, Any]
LIVE_ARGUMENTS = 4096
"""Characters up to which an event carries the arguments so far."""


@dataclass(frozen=True)
class Offered:
    """What a turn offered: specs by name (None for a provider's own tool), their versions as
    (id, number), the names of all the project's tools, the request's tool_choice, and the
    project's published policies by their tools' names."""

    specs: Mapping[str, ToolSpec | None] = field(default_factory=dict)
    versions: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    tool_choice: Any = None
    policies: Mapping[str, CompiledPolicy] = field(default_factory=dict)

    def choosing(self, tool_choice: Any) -> Offered:
        """The same offer under another tool_choice."""
        return replace(self, tool_choice=tool_choice)

    @property
    def functions(self) -> dict[str, ToolSpec]:
        return {name: spec for name, spec in self.specs.items() if spec is not None}


@dataclass(frozen=True)
class Judged:
    """One call with its verdict; ``key`` names it within its run."""

    key: str
    choice: int
    call: Call
    verdict: Verdict


class Round:
    """Feed it the chunks of one answer; it gives the bodies of the events."""

    def __init__(
        self,
        number: int,
        turn: str,
        wire: WireProtocol,
        offered: Offered,
        price: Callable[[Usage], Price] = lambda usage: UNPRICED,
        context: CallContext | None = None,
    ) -> None:
        self.number, self.turn = number, turn
        self.judged: list[Judged] = []
        self.findings: list[Finding] = []
        self.first_token_ms: float | None = None
        self.latency_ms = 0.0
        self.price = UNPRICED
        self._assembler = Assembler(wire, offered=offered.functions)
        self._offered, self._price = offered, price
        self._context = context or CallContext()
        self._texts: dict[tuple[int, int], str | None] = {}
        self._answer: Answer | None = None

    def begin(self) -> list[Body]:
        return [self._body("round.started", turn=self.turn)]

    def feed(self, chunk: bytes, at: float) -> list[Body]:
        """The next bytes, which arrived ``at`` milliseconds after the request."""
        self.latency_ms = at
        return self._tell(self._assembler.feed(chunk), at)

    def finish(self, at: float | None = None) -> list[Body]:
        """The stream ended: what is left of its events. ``answer`` is complete from now on."""
        if at is not None:
            self.latency_ms = at
        bodies = self._tell(self._assembler.finish(), self.latency_ms)
        self._answer = self._assembler.answer
        called = [judged.call.name for judged in self.judged if judged.choice == 0]
        self.findings = [*self._answer.findings]
        if self._answer.complete and self._answer.error is None:
            self.findings += validate_turn(called, tool_choice=self._offered.tool_choice)
        return bodies

    def close(self) -> list[Body]:
        """The last event of the round, once it is stored."""
        return [
            self._body(
                "round.finished",
                turn=self.turn,
                finish_reason=self.answer.first.finish_reason,
                latency_ms=_rounded(self.latency_ms),
                first_token_ms=_rounded(self.first_token_ms),
                findings=[finding.to_json() for finding in self.findings],
                decisions=[decision.to_json() for decision in self.answer.decisions],
            )
        ]

    @property
    def is_finished(self) -> bool:
        return self._answer is not None

    @property
    def answer(self) -> Answer:
        return self._answer or self._assembler.answer

    @property
    def all_findings(self) -> list[Finding]:
        """Those of the turn, then those of its calls."""
        return [*self.findings, *(f for judged in self.judged for f in judged.verdict.findings)]

    def version_of(self, name: str) -> tuple[int, int] | None:
        """The (id, number) of the version that was offered under this name."""
        return self._offered.versions.get(name)

    def _tell(self, events: Iterable[Event], at: float) -> list[Body]:
        bodies = []
        for event in events:
            body = self._body_of(event)
            if body is not None:
                bodies.append(body)
            if self.first_token_ms is None and isinstance(event, TextDelta | CallStarted):
                self.first_token_ms = at
        return bodies

    def _body_of(self, event: Event) -> Body | None:
        match event:
            case TextDelta():
                body = self._body("text.delta", text=event.text, choice=event.choice)
                if event.reasoning or event.refusal:
                    body["reasoning" if event.reasoning else "refusal"] = True
                return body
            case CallStarted():
                return self._body(
                    "call.started", index=event.index, choice=event.choice, id=event.id
                )
            case CallDelta():
                return self._delta(event)
            case CallCompleted():
                return self._completed(event)
            case UsageReported():
                return self._usage(event.usage)
            case Finished() | Failed():
                return None

    def _delta(self, event: CallDelta) -> Body:
        body = self._body(
            "call.delta",
            index=event.index,
            choice=event.choice,
            field=event.field,
            fragment=event.fragment,
            offset=event.offset,
            name=event.name,
            violation=event.violation.to_json() if event.violation else None,
        )
        if event.field == "arguments":
            place = (event.choice, event.index)
            so_far = self._texts.get(place, "")
            if so_far is not None:
                so_far += event.fragment
                self._texts[place] = so_far if len(so_far) <= LIVE_ARGUMENTS else None
            if so_far is not None and len(so_far) <= LIVE_ARGUMENTS:
                body |= {"arguments": so_far, "parsed": parse_partial(so_far)}
        return body

    def _completed(self, event: CallCompleted) -> Body:
        call, choice = event.call, event.choice
        ours = call.type in ("function", "function_call", "tool_use", "functionCall")
        verdict = validate(
            call.name,
            call.arguments,
            offered=self._offered.specs if ours else None,
            known=self._offered.known,
            tool_choice=self._offered.tool_choice,
            assembly=call.findings,
            policy=self._offered.policies.get(call.name),
            context=self._context.after([one.call.name for one in self.judged]),
        )
        key = f"{self.number}.{choice}.{call.index}"
        self.judged.append(Judged(key, choice, call, verdict))
        version = self.version_of(call.name)
        return self._body(
            "call.completed",
            index=call.index,
            choice=choice,
            key=key,
            id=call.id,
            name=call.name,
            arguments=call.arguments,
            version={"id": version[0], "number": version[1]} if version else None,
            **verdict.to_json(),
        )

    def _usage(self, usage: Usage) -> Body:
        self.price = self._price(usage)
        return self._body(
            "usage",
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_input_tokens=usage.cached_input_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            cost=str(self.price.cost) if self.price.cost is not None else None,
            unpriced=self.price.cost is None,
        )

    def _body(self, kind: str, **more: Any) -> Body:
        return {"type": kind, "round": self.number, **more}


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
