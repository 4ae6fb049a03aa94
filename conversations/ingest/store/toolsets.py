"""Toolsets that were seen before, by their content: the hot path asks the database for none.

A toolset never changes, so that a process may keep it. That a version was seen again, and who
sent it, is written at most once a minute.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from console.accounts.models import Project
from console.lib import json
from tools_registry.dialects import read_offer
from tools_registry.models import Toolset, ToolVersion
from tools_registry.registry import keep_toolset
from tools_registry.validation import Offer

_MOST = 2048
_STEP = timedelta(minutes=1)
_FRESH = 6 * 3600
"""Seconds after which a toolset is looked up again: retention deletes those long without turns."""
_Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Offered:
    """A toolset: its row, what it offers by name, and the version that each name stood for."""

    id: int
    specs: Offer
    versions: Mapping[str, int]
    ids: tuple[int, ...]


class _Recent:
    """What was used lately, by key; the oldest goes."""

    def __init__(self, most: int) -> None:
        self._held: OrderedDict[Any, Any] = OrderedDict()
        self._most, self._lock = most, Lock()

    def get(self, key: Any) -> Any:
        with self._lock:
            found = self._held.get(key)
            if found is not None:
                self._held.move_to_end(key)
            return found

    def put(self, key: Any, value: Any) -> None:
        with self._lock:
            self._held[key] = value
            self._held.move_to_end(key)
            while len(self._held) > self._most:
                self._held.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._held.clear()


_toolsets, _sightings = _Recent(_MOST), _Recent(8 * _MOST)


def forget() -> None:
    """Drop what this process keeps: for tests, whose databases come and go."""
    _toolsets.clear()
    _sightings.clear()


class Offers:
    """The toolsets of one batch: tools that are the same objects, or the same text, are looked up
    once. What the batch makes is there for other batches once it is committed.

    ``known`` are those of a transaction before, which is committed.
    """

    def __init__(self, project: Project, known: Offers | None = None) -> None:
        self._project = project
        self._known: dict[tuple[int, ...], tuple[Sequence[Any], Offered]] = {}
        if known is not None:
            self._known |= known._known
        self._made: dict[Any, Offered] = {}

    def of(self, tools: Sequence[Any]) -> Offered:
        key = tuple(map(id, tools))
        if key not in self._known:
            self._known[key] = tools, self._find(tools)
        return self._known[key][1]

    def _find(self, tools: Sequence[Any]) -> Offered:
        digest = hashlib.sha256(json.dump(list(tools)).encode()).digest()
        key = (self._project.pk, digest, time.monotonic() // _FRESH)
        found: Offered | None = _toolsets.get(key) or self._made.get(key)
        if found is None:
            found = made = self._made[key] = _open(keep_toolset(self._project, tools))
            transaction.on_commit(lambda: _toolsets.put(key, made))
        return found


def read_toolsets(ids: Collection[int]) -> dict[int, Offered]:
    """Stored toolsets by their rows' ids."""
    return {toolset.pk: _open(toolset) for toolset in Toolset.objects.filter(pk__in=ids)}


def _open(toolset: Toolset) -> Offered:
    ids = [pk for pk in toolset.versions if pk]
    names = dict(ToolVersion.objects.filter(pk__in=ids).values_list("pk", "tool__name"))
    versions = {names[pk]: pk for pk in ids if pk in names}
    return Offered(toolset.pk, read_offer(toolset.tools), versions, tuple(sorted(set(ids))))


def note_sightings(seen: Iterable[tuple[Offered, str, datetime]]) -> None:
    """Keep when the versions of toolsets were offered, and by whom (a service, or a key)."""
    now = timezone.now()
    spans: dict[tuple[int, str], _Span] = {}
    for offered, sender, at in seen:
        for version in offered.ids if _widen((0, offered.id, sender), at, now) else ():
            if widened := _widen((version, 0, sender), at, now):
                spans[version, sender] = widened
    if spans:
        _write_sightings(spans)


def _widen(key: tuple[int, int, str], at: datetime, now: datetime) -> _Span | None:
    """The times between which something was seen, if ``at`` is news; remembered."""
    known = _sightings.get(key)
    if known and known[0] <= at <= known[1] + _STEP and now - known[2] < 60 * _STEP:
        return None
    first, last = (min(known[0], at), max(known[1], at)) if known else (at, at)
    _sightings.put(key, (first, last, now))
    return first, last


def _write_sightings(spans: Mapping[tuple[int, str], _Span]) -> None:
    rows = sorted((version, sender, *span) for (version, sender), span in spans.items())
    columns = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO conversations_toolsighting (version_id, sender, first_at, last_at)
            SELECT * FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[])
            ON CONFLICT (version_id, sender) DO UPDATE SET
              first_at = LEAST(conversations_toolsighting.first_at, EXCLUDED.first_at),
              last_at = GREATEST(conversations_toolsighting.last_at, EXCLUDED.last_at)
            """,
            columns,
        )
        cursor.execute(
            """
            UPDATE tools_registry_toolversion AS held SET
              first_seen_at = LEAST(held.first_seen_at, seen.first),
              last_seen_at = GREATEST(held.last_seen_at, seen.last)
            FROM (
              SELECT id, min(f) AS first, max(l) AS last
              FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS t (id, f, l)
              GROUP BY id
            ) AS seen
            WHERE held.id IN (
                SELECT id FROM tools_registry_toolversion WHERE id = ANY(%s)
                ORDER BY id FOR UPDATE
              ) AND held.id = seen.id
              AND (held.first_seen_at IS NULL OR seen.first < held.first_seen_at
                   OR held.last_seen_at IS NULL OR seen.last > held.last_seen_at)
            """,
            [columns[0], columns[2], columns[3], sorted(set(columns[0]))],
        )
