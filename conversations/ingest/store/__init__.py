"""The one door into storage: idempotent, whole batches at once, every record accounted for.

A batch is one transaction; when ``store`` returns, it is committed. One record that the database
refuses goes into quarantine alone. ``docs/accounting.md`` says what becomes of what was sent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, SupportsBytes
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from console.accounts.models import ApiKey, Project
from console.lib import json, tracing
from conversations import partitions
from conversations.ingest.batch import Entry
from conversations.ingest.record import BadRecord, TurnRecord, clock_skew
from conversations.ingest.store import rows, tally
from conversations.ingest.store.batch import write_turns
from conversations.ingest.store.prepared import NewTurn, Texts, prepare
from conversations.ingest.store.rows import Wire
from conversations.ingest.store.tally import Failure, Outcome, Refusal, Sender
from conversations.ingest.store.toolsets import Offered, Offers, note_sightings
from conversations.redaction import WIRE_DROPPED, Rules, redact, redact_body, redact_bytes
from conversations.rulebook import rules_for
from conversations.wire import unpack, unpack_request

__all__ = ["Failure", "Outcome", "Refusal", "Sender", "Wire", "store", "store_entries"]

logger = logging.getLogger(__name__)
AHEAD, BEHIND = timedelta(days=1), timedelta(days=366)
LIVE_DOORS = frozenset(["api", "otlp", "proxy"])
_SOURCES = {"page": "api"}
TRIES = 4
"""How often a transaction is tried that met another one."""


def store(
    project: Project,
    records: Sequence[TurnRecord],
    *,
    door: str,
    api_key: ApiKey | None = None,
    wires: Mapping[str, Wire] | None = None,
) -> Outcome:
    """Store turn records, each once; committed when this returns.

    ``wires`` holds the bytes of turns by record id. Raises ``OperationalError`` where the
    database cannot be reached: then nothing is stored and all may be sent again.
    """
    entries = [Entry(line, record, b"") for line, record in enumerate(records, 1)]
    return store_entries(Sender(project, door, api_key), entries, wires=wires)


@dataclass(slots=True)
class Batch:
    """What one transaction is to do."""

    sender: Sender
    source: str
    turns: list[NewTurn] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    offers: dict[UUID, Offered | None] = field(default_factory=dict)
    wires: Mapping[str, Wire] = field(default_factory=dict)
    beside: int = 0
    is_claimed: bool = False
    """The keys are taken already: the turns waited for their other half."""
    uncounted: bool = False
    """The caller counts."""

    def split(self) -> tuple[Batch, Batch]:
        half = len(self.turns) // 2
        names = ("offers", "wires", "is_claimed", "uncounted")
        shared: Any = {name: getattr(self, name) for name in names}
        first = Batch(
            self.sender, self.source, self.turns[:half], self.refusals, beside=self.beside,
            **shared,
        )  # fmt: skip
        return first, Batch(self.sender, self.source, self.turns[half:], **shared)


def store_entries(
    sender: Sender,
    entries: Iterable[Entry],
    *,
    wires: Mapping[str, Wire] | None = None,
    refusals: Iterable[Refusal] = (),
    beside: int = 0,
    is_claimed: bool = False,
    uncounted: bool = False,
    source: str = "",
    offers: Offers | None = None,
) -> Outcome:
    """Store what a door has read, good and bad; ``Entry.raw`` is what quarantine keeps.

    ``source`` is what the turns are marked with where it is not the door. ``offers`` are
    toolsets that were looked up, and committed, before.
    """
    source = source or _SOURCES.get(sender.door, sender.door)
    batch = Batch(sender, source, refusals=[*refusals], wires=wires or {}, beside=beside)
    batch.is_claimed, batch.uncounted = is_claimed, uncounted
    with tracing.span("store turns", misfire_door=sender.door) as span:
        _prepare(batch, entries, Offers(sender.project, offers))
        _make_partitions(batch.turns)
        seen = [
            (offer, service_of(new.record) or sender.name, new.record.at)
            for new in batch.turns
            if (offer := batch.offers.get(new.id)) is not None
        ]
        outcome = _write(batch)
        span.set_attribute("misfire.turns", len(batch.turns))
    note_sightings(seen)
    return outcome


def is_off(record: TurnRecord) -> bool:
    """Is the record's time too far from ours for live traffic?"""
    return clock_skew(record.at, timezone.now(), ahead=AHEAD, behind=BEHIND) is not None


def service_of(record: TurnRecord) -> str:
    return next((tag for tag in record.tags if tag.startswith("service:")), "")


