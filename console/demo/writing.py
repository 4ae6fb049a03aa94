"""Turn records of the demonstration, as an application would send them. Pure.

The same seed gives the same records, up to the time at which they end.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from console.demo.toolbox import Definition
from console.lib import json

Record = dict[str, Any]
SYSTEM = "You are the helpdesk of Northwind. Use the functions; never guess what they would say."
MODELS = (
    ("openai", "gpt-4o-mini", 70), ("openai", "gpt-4o", 20), ("anthropic", "claude-3-5-haiku", 10),
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """A call as the model makes it, and what became of it: no result is no answer."""

    name: str
    arguments: dict[str, Any] | str
    result: Any = None
    status: str = "ok"
    latency_ms: float = 300
    cached: bool = False
    cost: float | None = None

    @property
    def text(self) -> str:
        return self.arguments if isinstance(self.arguments, str) else json.dump(self.arguments)


@dataclass
class Talk:
    """One conversation, turn by turn; ``records`` are its turns."""

    key: str
    at: datetime
    tools: Sequence[Definition]
    user: str
    chance: random.Random
    model: tuple[str, str] = ("openai", "gpt-4o-mini")
    tags: Sequence[str] = ()
    environment: str = "production"
    records: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._messages: list[Record] = [{"role": "system", "content": SYSTEM}]
        self._ids = itertools.count(1)

    def say(self, text: str) -> Talk:
        """What the user says next."""
        self._messages.append({"role": "user", "content": text})
        return self

    def call(
        self, *calls: Call, expected: Sequence[Call] | None = None, seconds: float = 0.0
    ) -> Talk:
        """The model asks for these calls, and gets their results. ``expected`` is what a person
        or a test says should have been called."""
        made: list[Record] = [
            {
                "id": f"call_{self.key}_{next(self._ids)}", "type": "function",
                "function": {"name": call.name, "arguments": call.text},
            }
            for call in calls
        ]  # fmt: skip
        message = {"role": "assistant", "content": None, "tool_calls": made}
        record = self._turn(message, "tool_calls", 24 * len(calls), seconds)
        results = [
            _result_of(call, one["id"])
            for call, one in zip(calls, made, strict=True)
            if call.result is not None or call.status != "ok"
        ]
        if results:
            record["tool_results"] = results
        if expected is not None:
            record["expected"] = {
                "calls": [{"name": one.name, "arguments": one.arguments} for one in expected]
            }
        self._messages.append(message)
        self._messages += [
            {"role": "tool", "tool_call_id": one["call_id"], "content": one["content"]}
            for one in results
        ]
        longest = max((call.latency_ms for call in calls), default=0)
        self.at += timedelta(milliseconds=longest + 200)
        return self

    def answer(
        self, text: str, *, seconds: float = 0.0, expected: Sequence[Call] | None = None,
        tool_choice: str = "auto",
    ) -> Talk:  # fmt: skip
        """The model answers in words."""
        message = {"role": "assistant", "content": text}
        record = self._turn(message, "stop", len(text) // 4, seconds)
        record["request"]["tool_choice"] = tool_choice
        if expected is not None:
            calls = [{"name": one.name, "arguments": one.arguments} for one in expected]
            record["expected"] = {"calls": calls}
        self._messages.append(message)
        self.at += timedelta(seconds=self.chance.uniform(5, 40))
        return self

    def _turn(self, message: Record, reason: str, tokens: int, seconds: float) -> Record:
        size = len(json.dump([*self._messages, *self.tools])) // 4
        seconds = seconds or self.chance.lognormvariate(0.1, 0.4)
        record: Record = {
            "id": f"{self.key}-{len(self.records) + 1}",
            "conversation": self.key,
            "at": self.at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "provider": self.model[0],
            "model": self.model[1],
            "request": {
                "messages": [*self._messages], "tools": [*self.tools],
                "tool_choice": "auto", "parameters": {"temperature": 0.2},
            },
            "response": {
                "message": message, "finish_reason": reason,
                "usage": {
                    "prompt_tokens": size, "completion_tokens": tokens,
                    "total_tokens": size + tokens,
                },
            },
            "latency_ms": round(seconds * 1000),
            "first_token_ms": round(seconds * 1000 * self.chance.uniform(0.2, 0.5)),
            "user": self.user,
            "tags": [*self.tags],
            "environment": self.environment,
        }  # fmt: skip
        self.records.append(record)
        self.at += timedelta(seconds=seconds)
        return record


def _result_of(call: Call, call_id: str) -> Record:
    content = call.result if isinstance(call.result, str) else json.dump(call.result)
    result: Record = {
        "call_id": call_id, "status": call.status, "content": content,
        "latency_ms": round(call.latency_ms, 1),
    }  # fmt: skip
    if call.cached:
        result["cached"] = True
    if call.cost is not None:
        result["cost"] = call.cost
    return result


class Desk:
    """Opens conversations with keys of their own."""

    def __init__(self, prefix: str, chance: random.Random) -> None:
        self.chance, self._keys = chance, (f"{prefix}-{number:04}" for number in itertools.count(1))

    def open(self, at: datetime, tools: Sequence[Definition], **more: Any) -> Talk:
        """A conversation of some user with some model."""
        model = self.chance.choices(MODELS, [weight for *_, weight in MODELS])[0]
        more.setdefault("user", f"u-{1000 + int(self.chance.paretovariate(0.7)) % 900}")
        more.setdefault("model", model[:2])
        more.setdefault("tags", [f"app:{self.chance.choice(['web', 'web', 'ios', 'android'])}"])
        return Talk(next(self._keys), at, tools, chance=self.chance, **more)


def times(
    chance: random.Random, since: datetime, until: datetime, count: int
) -> Iterator[datetime]:
    """So many moments between two, in order."""
    span = (until - since).total_seconds()
    for second in sorted(chance.uniform(0, span) for _ in range(count)):
        yield since + timedelta(seconds=second)
