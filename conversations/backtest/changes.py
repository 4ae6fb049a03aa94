"""The calls that a backtest would change: read by key, with the findings on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from console.lib import uuid7
from console.lib.fields import to_stored
from conversations.backtest.comparison import COMPARED, KINDS, Outcome
from conversations.backtest.engine import judge
from conversations.backtest.reading import Stored, read_calls
from conversations.backtest.records import Backtest, BacktestChange
from conversations.backtest.subjects import subject_of
from conversations.search.export import WRITERS
from tools_registry.validation import Finding

SIZE = 50
_EXPORTED = 500
_FIELDS = (
    "call", "at", "turn", "position", "model", "change", "verdict_before", "verdict_after",
    "arguments", "findings_before", "findings_after",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One changed call. ``stored`` and the findings are None and empty where it was deleted since.

    ``is_older`` says that the call was judged again since, so that its findings before are not
    those that the backtest saw.
    """

    id: UUID
    kind: str
    was: str
    now: str
    stored: Stored | None = None
    before: Sequence[Finding] = ()
    after: Sequence[Finding] = ()
    is_older: bool = False

    @property
    def at(self) -> datetime:
        return uuid7.time(self.id)

    @property
    def label(self) -> str:
        return KINDS[self.kind]  # type: ignore[index]


@dataclass(frozen=True, slots=True)
class Page:
    """``older`` goes on after it; None where nothing is left."""

    changes: Sequence[Change]
    older: UUID | None


def read_changes(
    row: Backtest,
    *,
    kind: str = "",
    key: str = "",
    before: UUID | None = None,
    size: int = SIZE,
) -> Page:
    """The newest changed calls below ``before``: of one kind, or with one finding that comes or
    goes (``Tally``'s key)."""
    rows = BacktestChange.objects.filter(backtest=row).order_by("-call_id")
    if kind:
        rows = rows.filter(kind=kind)
    if key:
        rows = rows.filter(keys__contains=[to_stored(key)])
    if before is not None:
        rows = rows.filter(call_id__lt=before)
    found = list(rows[: size + 1])
    shown = found[:size]
    return Page(_describe(row, shown), shown[-1].call_id if len(found) > size else None)


def _describe(row: Backtest, rows: Sequence[BacktestChange]) -> list[Change]:
    """The changes with their findings, made again from the calls as they are stored now."""
    calls = read_calls([change.call_id for change in rows])
    outcomes = zip(calls, judge(calls, subject_of(row)), strict=True)
    known = {call.id: (call, outcome) for call, outcome in outcomes}
    return [_join(change, *known.get(change.call_id, (None, None))) for change in rows]


def _join(change: BacktestChange, call: Stored | None, outcome: Outcome | None) -> Change:
    plain = change.call_id, change.kind, change.before, change.after
    if call is None or outcome is None:
        return Change(*plain)
    after = [finding for finding in outcome.after if finding.layer in COMPARED]
    return Change(*plain, call, outcome.before, after, outcome.was != change.before)


def export(row: Backtest, form: str) -> Iterator[bytes]:
    """Every changed call as NDJSON or CSV, newest first."""
    write, before = WRITERS[form], None
    if form == "csv":
        yield write([dict(zip(_FIELDS, _FIELDS, strict=True))])
    while True:
        page = read_changes(row, before=before, size=_EXPORTED)
        if page.changes:
            yield write([record_of(change) for change in page.changes])
        before = page.older
        if before is None:
            return


def record_of(change: Change) -> dict[str, Any]:
    """A change as JSON values for other programs."""
    stored = change.stored
    values = (
        str(change.id),
        change.at.isoformat().replace("+00:00", "Z"),
        str(stored.turn) if stored else None,
        stored.position if stored else None,
        stored.model if stored else None,
        change.kind,
        change.was,
        change.now,
        stored.arguments if stored else None,
        [finding.to_json() for finding in change.before],
        [finding.to_json() for finding in change.after],
    )
    return dict(zip(_FIELDS, values, strict=True))
