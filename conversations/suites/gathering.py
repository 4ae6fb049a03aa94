"""Cases made of what is stored: turns, an incident's turns, what a filter finds, a replay's cases.

The expectation of a turn is what its labels say, else what its record carried.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from console.accounts.models import Project, User
from conversations.incidents.joining import turns_of
from conversations.incidents.records import Incident
from conversations.models import ToolCall
from conversations.replay.cases import Case
from conversations.replay.records import Replay
from conversations.replay.turns import cases_of_turns
from conversations.search.fields import Kind
from conversations.search.query import parse
from conversations.search.reading import find
from conversations.suites.cases import Entry
from conversations.suites.keeping import Added, add_cases
from conversations.suites.records import Suite

MOST = 1_000
"""Turns that are taken at once."""
BUDGET = 20.0
"""Seconds that a filter may read."""
_BATCH = 200


def add_turns(
    suite: Suite,
    turns: Sequence[UUID],
    *,
    origin: str = "turn",
    source: str = "",
    user: User | None = None,
    only_told: bool = False,
) -> Added:
    """Add stored turns as cases, each once; those that are gone are left out.

    ``only_told`` leaves out turns of which nobody said what should be called.
    """
    added = Added()
    chosen = list(dict.fromkeys(turns))[:MOST]
    for start in range(0, len(chosen), _BATCH):
        cases = cases_of_turns(suite.project, chosen[start : start + _BATCH])
        entries = [entry_of_turn(case) for case in cases if case.expectation or not only_told]
        added += add_cases(suite, entries, origin=origin, source=source, user=user)
    return added


def entry_of_turn(case: Case) -> Entry:
    """A case of a stored turn as a suite keeps it: its id is the turn's."""
    turn = UUID(case.origin.key) if case.origin.kind == "turn" and case.origin.key else None
    return Entry(case, turn=turn)


def add_incident(suite: Suite, incident: Incident, user: User | None = None) -> Added:
    """Add the turns of an incident."""
    turns = turns_of(incident)
    return add_turns(suite, turns, origin="incident", source=incident.name, user=user)


def add_replay(suite: Suite, replay: Replay, user: User | None = None) -> Added:
    """Add the cases of a replay, with what people settled in it as their expectations."""
    rows = replay.cases.order_by("position").iterator(chunk_size=_BATCH)
    entries = (entry_of_turn(row.value) for row in rows)
    return add_cases(suite, entries, origin="replay", source=replay.name, user=user)


def find_turns(project: Project, kind: Kind, query: str, most: int) -> list[UUID]:
    """The turns of what a filter finds, newest first. Raises ``BadQuery``."""
    hits = find(project, parse(query), kind, size=most, budget=BUDGET).hits
    if kind == "calls":
        return _turns_of_calls(project, [hit.id for hit in hits])
    return [hit.id for hit in hits]


def _turns_of_calls(project: Project, calls: Iterable[UUID]) -> list[UUID]:
    wanted = list(calls)
    rows = ToolCall.objects.filter(project=project, pk__in=wanted)
    turns = dict(rows.values_list("pk", "turn_id"))
    return list(dict.fromkeys(turns[call] for call in wanted if call in turns))
