"""A record made ready for the database: its texts, the names of its lists, its calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, SupportsBytes
from uuid import UUID

from console.lib import json, uuid7
from conversations.ingest.record import ToolResult, TurnRecord
from conversations.ingest.store.lineage import Link
from conversations.ingest.store.results import Named, calls_of, function_of, name_call, text_of
from conversations.storage import chain, count_users, key_of
from tools_registry.validation.findings import Finding, worst

CARRIER = "application"
_PLACES = Decimal("0.000000001")
_MOST_COST = Decimal("9999999")


@dataclass(slots=True)
class CallState:
    """One call, stored or about to be. ``changed`` says that a stored row must be written."""

    id: UUID
    turn: UUID
    conversation: UUID
    position: int
    at: datetime
    call_id: str
    name: str
    arguments: str
    model: str
    version: int | None = None
    findings: list[Finding] = field(default_factory=list)
    layers: list[dict[str, Any]] = field(default_factory=list)
    status: str = ""
    result: str | None = None
    answered_by: str = ""
    answered_at: datetime | None = None
    latency_ms: float | None = None
    cached: bool = False
    cost: Decimal | None = None
    stored: bool = False
    changed: bool = False

    @property
    def named(self) -> Named:
        return Named(self.call_id, self.name)

    @property
    def verdict(self) -> str:
        return worst(self.findings)

    @property
    def codes(self) -> list[str]:
        return list(dict.fromkeys(finding.code for finding in self.findings))

    def carry(self, content: str, failed: bool, at: datetime) -> None:
        """Take the result that a later request carried; of several, that of the earliest."""
        if self.result is not None and self.answered_at is not None and self.answered_at <= at:
            return
        if not self.status or self.result is not None:
            self.status = "error" if failed else "ok"
            self.answered_at = at
        self.result = content
        self.answered_by = self.answered_by or CARRIER
        self.changed = True

    def report(self, result: ToolResult, at: datetime) -> None:
        """Take a result that was reported of this very call; it goes before carried ones."""
        self.status, self.answered_at = result.status, at
        if result.content is not None:
            self.result = text_of(result.content)
        self.answered_by = CARRIER
        self.latency_ms, self.cached = result.latency_ms, result.cached
        self.cost = _money(result.cost)
        self.changed = True

    def clear(self) -> None:
        """Lose a result that turned out to be another call's."""
        self.status, self.result, self.answered_by, self.answered_at = "", None, "", None
        self.latency_ms, self.cached, self.cost = None, False, None
        self.changed = True


def _money(cost: float | None) -> Decimal | None:
    """What the column holds; a sum beyond it is none."""
    if cost is None or cost > _MOST_COST:
        return None
    return Decimal(repr(cost)).quantize(_PLACES)


@dataclass(slots=True)
class NewTurn:
    """A record on its way into its row. ``line`` and ``raw`` are of what was sent."""

    record: TurnRecord
    line: int
    raw: SupportsBytes
    id: UUID
    key: UUID
    texts: list[bytes]
    names: list[str]
    link: Link
    calls: list[CallState]
    toolset: int | None = None
    findings: list[Finding] = field(default_factory=list)
    conversation: UUID | None = None
    number: int = 0
    connection: int | None = None

    @property
    def new_messages(self) -> Sequence[Mapping[str, Any]]:
        return self.record.request.messages[self.link.inherited :]

    @property
    def messages_text(self) -> str:
        """The messages that are new since the parent, as JSON text."""
        return "[" + b",".join(self.texts[self.link.inherited :]).decode() + "]"

    @property
    def all_findings(self) -> list[Finding]:
        return [*self.findings, *(one for call in self.calls for one in call.findings)]


class Texts:
    """JSON texts of messages and the names of their lists: turns of one transcript share them,
    each is made once.

    The messages are kept, so that no other can have the identity of one of them.
    """

    def __init__(self) -> None:
        self._texts: dict[int, tuple[Any, bytes]] = {}
        self._names: dict[tuple[str, int], str] = {}

    def of(self, messages: Sequence[Any]) -> tuple[list[bytes], list[str]]:
        """The text of each message, and the name of the list up to it."""
        texts, names, name = list[bytes](), list[str](), ""
        for message in messages:
            held = self._texts.get(id(message))
            if held is None:
                held = self._texts[id(message)] = message, json.dump_bytes(message)
            texts.append(held[1])
            step = name, id(message)
            if step not in self._names:
                self._names[step] = chain([held[1]], name)[0]
            name = self._names[step]
            names.append(name)
        return texts, names


def claim_of(project: int, record: TurnRecord) -> tuple[UUID, UUID]:
    """The key that a record takes, and the turn that it becomes."""
    return key_of(project, record.id), uuid7.of(record.at, str(project), record.id)


def prepare(
    project: int, record: TurnRecord, line: int, raw: SupportsBytes, texts: Texts
) -> NewTurn:
    """All of a turn that does not depend on what is stored."""
    key, turn = claim_of(project, record)
    written, names = texts.of(record.request.messages)
    link = Link(turn, record.at, len(written), names[-1] if names else "")
    link.users = count_users(record.request.messages)
    new = NewTurn(record, line, raw, turn, key, written, names, link, [])
    calls = calls_of(record.response.message) if record.response else []
    link.called = bool(calls)
    for position, call in enumerate(calls):
        new.calls.append(_call(project, new, position, call))
    for result in record.tool_results:
        found = find_call(new.calls, result)
        if found is not None:
            found.report(result, record.at)
    return new


def _call(project: int, new: NewTurn, position: int, call: Mapping[str, Any]) -> CallState:
    record, named = new.record, name_call(call)
    function = function_of(call)
    arguments = function.get("arguments", function.get("input"))
    return CallState(
        id=uuid7.of(record.at, str(project), record.id, str(position)),
        turn=new.id,
        conversation=new.id,  # set when the conversation's row is known
        position=position,
        at=record.at,
        call_id=named.id,
        name=named.name,
        arguments="" if arguments is None else text_of(arguments),
        model=record.model,
    )


def find_call(calls: Sequence[CallState], result: ToolResult) -> CallState | None:
    """The call that a reported result names: by position, else id, else name; the first that
    is not answered where several fit."""
    if result.position is not None:
        return next((call for call in calls if call.position == result.position), None)
    if result.call_id is not None:
        fits = [call for call in calls if call.call_id == result.call_id]
    else:
        fits = [call for call in calls if call.name == result.name]
    return next((call for call in fits if not call.status), fits[0] if fits else None)
