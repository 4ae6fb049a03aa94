"""Accounting: what was sent and what became of it, in the transaction that stores it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from console.accounts.models import ApiKey, Project
from conversations.ingest.record import BadRecord
from conversations.models import Quarantined

SHARDS = 8
LARGEST_KEPT = 4 * 1024 * 1024
"""Bytes of a record that quarantine keeps; a larger one is rejected."""

# Where a person could correct what came, it is kept; the rest must be sent anew.
REJECTED = frozenset(["too_large", "truncated", "not_utf8", "no_answer"])


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one record was not stored. ``line`` is its place in what was sent, from 1."""

    line: int
    code: str
    detail: str
    pointer: str = ""
    record: str = ""

    def to_json(self) -> dict[str, Any]:
        whole = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in whole.items() if value not in ("", 0)}


@dataclass(slots=True)
class Outcome:
    """What became of records: sent = stored + duplicate + rejected + quarantined.

    ``beside`` counts what was no record of its own, such as tool spans.
    """

    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    quarantined: int = 0
    beside: int = 0
    errors: list[Failure] = field(default_factory=list)

    @property
    def sent(self) -> int:
        return self.stored + self.duplicate + self.rejected + self.quarantined

    def __iadd__(self, other: Outcome) -> Outcome:
        for name in ("stored", "duplicate", "rejected", "quarantined", "beside"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.errors += other.errors
        return self

    def to_json(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in ("stored", "duplicate", "rejected")}
        errors = [failure.to_json() for failure in sorted(self.errors, key=lambda one: one.line)]
        return {**counts, "quarantined": self.quarantined, "errors": errors}


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose records they are, and through which door they came."""

    project: Project
    door: str
    api_key: ApiKey | None = None

    @property
    def name(self) -> str:
        """Who it is where the records name no service: the key, else the door."""
        return f"key:{self.api_key.prefix}" if self.api_key else self.door


@dataclass(frozen=True, slots=True)
class Refusal:
    """One record that cannot be stored, with the bytes that it came as."""

    line: int
    raw: bytes
    error: BadRecord
    content_type: str = "application/json"
    record: str = ""

    @property
    def is_kept(self) -> bool:
        return self.error.code not in REJECTED and 0 < len(self.raw) <= LARGEST_KEPT

    @property
    def failure(self) -> Failure:
        error = self.error
        return Failure(self.line, error.code, error.detail, error.pointer, self.record)


def refuse(sender: Sender, refusals: Sequence[Refusal]) -> Outcome:
    """Put into quarantine what can be corrected; what became of all of them."""
    kept = [one for one in refusals if one.is_kept]
    now = timezone.now()
    Quarantined.objects.bulk_create(
        Quarantined(
            project=sender.project,
            api_key=sender.api_key,
            door=sender.door,
            received_at=now,
            reason=one.error.code,
            detail=one.error.detail,
            pointer=one.error.pointer,
            body=one.raw,
            content_type=one.content_type,
        )
        for one in kept
    )
    return Outcome(
        rejected=len(refusals) - len(kept),
        quarantined=len(kept),
        errors=[one.failure for one in refusals],
    )


def count(sender: Sender, outcome: Outcome, now: datetime | None = None) -> None:
    """Add the outcome to the tally of the sender's key and this hour. The last statement of its
    transaction, as the row stays locked until the end of it."""
    if not outcome.sent and not outcome.beside:
        return
    hour = (now or timezone.now()).replace(minute=0, second=0, microsecond=0)
    counts = [outcome.sent, outcome.stored, outcome.duplicate, outcome.rejected]
    counts += [outcome.quarantined, outcome.beside]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO conversations_ingesttally AS held
              (project_id, api_key_id, hour, door, shard,
               sent, stored, duplicate, rejected, quarantined, beside)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (project_id, hour, door, api_key_id, shard) DO UPDATE SET
              sent = held.sent + EXCLUDED.sent, stored = held.stored + EXCLUDED.stored,
              duplicate = held.duplicate + EXCLUDED.duplicate,
              rejected = held.rejected + EXCLUDED.rejected,
              quarantined = held.quarantined + EXCLUDED.quarantined,
              beside = held.beside + EXCLUDED.beside
            """,
            [
                sender.project.pk,
                sender.api_key.pk if sender.api_key else None,
                hour,
                sender.door,
                random.randrange(SHARDS),
                *counts,
            ],
        )
