"""What an incident cost: calls, conversations, users and dollars, with what they are counted of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Min, Q, Sum
from django.utils import timezone

from console.lib import uuid7
from console.lib.proportions import wilson
from conversations.incidents.joining import MOST
from conversations.incidents.records import Incident
from conversations.incidents.scope import Scope, scope_of, within
from conversations.incidents.series import Share
from conversations.models import ToolCall, Turn
from conversations.search.query import Query
from conversations.search.reading import count_matches

USUAL = timedelta(hours=24)
"""Before the incident: what the share is held against."""
BUDGET = 0.5
_FOLLOWED = 1000
"""Conversations of which it is told whether they recovered."""
_STILL = timedelta(minutes=15)
_BESIDE = timedelta(minutes=1)
"""How far the keys of a turn and of its calls may lie apart."""


@dataclass(frozen=True, slots=True)
class Impact:
    """Counts of what is in the incident. ``noun`` is call or turn.

    ``base`` counts what could have gone wrong in that time, ``usual`` is the share of the day
    before, both None where counting them took too long. ``recovered`` conversations have a later
    call of the same tool that is not in the incident; None where too many were hit. ``cost`` is in
    dollars and of the model calls of its turns, of which ``unpriced`` have none. ``first_at`` and
    ``last_at`` are of the first and the last of them. The counters name the values that most have.
    """

    noun: str
    count: int
    turns: int
    is_full: bool
    base: int | None
    usual: Share | None
    conversations: int
    recovered: int | None
    users: int
    repeatedly: int
    cost: Decimal | None
    unpriced: int
    first_at: datetime | None
    last_at: datetime | None
    tools: Counter[str] = field(default_factory=Counter)
    versions: Counter[int] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    environments: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> Share | None:
        """None where the base is not known."""
        return Share(min(self.count, self.base), self.base) if self.base else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95% (Wilson) of the share."""
        share = self.share
        return wilson(share.part, share.whole) if share else None

    @property
    def gave_up(self) -> int | None:
        return None if self.recovered is None else self.conversations - self.recovered

    @property
    def lasted(self) -> timedelta:
        if self.first_at is None or self.last_at is None:
            return timedelta()
        return self.last_at - self.first_at

    def is_happening(self, now: datetime) -> bool:
        """Was there one in the last 15 minutes?"""
        return self.last_at is not None and now - self.last_at <= _STILL


def measure(incident: Incident, now: datetime | None = None) -> Impact:
    """The impact as it is now."""
    now = now or timezone.now()
    spans = incident.turns.aggregate(
        count=Count("pk"),
        turns=Count("turn_id", distinct=True),
        conversations=Count("conversation_id", distinct=True),
        first=Min("at"),
        last=Max("at"),
    )
    rows = _read_rows(incident)
    users = Counter(user for user, _ in {(row.user, row.conversation_id) for row in rows} if user)
    tools = Counter(row.name for row in rows if row.name)
    scope = scope_of(incident, tools)
    cost, unpriced = _sum_cost(incident)
    return Impact(
        noun=scope.kind.removesuffix("s"),
        count=spans["count"],
        turns=spans["turns"],
        is_full=incident.is_full or spans["count"] >= MOST,
        base=_count_base(incident, scope, spans["count"], now),
        usual=_read_usual(incident, scope, now),
        conversations=spans["conversations"],
        recovered=_count_recovered(incident, rows, tools),
        users=len(users),
        repeatedly=sum(1 for count in users.values() if count > 1),
        cost=cost,
        unpriced=unpriced,
        first_at=spans["first"],
        last_at=spans["last"],
        tools=tools,
        versions=Counter(row.version for row in rows if row.version),
        models=Counter(row.model for row in rows if row.model),
        environments=Counter(row.environment for row in rows if row.environment),
        codes=Counter(code for row in rows for code in row.codes),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    id: UUID
    conversation_id: UUID
    user: str
    model: str
    environment: str
    codes: Sequence[str]
    name: str = ""
    version: int | None = None


def _read_rows(incident: Incident) -> list[_Row]:
    """The stored calls of the incident, and the turns that are in it as a whole."""
    shared = ("pk", "conversation_id", "user", "model", "environment", "codes")
    calls = ToolCall.objects.filter(**_among(incident, "call_id", Q()))
    turns = Turn.objects.filter(**_among(incident, "turn_id", Q(call_id=None)))
    found = [_Row(*row) for row in calls.values_list(*shared, "name", "tool_version_id")]
    return found + [_Row(*row) for row in turns.values_list(*shared)]


def _among(incident: Incident, column: str, condition: Q) -> dict[str, Any]:
    """The condition for stored rows; its range spares the other months."""
    keys = incident.turns.filter(condition).exclude(**{column: None})
    ends = keys.aggregate(first=Min("at"), last=Max("at"))
    first, last = ends["first"] or incident.since, ends["last"] or incident.since
    return {
        "project": incident.project_id,
        "pk__in": keys.values(column),
        "pk__gte": uuid7.floor(first - _BESIDE),
        "pk__lte": uuid7.floor(last + _BESIDE),
    }


def _sum_cost(incident: Incident) -> tuple[Decimal | None, int]:
    found = Turn.objects.filter(**_among(incident, "turn_id", Q())).aggregate(
        dollars=Sum("cost"), unpriced=Count("pk", filter=Q(cost=None))
    )
    return found["dollars"], found["unpriced"]


def _count_base(incident: Incident, scope: Scope, least: int, now: datetime) -> int | None:
    found = _count(incident, scope, scope.base, incident.since, incident.until or now, now)
    return None if found is None else max(found, least)


def _read_usual(incident: Incident, scope: Scope, now: datetime) -> Share | None:
    """The share of the day before; None where nothing was, or it took too long."""
    if not scope.bad:
        return None
    ends = incident.since - USUAL, incident.since - timedelta(seconds=1)
    whole = _count(incident, scope, scope.base, *ends, now)
    part = _count(incident, scope, scope.bad, *ends, now) if whole else None
    return Share(min(part, whole), whole) if whole and part is not None else None


def _count(
    incident: Incident, scope: Scope, query: Query, since: datetime, until: datetime, now: datetime
) -> int | None:
    asked = within(query, since, until)
    return count_matches(incident.project, asked, scope.kind, budget=BUDGET, now=now)


def _count_recovered(incident: Incident, rows: Sequence[_Row], tools: Counter[str]) -> int | None:
    """Conversations whose last call of these tools is not one of the incident's."""
    hit = {row.conversation_id for row in rows}
    if not tools or len(hit) > _FOLLOWED:
        return None
    calls = ToolCall.objects.filter(
        project=incident.project_id, conversation__in=hit, name__in=list(tools)
    )
    last = calls.order_by("conversation_id", "-pk").distinct("conversation_id")
    held = {row.id for row in rows}
    return sum(key not in held for key in last.values_list("pk", flat=True))
