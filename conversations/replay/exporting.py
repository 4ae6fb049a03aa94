"""The outcomes of a replay as records, for files and programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from console.lib import json
from conversations.replay.records import Replay, ReplayOutcome
from conversations.search.export import WRITERS

_BATCH = 500
FIELDS = (
    "id", "replay", "case", "title", "variant", "trial", "status", "passed", "judged_by",
    "verdict", "codes", "calls", "text", "model", "offered", "model_calls", "input_tokens",
    "output_tokens", "cost", "latency_ms", "finish_reason", "routed", "error", "finished_at",
)  # fmt: skip


def record_of(row: ReplayOutcome) -> dict[str, Any]:
    """One outcome as JSON. ``case`` is its key, ``calls`` have their arguments as raw text."""
    values = {
        "replay": row.replay.name,
        "case": row.case.key,
        "title": row.case.title,
        "variant": row.variant.name,
        "calls": row.made_calls,
        "error": json.load(row.error) if row.error else None,
        "cost": None if row.cost is None else str(row.cost.normalize()),
        "finished_at": row.finished_at.isoformat() if row.finished_at else None,
    }
    return {name: values[name] if name in values else getattr(row, name) for name in FIELDS}


def read_outcomes(replay: Replay, after: int = 0, size: int | None = None) -> list[ReplayOutcome]:
    """Outcomes by their keys from ``after`` on, with what their records need."""
    rows = ReplayOutcome.objects.filter(replay=replay, pk__gt=after).order_by("pk")
    rows = rows.select_related("replay", "case", "variant").defer(
        "case__body", "variant__body", "request", "chunks", "rounds"
    )
    return list(rows[: size or _BATCH])


def write(replay: Replay, form: str) -> Iterator[bytes]:
    """The whole file, batch by batch; ``form`` is ndjson or csv."""
    if form == "csv":
        yield WRITERS[form]([dict(zip(FIELDS, FIELDS, strict=True))])
    after = 0
    while rows := read_outcomes(replay, after):
        records = [record_of(row) for row in rows]
        yield WRITERS[form](records)
        after = rows[-1].pk