def _prepare(batch: Batch, entries: Iterable[Entry], offers: Offers) -> None:
    now, texts, project = timezone.now(), Texts(), batch.sender.project
    behind = BEHIND if batch.sender.door in LIVE_DOORS else None
    rules = rules_for(project)
    for line, item, raw in entries:
        if isinstance(item, BadRecord):
            batch.refusals.append(Refusal(line, redact_body(bytes(raw), rules), item))
            continue
        wire = batch.wires.get(item.id)
        if rules:
            item, raw = _redact(batch, item, rules), b""
        skew = clock_skew(item.at, now, ahead=AHEAD, behind=behind)
        if skew is not None:
            error = BadRecord("clock_skew", f"{skew.detail} Correct it and send it again.", "/at")
            batch.refusals.append(_refuse(line, raw, item, error))
            continue
        try:
            new = prepare(project.pk, item, line, raw, texts)
            new.connection = wire.connection if wire else None
            tools = item.request.tools
            if tools is not None:
                offer = offers.of(tools)
                batch.offers[new.id], new.toolset = offer, offer.id
            batch.turns.append(new)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            batch.refusals.append(_refuse(line, raw, item, _not_stored(error)))


def _redact(batch: Batch, record: TurnRecord, rules: Rules) -> TurnRecord:
    """The record as it may be stored; its bytes go where they cannot be redacted."""
    redacted, counts = redact(record, rules)
    wire = batch.wires.get(record.id)
    if wire is None:
        return redacted
    chunks = b"".join(chunk for _, chunk in unpack(wire.chunks))
    if redact_bytes(unpack_request(wire.request) + chunks, rules, counts):
        return redacted
    batch.wires = {key: kept for key, kept in batch.wires.items() if key != record.id}
    return redacted.with_notes([WIRE_DROPPED])


def _refuse(line: int, raw: SupportsBytes, record: TurnRecord, error: BadRecord) -> Refusal:
    kept = bytes(raw) or json.dump_bytes(record.to_json())
    return Refusal(line, kept, error, record=record.id)


def _not_stored(error: Exception) -> BadRecord:
    logger.exception("a record could not be stored", exc_info=error)
    said = str(error).partition("\n")[0][:300]
    return BadRecord("not_stored", f"The database refused the record: {said or type(error)}.")


def _make_partitions(turns: Iterable[NewTurn]) -> None:
    months = {(new.record.at.year, new.record.at.month) for new in turns}
    partitions.make_months(datetime(year, month, 1, tzinfo=UTC) for year, month in months)


def _write(batch: Batch) -> Outcome:
    """Write the batch; halves of it where the database refuses it, down to the one record."""
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                return _write_once(batch)
        except (OperationalError, InterfaceError) as error:
            if state_of(error).startswith("40") and attempt < TRIES:
                _reset(batch.turns)
                continue  # a deadlock or a serialization failure: the other one is through now
            if not state_of(error).startswith("54"):
                raise
            return _write_apart(batch, error)
        except Exception as error:
            return _write_apart(batch, error)
    raise AssertionError("every attempt returns or raises")


def state_of(error: Exception) -> str:
    """The SQLSTATE of a database error: class 40 may be tried again, 54 is a limit of a row."""
    return getattr(error.__cause__, "sqlstate", None) or ""


def _write_apart(batch: Batch, error: Exception) -> Outcome:
    if not batch.turns:
        raise error
    if len(batch.turns) == 1:
        new = batch.turns[0]
        refusal = _refuse(new.line, new.raw, new.record, _not_stored(error))
        alone = Batch(batch.sender, batch.source, [], [*batch.refusals, refusal])
        alone.beside, alone.uncounted = batch.beside, batch.uncounted
        return _write(alone)
    first, second = batch.split()
    _reset(batch.turns)
    outcome = _write(first)
    outcome += _write(second)
    return outcome


def _reset(turns: Iterable[NewTurn]) -> None:
    """Take back what a failed attempt decided."""
    for new in turns:
        new.link.parent, new.link.inherited, new.conversation = None, 0, None


def _write_once(batch: Batch) -> Outcome:
    sender = batch.sender
    fresh = _claim(batch)
    if fresh:
        write_turns(sender, fresh, batch.offers, batch.wires, batch.source)
    outcome = Outcome(len(fresh), len(batch.turns) - len(fresh), beside=batch.beside)
    if batch.refusals:
        outcome += tally.refuse(sender, batch.refusals)
    if not batch.uncounted:
        tally.count(sender, outcome)
    return outcome


def _claim(batch: Batch) -> list[NewTurn]:
    """The turns that are new; of those with one key in the batch, the first."""
    if not batch.turns:
        return []
    once = list({new.key: new for new in reversed(batch.turns)}.values())[::-1]
    if batch.is_claimed:
        return once
    taken = rows.claim_keys(batch.sender.project.pk, ((new.key, new.id) for new in once))
    return [new for new in once if new.key in taken]
