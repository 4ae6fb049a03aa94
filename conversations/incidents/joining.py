"""The turns of an incident: those that match its filter join by themselves, others by hand."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from console.accounts.models import Project, User
from console.lib import uuid7
from conversations.incidents.lifecycle import log
from conversations.incidents.records import Incident, IncidentTurn
from conversations.incidents.scope import scope_of, within
from conversations.models import ToolCall, Turn
from conversations.search.reading import Hit, find

MOST = 10_000
"""Calls or turns that join an incident by themselves; one that has more is cut off and says so."""
PAGE = 1000
_AGAIN = timedelta(hours=1)
"""What is looked through again each time: turns that came late, or whose judgement changed."""
_SMALL = 1000
"""Up to so many, everything is looked through again."""
BUDGET = 2.0
logger = logging.getLogger(__name__)


def turns_of(incident: Incident) -> list[UUID]:
    """The ids of the incident's turns, each once, the oldest first. Some may be gone meanwhile."""
    rows = incident.turns.order_by("at", "turn_id").values_list("turn_id", flat=True)
    return list(dict.fromkeys(rows))


def join_all() -> int:
    """Let what matches join the open incidents; how many calls or turns did. What fails with one
    does not keep the others."""
    rows = Incident.objects.exclude(status="resolved").exclude(query="").filter(is_full=False)
    joined = 0
    for incident in rows.select_related("project").order_by("pk"):
        try:
            joined += join(incident)
        except Exception:
            logger.exception("Nothing could join incident %s", incident.pk)
    return joined


def join(incident: Incident) -> int:
    """Let what matches the filter join; how many rows are new. Doing it twice changes nothing."""
    if not incident.query or incident.is_full:
        return 0
    held = incident.turns.count()
    scope, start = scope_of(incident), _start(incident, held)
    query = within(scope.bad, start, incident.until)
    added, before, newest = 0, None, None
    while True:
        found = find(incident.project, query, scope.kind, before=before, size=PAGE, budget=BUDGET)
        newest = newest or (found.hits[0].id if found.hits else None)
        added += _keep(incident, _rows(incident, found.hits, "filter"))
        before = found.older
        is_full = held + added >= MOST
        if before is None or is_full:
            break
    # What was never looked for has no cursor: the beginning stands for "looked, nothing found".
    incident.cursor = newest or incident.cursor or uuid7.floor(incident.since)
    incident.is_full = is_full
    incident.save(update_fields=["cursor", "is_full"])
    return added


def _start(incident: Incident, held: int) -> datetime:
    if incident.cursor is None or held <= _SMALL:
        return incident.since
    return max(incident.since, uuid7.time(incident.cursor) - _AGAIN)


def add(
    incident: Incident,
    hits: Sequence[Hit],
    *,
    calls: bool,
    by: User | None = None,
    sender: str = "",
) -> int:
    """Add calls or turns by hand or by program; how many were not in it yet."""
    how = "api" if sender else "hand"
    added = _keep(incident, _rows(incident, hits, how, calls=calls, by=by))
    if added:
        noun = "call" if calls else "turn"
        text = f"{added:,} {noun}{'' if added == 1 else 's'} added"
        log(incident, "joined", text, author=by, detail={"sender": sender} if sender else {})
    return added


def find_rows(project: Project, kind: str, ids: Iterable[UUID]) -> list[Hit]:
    """The project's calls, or turns, of these ids."""
    rows = (ToolCall if kind == "calls" else Turn).objects.filter(project=project, pk__in=list(ids))
    return [Hit(*row) for row in rows.order_by("pk").values_list("pk", "conversation_id")]


def _rows(
    incident: Incident,
    hits: Sequence[Hit],
    how: str,
    *,
    calls: bool | None = None,
    by: User | None = None,
) -> list[IncidentTurn]:
    of_calls = incident.kind == "calls" if calls is None else calls
    turns: dict[UUID, UUID] = {}
    if of_calls and hits:
        ids = [hit.id for hit in hits]
        held = ToolCall.objects.filter(pk__in=ids, pk__gte=min(ids), pk__lte=max(ids))
        turns = dict(held.values_list("pk", "turn_id"))
    return [
        IncidentTurn(
            incident=incident,
            turn_id=turns[hit.id] if of_calls else hit.id,
            call_id=hit.id if of_calls else None,
            conversation_id=hit.conversation,
            at=min(uuid7.time(hit.id), timezone.now()),
            how=how,
            added_by=by,
        )
        for hit in hits
        if not of_calls or hit.id in turns
    ]


def _keep(incident: Incident, rows: Sequence[IncidentTurn]) -> int:
    """Store those that are new; how many."""
    if not rows:
        return 0
    before = incident.turns.count()
    IncidentTurn.objects.bulk_create(rows, ignore_conflicts=True, batch_size=PAGE)
    return incident.turns.count() - before
