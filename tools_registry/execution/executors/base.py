"""What executors take and give, and what they have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from console.lib import http, json
from tools_registry.importers.items import CannotRead
from tools_registry.imports.reading import read_key
from tools_registry.policies.places import read_place, values_at
from tools_registry.specs import ToolSpec

LARGEST = 1024 * 1024
"""Bytes of one answer."""
_SHOWN = 300

Recorded = Callable[[str, Mapping[str, Any]], Awaitable[str | None]]
"""The recorded result of a tool for these arguments, None where there is none."""


@dataclass(frozen=True)
class Job:
    """One call to run. ``hosts`` are the private hosts that the project's tools may reach, as
    entries of OUTBOUND_ALLOW are written; ``seed`` makes a sampled value repeatable."""

    tool: str
    arguments: Mapping[str, Any]
    spec: ToolSpec | None = None
    timeout_s: float = 5.0
    hosts: Sequence[str] = ()
    recorded: Recorded | None = None
    seed: int = 0
    project: int = 0

    @property
    def allowed(self) -> list[http.Allowance]:
        return [http.Allowance.read(host) for host in self.hosts]


@dataclass(frozen=True)
class Answer:
    """What a tool gave: its text, and the value that the text is where it is JSON."""

    text: str
    value: Any = None
    note: str = ""

    @classmethod
    def of_value(cls, value: Any, note: str = "") -> Answer:
        return cls(value if isinstance(value, str) else json.dump(value), value, note)

    @classmethod
    def of_text(cls, text: str, note: str = "") -> Answer:
        try:
            return cls(text, json.load(text), note)
        except (ValueError, RecursionError):
            return cls(text, text, note)


class Fault(Exception):
    """A tool gave no answer. ``code`` is that of a finding of the execution layer; ``transient``
    says that trying again may help."""

    def __init__(
        self, code: str, message: str, *, transient: bool = False, **detail: object
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.transient = code, message, transient
        self.detail = {name: value for name, value in detail.items() if value is not None}


@dataclass(frozen=True)
class Preview:
    """What would be sent, for a person to read: a line, and named parts. Secrets are named, not
    shown."""

    line: str
    parts: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"line": self.line, "parts": dict(self.parts)}


class Executor(Protocol):
    """``target`` is what fails together: the circuit breaker's name for what is called."""

    @property
    def target(self) -> str: ...

    def preview(self, job: Job) -> Preview:
        """What ``run`` would send. Raises ``Fault`` where it could send nothing."""
        ...

    async def run(self, job: Job) -> Answer:
        """Raises ``Fault``."""
        ...


def pick(answer: Answer, pointer: str) -> Answer:
    """The part of an answer at a pointer; with ``*`` in it, the list of all that fit."""
    if not pointer:
        return answer
    place = read_place(pointer)
    found = [value for _, value in values_at(answer.value, place)]
    if "*" in place.steps:
        return Answer.of_value(found, answer.note)
    if not found:
        raise Fault(
            "tool_error", f"The answer has nothing at {pointer}", answer=shorten(answer.text)
        )
    return Answer.of_value(found[0], answer.note)


def secret(variable: str) -> str:
    """What an environment variable holds, "" for none named. Raises ``Fault``."""
    try:
        return read_key(variable)
    except CannotRead as error:
        raise Fault("tool_error", error.detail) from None


def shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
