"""What a backtest counts, batch by batch, in a size that does not grow with the calls. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Self
from uuid import UUID

from conversations.backtest.comparison import Outcome
from tools_registry.validation import pointers
from tools_registry.validation.findings import Finding

MOST = 500
"""Different names that one count keeps apart; what comes later counts as ``OTHERS``."""
OTHERS = "(others)"
LONGEST = 300
_WEEK_MS = 7 * 24 * 3600 * 1000
_MONDAY_MS = 4 * 24 * 3600 * 1000
"""From the epoch, a Thursday, to the first Monday."""


def key_of(finding: Finding) -> str:
    """The code and the pointer, with ``*`` for places in lists: what is counted as one."""
    return _key(finding.code, finding.pointer or "")


@lru_cache(maxsize=4096)
def _key(code: str, pointer: str) -> str:
    return f"{code} {pointers.anywhere(pointer)}"[:LONGEST] if pointer else code


def _count() -> defaultdict[str, Counter[str]]:
    return defaultdict(Counter)


@dataclass
class Tally:
    """``matrix`` counts "old>new" verdicts, ``kinds`` what became of calls. ``findings`` has for
    each key the calls with it before, after, and those that newly have it (``new``) or no longer
    (``gone``). ``models`` and ``weeks`` (by Monday) count calls and kinds.
    """

    calls: int = 0
    matrix: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    findings: defaultdict[str, Counter[str]] = field(default_factory=_count)
    models: defaultdict[str, Counter[str]] = field(default_factory=_count)
    weeks: defaultdict[str, Counter[str]] = field(default_factory=_count)
    first: datetime | None = None
    last: datetime | None = None

    def add(self, call: UUID, model: str, outcome: Outcome) -> list[str]:
        """Count a call; the keys of the findings that come or go."""
        kind = outcome.kind
        self.calls += 1
        self.matrix[f"{outcome.was}>{outcome.now}"] += 1
        self.kinds[kind] += 1
        for counts, name in ((self.models, model), (self.weeks, _week_of(call))):
            row = _row(counts, name)
            row["calls"] += 1
            row[kind] += 1
        return self._add_findings(outcome) if outcome.before or outcome.after else []

    def _add_findings(self, outcome: Outcome) -> list[str]:
        before = {key_of(finding) for finding in outcome.before}
        after = {key_of(finding) for finding in outcome.after}
        for key in before:
            row = _row(self.findings, key)
            row["before"] += 1
            if key not in after:
                row["gone"] += 1
        for key in after:
            row = _row(self.findings, key)
            row["after"] += 1
            if key not in before:
                row["new"] += 1
        return sorted(before ^ after)

    def span(self, calls: Iterable[UUID]) -> None:
        """Widen the time that the calls are of."""
        keys = list(calls)
        if keys:
            first, last = _time_of(min(keys)), _time_of(max(keys))
            self.first = min(self.first or first, first)
            self.last = max(self.last or last, last)

    def to_json(self) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "matrix": dict(self.matrix),
            "kinds": dict(self.kinds),
            "findings": {key: dict(row) for key, row in self.findings.items()},
            "models": {key: dict(row) for key, row in self.models.items()},
            "weeks": {key: dict(row) for key, row in sorted(self.weeks.items())},
            "first": self.first.isoformat() if self.first else None,
            "last": self.last.isoformat() if self.last else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        tally = cls(data.get("calls", 0))
        tally.matrix.update(data.get("matrix", {}))
        tally.kinds.update(data.get("kinds", {}))
        for name in ("findings", "models", "weeks"):
            counts = getattr(tally, name)
            for key, row in data.get(name, {}).items():
                counts[key].update(row)
        first, last = data.get("first"), data.get("last")
        tally.first = datetime.fromisoformat(first) if first else None
        tally.last = datetime.fromisoformat(last) if last else None
        return tally


def _row(counts: defaultdict[str, Counter[str]], name: str) -> Counter[str]:
    return counts[name if name in counts or len(counts) < MOST else OTHERS]


def _time_of(call: UUID) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=call.int >> 80)


_weeks: dict[int, str] = {}


def _week_of(call: UUID) -> str:
    """The Monday of the call's week, UTC."""
    number = ((call.int >> 80) - _MONDAY_MS) // _WEEK_MS
    found = _weeks.get(number)
    if found is None:
        monday = date(1970, 1, 5) + timedelta(weeks=number)
        found = _weeks[number] = monday.isoformat()
    return found
