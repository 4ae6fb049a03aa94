"""Which parameters the calls of a version send, and which findings they have; from its newest."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from console.lib import json, uuid7
from console.lib.fields import from_stored
from conversations.backtest.comparison import read_compared
from tools_registry.models import ToolVersion
from tools_registry.validation import pointers

NEWEST = 1_000
"""Calls that are looked at."""
WINDOW = timedelta(days=30)
"""How far back from the version's last offer they may lie."""
LONGEST = 20_000
"""Bytes of a call's arguments, and of its findings; a call with more is left out."""
_DEEPEST = 8
_SLACK = timedelta(days=1)
"""A version's last offer is noted once in a while, so calls of it may be later."""
# The keys come from ``call_newest`` alone, whatever else the months hold.
_READ = """
SELECT c.at, c.arguments, c.findings FROM (
  SELECT id FROM conversations_toolcall
  WHERE project_id = %s AND id >= %s AND id < %s AND tool_version_id = %s
  ORDER BY id DESC LIMIT %s
) AS newest JOIN conversations_toolcall c ON c.id = newest.id AND c.id >= %s AND c.id < %s
WHERE octet_length(c.arguments) <= %s AND octet_length(c.findings) <= %s
"""


@dataclass(slots=True)
class ParameterUse:
    """Calls by what they send and by finding. Pointers have ``*`` for places in lists; "" is the
    call as a whole. ``first`` and ``last`` are the times of the calls that were looked at.
    """

    calls: int = 0
    first: datetime | None = None
    last: datetime | None = None
    sent: Counter[str] = field(default_factory=Counter)
    findings: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, arguments: str, findings: str) -> None:
        """Count one call by its raw arguments and its stored findings."""
        self.calls += 1
        with contextlib.suppress(ValueError, RecursionError):
            self.sent.update(_places(json.load(arguments)))
        found = {
            (pointers.anywhere(one.pointer or ""), one.code) for one in read_compared(findings)
        }
        for pointer, code in found:
            self.findings.setdefault(pointer, Counter())[code] += 1


def read_use(version: ToolVersion) -> ParameterUse:
    """The use of the version's parameters in its newest calls."""
    last = (version.last_seen_at or timezone.now()) + _SLACK
    span = uuid7.floor(last - _SLACK - WINDOW), uuid7.floor(last)
    asked: list[Any] = [version.project_id, *span, version.pk, NEWEST, *span, LONGEST, LONGEST]
    use = ParameterUse()
    with connection.cursor() as cursor:
        cursor.execute(_READ, asked)
        for at, arguments, findings in cursor:
            use.add(from_stored(arguments), from_stored(findings))
            use.first = min(use.first or at, at)
            use.last = max(use.last or at, at)
    return use


def _places(value: Any) -> set[str]:
    """Where an object has members, those of objects in it too."""
    found: set[str] = set()
    level: Sequence[tuple[str, Any]] = [("", value)]
    for _ in range(_DEEPEST):
        level = [one for pointer, part in level for one in _below(pointer, part)]
        found.update(pointer for pointer, _ in level)
    return found


def _below(pointer: str, part: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(part, dict):
        return [
            (pointers.anywhere(pointers.append(pointer, name)), item) for name, item in part.items()
        ]
    return [(f"{pointer}/*", item) for item in part] if isinstance(part, list) else ()
