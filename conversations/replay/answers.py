"""How tool calls are answered in a replayed conversation: never by executing anything. Pure.

A policy names, by tool, one of: the *recorded* answer of a matching call, a *fixed* text, a *mock*
sampled from the tool's output schema, or *stop*. A call that none can answer is a miss: the
conversation stops there, or asks a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from conversations import answers
from conversations.ingest.store.results import calls_of, function_of
from conversations.providers.base import text_of
from conversations.replay.cases import MadeCall, Message
from conversations.replay.compare import Made, signature
from tools_registry.specs import ToolSpec

Mode = Literal["recorded", "fixed", "mock", "stop"]
MODES: tuple[Mode, ...] = ("recorded", "fixed", "mock", "stop")
MISSES = ("stop", "ask")
EVERY = "*"


class BadPolicy(ValueError):
    """A policy that cannot be used; the text says what to write."""


@dataclass(frozen=True)
class Policy:
    """``modes`` by tool with ``*`` for the others; ``contents`` are the fixed answers."""

    modes: Mapping[str, Mode] = field(default_factory=lambda: {EVERY: "recorded"})
    contents: Mapping[str, str] = field(default_factory=dict)
    asks: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read ``{"*": {"mode": …}, "<tool>": {"mode": "fixed", "content": …}, "miss": …}``."""
        miss = data.get("miss", "stop")
        if miss not in MISSES:
            raise BadPolicy(f"On a miss it is {' or '.join(MISSES)}, not {miss!r}.")
        modes: dict[str, Mode] = {EVERY: "recorded"}
        contents: dict[str, str] = {}
        for name, entry in data.items():
            if name == "miss":
                continue
            mode = entry.get("mode") if isinstance(entry, Mapping) else None
            if mode not in MODES:
                raise BadPolicy(f"The answers of {name} are {', '.join(MODES)}, not {mode!r}.")
            modes[name] = mode
            if mode == "fixed":
                contents[name] = str(entry.get("content", ""))
        return cls(modes, contents, miss == "ask")

    def mode_of(self, tool: str) -> Mode:
        return self.modes.get(tool) or self.modes[EVERY]


@dataclass(frozen=True, slots=True)
class Given:
    """An answer and where it is from: recorded, fixed, mock or hand."""

    content: str
    by: str


class Book:
    """The recorded answers of a conversation, by what was called.

    The same call made several times was answered several times: they are given in their order,
    the last one from then on.
    """

    def __init__(self, messages: Sequence[Message]) -> None:
        self._answers: defaultdict[Any, list[str]] = defaultdict(list)
        self._given: defaultdict[Any, int] = defaultdict(int)
        for call, content in read_answers(messages):
            self._answers[signature([call])].append(content)

    def find(self, call: Made) -> str | None:
        """The next recorded answer to this very call; None where there never was one."""
        key = signature([call])
        contents = self._answers.get(key)
        if not contents:
            return None
        place = min(self._given[key], len(contents) - 1)
        self._given[key] += 1
        return contents[place]


def read_answers(messages: Sequence[Message]) -> list[tuple[Made, str]]:
    """Each call of the messages with its answer; joined by id, by order where ids repeat."""
    found: list[tuple[Made, str]] = []
    waiting: list[tuple[str, Made]] = []
    for message in messages:
        if message.get("role") == "assistant":
            ids = [str(call.get("id") or "") for call in calls_of(message)]
            waiting = list(zip(ids, made_of(message), strict=True))
        elif message.get("role") in ("tool", "function") and waiting:
            wanted = str(message.get("tool_call_id") or "")
            at = next((n for n, (key, _) in enumerate(waiting) if key == wanted), 0)
            found.append((waiting.pop(at)[1], text_of(message.get("content"))))
    return found


def made_of(message: Message) -> list[Made]:
    """The calls of an assistant message."""
    functions = [function_of(call) for call in calls_of(message)]
    return [Made(str(f.get("name") or ""), str(f.get("arguments") or "")) for f in functions]


def answer(
    call: MadeCall, policy: Policy, book: Book, spec: ToolSpec | None, *, seed: int
) -> Given | None:
    """The answer that the policy gives; None is a miss."""
    match policy.mode_of(call.name):
        case "stop":
            return None
        case "fixed":
            return Given(policy.contents.get(call.name, ""), "fixed")
        case "mock":
            found = answers.sampled(spec.output_schema if spec else None, seed=seed)
            return None if found.error else Given(found.content, "mock")
        case "recorded":
            content = book.find(Made(call.name, call.arguments))
            return None if content is None else Given(content, "recorded")


def users_of(rest: Sequence[Message]) -> list[list[Message]]:
    """What users said in the rest of a conversation: the messages between two answers, group by
    group, without those of tools."""
    groups: list[list[Message]] = []
    open_group = False
    for message in rest:
        if message.get("role") == "user":
            if not open_group:
                groups.append([])
            groups[-1].append(message)
            open_group = True
        elif message.get("role") == "assistant":
            open_group = False
    return groups
