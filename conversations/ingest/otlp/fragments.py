"""What one span or one log record is of a turn, each on its own, in whatever order it arrives.

A store keeps what cannot be joined yet as JSON and joins it when the rest has come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from conversations.ingest.otlp.content import Content
from conversations.ingest.record import ToolResult, TurnRecord, build_record


@dataclass(frozen=True, slots=True)
class TurnFragment:
    """A span that called a model. ``record`` is complete but for what logs may bring: where
    ``content`` lacks messages or answer, ``record`` says so in a note."""

    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    content: Content
    record: TurnRecord

    @property
    def wants_logs(self) -> bool:
        return self.content.messages is None or (
            self.content.message is None and self.record.error is None
        )

    def to_json(self) -> dict[str, Any]:
        whole = _plain(self)
        whole["content"] = self.content.to_json()
        whole["record"] = self.record.to_json()
        return whole

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TurnFragment:
        content = Content.from_json(data["content"])
        return cls(**{**data, "content": content, "record": build_record(data["record"])})


@dataclass(frozen=True, slots=True)
class ResultFragment:
    """A span that ran a tool. ``arguments`` are the text or value that it was given."""

    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    result: ToolResult
    arguments: Any = None

    @property
    def key(self) -> tuple[str, str]:
        return self.trace_id, self.span_id

    def to_json(self) -> dict[str, Any]:
        whole = _plain(self)
        whole["result"] = self.result.to_json()
        return whole

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ResultFragment:
        return cls(**{**data, "result": ToolResult.model_validate(data["result"])})


@dataclass(frozen=True, slots=True)
class LogFragment:
    """A log record that belongs to the span of a turn; what it says of it is ``content``."""

    trace_id: str
    span_id: str
    time_ns: int
    content: Content

    def to_json(self) -> dict[str, Any]:
        return {**_plain(self), "content": self.content.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LogFragment:
        return replace(cls(**data), content=Content.from_json(data["content"]))


@dataclass(frozen=True, slots=True)
class Ignored:
    """A span or log record that is no part of a turn, and why, in a word to count by."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A span that is a turn but cannot be one of ours: ``code`` and ``detail`` of BadRecord."""

    trace_id: str
    span_id: str
    code: str
    detail: str


SpanFragment = TurnFragment | ResultFragment | Ignored | Refused


def _plain(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
