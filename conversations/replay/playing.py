"""One outcome of a replay: asked, answered by policy, judged. Nothing is executed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any

from console.lib import json
from conversations.providers import Ask
from conversations.recording import made_id, reply_of
from conversations.replay.answers import Book, Given, answer, made_of, users_of
from conversations.replay.asking import Asked
from conversations.replay.cases import MadeCall, Message, Recorded
from conversations.replay.claims import Item, Result
from conversations.replay.judging import (
    Judged,
    context_for,
    decide,
    judge_calls,
    judge_recorded,
)
from conversations.replay.stage import Scene, Stage
from conversations.wire import pack, pack_request
from tools_registry.validation.findings import Finding

AskModel = Callable[[Ask], Awaitable[Asked]]
Judging = Callable[[], Result]
"""Judges an answer that is in, and makes the outcome."""


@dataclass
class Round:
    """One model call of a conversation, and what followed it: the answers of its calls, ``by``
    whom each was given, and what the user said next."""

    reply: Message
    calls: Sequence[MadeCall]
    findings: Sequence[Finding] = ()
    results: list[Message] = field(default_factory=list)
    by: list[str] = field(default_factory=list)
    said: list[Message] = field(default_factory=list)
    latency_ms: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "reply": dict(self.reply),
            "calls": [call.to_json() for call in self.calls],
            "findings": [finding.to_json() for finding in self.findings],
            "results": [dict(message) for message in self.results],
            "by": self.by,
            "said": [dict(message) for message in self.said],
            "latency_ms": self.latency_ms,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Round:
        return cls(
            data["reply"],
            [MadeCall.from_json(call) for call in data["calls"]],
            [Finding.from_json(one) for one in data["findings"]],
            list(data["results"]),
            list(data["by"]),
            list(data["said"]),
            data["latency_ms"],
        )

    @property
    def messages(self) -> list[Message]:
        return [self.reply, *self.results, *self.said]


@dataclass
class _Meter:
    """What the model calls of one outcome took together."""

    calls: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: Decimal | None = None
    unpriced: bool = False
    latency_ms: float = 0.0
    last: Asked | None = None

    def add(self, asked: Asked) -> None:
        self.calls += 1
        usage = asked.usage
        self.input_tokens = _sum(self.input_tokens, usage.input_tokens)
        self.output_tokens = _sum(self.output_tokens, usage.output_tokens)
        self.unpriced = self.unpriced or asked.cost is None
        self.cost = None if self.unpriced else (self.cost or Decimal(0)) + (asked.cost or 0)
        self.latency_ms += asked.latency_ms
        self.last = asked

    def to_json(self) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost": None if self.cost is None else str(self.cost),
            "unpriced": self.unpriced,
            "latency_ms": self.latency_ms,
        }

    def go_on_from(self, data: Mapping[str, Any]) -> None:
        """Count what an earlier part of the conversation took."""
        self.calls, self.unpriced = data["calls"], data["unpriced"]
        self.input_tokens, self.output_tokens = data["input_tokens"], data["output_tokens"]
        self.cost = None if data["cost"] is None else Decimal(data["cost"])
        self.latency_ms = data["latency_ms"]

    def fields(self) -> dict[str, Any]:
        asked = self.last
        if asked is None:
            return {}
        return {
            "model_calls": self.calls,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost": self.cost,
            "latency_ms": round(self.latency_ms, 1),
            "first_token_ms": asked.first_token_ms,
            "protocol": asked.protocol,
            "request": pack_request(asked.request),
            "chunks": pack(asked.chunks),
            "text": asked.answer.first.text,
            "finish_reason": asked.answer.first.finish_reason or "",
        }


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else (one or 0) + other


async def play(stage: Stage, item: Item, scene: Scene, ask: AskModel) -> Judging:
    """Ask all that the outcome takes; what is left is to judge it. Raises what ``ask`` raises."""
    if stage.row.mode == "conversation":
        return await _Conversation(stage, item, scene, ask).play()
    return partial(_judge, item, scene, await ask(scene.composed.ask(item.model)))


def _judge(item: Item, scene: Scene, asked: Asked) -> Result:
    meter = _Meter()
    meter.add(asked)
    made, turn = judge_calls(
        asked.answer, scene.bench, context_for(scene.case, scene.composed.messages)
    )
    judged = decide(scene.case, made, turn, scene.bench.specs)
    return _result(item, scene, judged, meter)


def judge_again(item: Item, scene: Scene) -> Result:
    """The outcome where no model is asked: the recorded calls under the variant."""
    made, turn = judge_recorded(scene.case, scene.bench)
    judged = decide(scene.case, made, turn, scene.bench.specs, is_asked=False)
    result = _result(item, scene, judged, _Meter())
    result.text = scene.case.recorded.text if scene.case.recorded else ""
    return result


def _result(item: Item, scene: Scene, judged: Judged, meter: _Meter, **more: Any) -> Result:
    passed = {"passed": judged.passed, "judged_by": judged.judged_by}
    return Result(
        id=item.id,
        attempts=item.attempts,
        verdict=judged.verdict,
        codes=judged.codes,
        findings=[finding.to_json() for finding in judged.findings],
        calls=[call.to_json() for call in judged.calls],
        offered=scene.composed.names,
        routed=scene.routed,
        **{"status": "done", **passed, **meter.fields(), **more},
    )


def whole_of(recorded: Recorded | None) -> Recorded | None:
    """What was recorded with the calls of the whole conversation; later ones bring no findings."""
    if recorded is None:
        return None
    later = [
        MadeCall(made.name, made.arguments)
        for message in recorded.rest[1:]
        if message.get("role") == "assistant"
        for made in made_of(message)
    ]
    return replace(recorded, calls=(*recorded.calls, *later))


class _Conversation:
    """Many rounds: the user's words as recorded, the tools' answers by policy."""

    def __init__(self, stage: Stage, item: Item, scene: Scene, ask: AskModel) -> None:
        self.stage, self.item, self.scene, self.ask = stage, item, scene, ask
        case = scene.case
        rest = case.recorded.rest if case.recorded else ()
        self.book = Book([*case.messages, *rest])
        self.users = users_of(rest)
        self.meter = _Meter()
        self.rounds = [Round.from_json(one) for one in json.load(item.rounds)]
        self._spend_recorded()

    def _spend_recorded(self) -> None:
        """Leave to later rounds what the rounds so far have used."""
        for one in self.rounds:
            for call, by in zip(one.calls, one.by, strict=False):
                if by == "recorded":
                    answer(call, self.stage.answers, self.book, None, seed=0)
        self.users = self.users[sum(bool(one.said) for one in self.rounds) :]

    async def play(self) -> Judging:
        if self.rounds and self.item.waiting:
            self._take_answers(json.load(self.item.waiting))
        while len(self.rounds) < self.stage.row.max_rounds:
            if self.rounds and not self.rounds[-1].messages[1:]:
                break
            one = await self._ask()
            self.rounds.append(one)
            if one.calls:
                missing = self._answer(one)
                if missing:
                    return self._stop(one, missing)
            elif self.users:
                one.said = list(self.users.pop(0))
        return self._finish

    async def _ask(self) -> Round:
        start = self.scene.composed.messages
        messages = [*start, *(message for one in self.rounds for message in one.messages)]
        request = self.scene.composed.ask(self.item.model, messages)
        if self.rounds and (
            request.tool_choice == "required" or isinstance(request.tool_choice, Mapping)
        ):
            # Forced again after its result, a call would never end.
            request = Ask(
                request.model, messages, request.tools, "auto", request.parameters, request.stream
            )
        asked = await self.ask(request)
        self.meter.add(asked)
        made, turn = judge_calls(
            asked.answer, self.scene.bench, context_for(self.scene.case, messages)
        )
        reply = reply_of(asked.answer, len(self.rounds) + 1)
        return Round(reply, made, turn, latency_ms=round(asked.latency_ms, 1))

    def _answer(self, one: Round) -> list[int]:
        """Answer the calls of a round; the positions of those that none can answer."""
        missing = []
        for place, call in enumerate(one.calls):
            seed = self.item.trial * 1000 + place
            spec = self.scene.bench.specs.get(call.name)
            given = answer(call, self.stage.answers, self.book, spec, seed=seed)
            if given is None:
                missing.append(place)
                given = Given("", "missing")
            one.by.append(given.by)
            one.results.append(self._message(one, place, given.content))
        return missing

    def _message(self, one: Round, place: int, content: str) -> Message:
        calls = one.reply.get("tool_calls") or []
        if not calls:  # the legacy form
            return {"role": "function", "name": one.calls[place].name, "content": content}
        identity = calls[place].get("id") or made_id(len(self.rounds), place)
        return {"role": "tool", "tool_call_id": identity, "content": content}

    def _stop(self, one: Round, missing: Sequence[int]) -> Judging:
        if not self.stage.answers.asks:
            return self._finish
        calls = [
            {"place": place, "name": one.calls[place].name, "arguments": one.calls[place].arguments}
            for place in missing
        ]
        waiting = json.dump({"calls": calls, "spent": self.meter.to_json()})
        return partial(self._finish, status="waiting", waiting=waiting, passed=None, judged_by="")

    def _take_answers(self, waiting: Mapping[str, Any]) -> None:
        """Put what a person answered where the answers were missing."""
        one = self.rounds[-1]
        self.meter.go_on_from(waiting["spent"])
        for call in waiting["calls"]:
            content = str(call.get("content") or "")
            one.results[call["place"]] = {**one.results[call["place"]], "content": content}
            one.by[call["place"]] = "hand"

    def _finish(self, **more: Any) -> Result:
        case = replace(self.scene.case, recorded=whole_of(self.scene.case.recorded))
        made = [call for one in self.rounds for call in one.calls]
        turn = [finding for one in self.rounds for finding in one.findings]
        first = self.rounds[0].calls if self.rounds else ()
        judged = decide(case, made, turn, self.scene.bench.specs, expected_of=first)
        rounds = [one.to_json() for one in self.rounds]
        return _result(self.item, self.scene, judged, self.meter, rounds=rounds, **more)
