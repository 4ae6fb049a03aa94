"""What suspects are found in: the calls of an incident's time and of the day before it.

Bounded whatever is stored: at most ``SIZE`` rows of each window, spread over it where it has
more, and ``BUDGET`` seconds for each. What was not read is said (``Evidence.is_sample``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from console.accounts.models import Project
from console.lib import uuid7
from conversations.incidents.rates import Rates, bucket
from conversations.incidents.records import Incident
from conversations.incidents.scope import Scope, scope_of, within
from conversations.incidents.series import Change, Seen, Trait
from conversations.incidents.suspects import Ranking, Suspect, rank
from conversations.incidents.weighing import weigh_policies, weigh_version
from conversations.models import ToolCall, Turn
from conversations.search.query import Query, Term
from conversations.search.reading import find, read_in_order
from tools_registry.models import Policy, RouterVersion, Toolset, ToolVersion, VersionEvent
from tools_registry.validation.findings import CODES

SIZE = 3200
"""Rows of each of the two windows."""
SLICES = 16
BEFORE = timedelta(hours=24)
LONGEST = timedelta(days=7)
"""Of an incident's time: what came later says little of how it began."""
BUDGET = 0.8
_COLUMNS = {
    "calls": 'c.id, c.turn_id, c.conversation_id, c.tool_version_id, c.model, c.provider, c."user",'
    " c.environment, c.source, c.tags, c.codes",
    "turns": 't.id, t.id, t.conversation_id, NULL, t.model, t.provider, t."user",'
    " t.environment, t.source, t.tags, t.codes",
}
_KEYS = {"calls": "c.id", "turns": "t.id"}
_FIELDS = ("model", "provider", "user", "environment", "source")


@dataclass(slots=True)
class Evidence:
    """``since`` and ``until`` are what was read. ``codes`` counts the findings of bad calls."""

    since: datetime
    until: datetime
    series: list[Seen] = field(default_factory=list)
    first_seen: dict[Trait, datetime] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    weights: dict[Trait, float] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)
    is_sample: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """The ranking, and what it was made of."""

    ranking: Ranking
    since: datetime
    until: datetime
    read: int
    is_sample: bool
    codes: Mapping[str, int]
    rates: Rates


def judge(incident: Incident, now: datetime) -> Judged:
    """The incident's suspects. New values that turn out to have been there before are ranked
    again as old ones."""
    evidence = read_evidence(incident, now)
    ranking = _rank(incident, evidence)
    known = _look_back(incident.project, ranking.suspects, evidence)
    if known:
        evidence.first_seen |= known
        ranking = _rank(incident, evidence)
    return Judged(
        ranking,
        evidence.since,
        evidence.until,
        len(evidence.series),
        evidence.is_sample,
        dict(evidence.codes.most_common()),
        bucket(evidence.series, ranking.onset or incident.since, evidence.until),
    )


def _rank(incident: Incident, evidence: Evidence) -> Ranking:
    return rank(
        evidence.series,
        incident.since,
        first_seen=evidence.first_seen,
        changes=evidence.changes,
        weights=evidence.weights,
    )


def read_evidence(incident: Incident, now: datetime) -> Evidence:
    since, until = incident.since, min(incident.until or now, incident.since + LONGEST)
    evidence = Evidence(since - BEFORE, max(until, since + timedelta(seconds=1)))
    scope = scope_of(incident, _tools_of(incident))
    found = _read_window(incident.project, scope, evidence.since, since)
    found.add(_read_window(incident.project, scope, since, evidence.until))
    rows, evidence.is_sample = found.rows, found.is_sample
    by_hand = incident.turns.exclude(how="filter").values_list("turn_id", "call_id")
    bad = found.bad | {call or turn for turn, call in by_hand}
    offered = _read_toolsets(incident.project, rows)
    fresh = _read_versions(incident.project, rows, offered, evidence)
    kept = {row[0]: row for row in rows}
    evidence.series = [
        Seen(uuid7.time(key), key in bad, _traits(row, offered, fresh)) for key, row in kept.items()
    ]
    evidence.codes = Counter(code for key in bad & kept.keys() for code in kept[key][-1])
    evidence.changes = _read_changes(incident.project, evidence.since, evidence.until)
    _weigh(incident.project, evidence, fresh)
    return evidence


def _tools_of(incident: Incident) -> list[str]:
    """The names that calls of an incident without a filter have."""
    if incident.query:
        return []
    ids = incident.turns.exclude(call_id=None).values_list("call_id", flat=True)[:500]
    return list(ToolCall.objects.filter(pk__in=list(ids)).values_list("name", flat=True).distinct())


# ---- calls


@dataclass(slots=True)
class _Read:
    """Rows of the columns above, and the keys of the bad ones of them."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    bad: set[UUID] = field(default_factory=set)
    is_sample: bool = False

    def add(self, other: _Read) -> None:
        self.rows += other.rows
        self.bad |= other.bad
        self.is_sample = self.is_sample or other.is_sample


def _read_window(project: Project, scope: Scope, since: datetime, until: datetime) -> _Read:
    """All rows of a window, or the newest of each of its slices where it has too many."""
    whole = _read(project, scope, since, until, SIZE, BUDGET)
    if whole is not None and len(whole.rows) < SIZE:
        return whole
    step, found = (until - since) / SLICES, _Read(is_sample=True)
    for number in range(SLICES):
        first = since + step * number
        part = _read(project, scope, first, first + step, SIZE // SLICES, BUDGET / SLICES)
        found.add(part or _Read())
    return found


def _read(
    project: Project, scope: Scope, since: datetime, until: datetime, size: int, budget: float
) -> _Read | None:
    """The newest rows of a stretch, and which are bad; None where the time was up."""
    rows = read_in_order(
        project,
        within(scope.wide, since, until),
        scope.kind,
        _COLUMNS[scope.kind],
        before=None,
        size=size,
        budget=budget,
        now=until,
    )
    if not rows or not scope.wide_bad:
        return None if rows is None else _Read(rows)
    # What is bad among these is looked for from the oldest of them on, so that none is missed.
    query = within(scope.wide_bad, uuid7.time(rows[-1][0]), until)
    ids = read_in_order(
        project, query, scope.kind, _KEYS[scope.kind], before=None, size=2 * size, budget=budget,
        now=until,
    )  # fmt: skip
    if ids is None:  # words are never read in order
        found = find(project, query, scope.kind, size=2 * size, budget=budget, now=until)
        return _Read(rows, {hit.id for hit in found.hits})
    return _Read(rows, {key for (key,) in ids})


def _traits(
    row: tuple[Any, ...], offered: Mapping[UUID, Toolset], fresh: Mapping[int, ToolVersion]
) -> tuple[Trait, ...]:
    _, turn, conversation, version, *values, tags, _ = row
    found = [("conversation", str(conversation))]
    found += [(kind, value) for kind, value in zip(_FIELDS, values, strict=True) if value]
    found += [("tag", tag) for tag in dict.fromkeys(tags)]
    toolset = offered.get(turn)
    # What was offered beside the called tool matters where it is new.
    versions = {version} | {pk for pk in toolset.versions if pk in fresh} if toolset else {version}
    found += [("version", str(pk)) for pk in sorted(pk for pk in versions if pk)]
    if toolset:
        found.append(("toolset", str(toolset.pk)))
    return tuple(found)


def _read_toolsets(project: Project, rows: Sequence[tuple[Any, ...]]) -> dict[UUID, Toolset]:
    """The toolset of each turn."""
    turns = {row[1] for row in rows}
    if not turns:
        return {}
    held = Turn.objects.filter(project=project, pk__gte=min(turns), pk__lte=max(turns))
    pairs = held.filter(pk__in=turns).exclude(toolset=None).values_list("pk", "toolset_id")
    of_turn = dict(pairs.iterator())
    toolsets = Toolset.objects.defer("wire").in_bulk(set(of_turn.values()))
    return {turn: toolsets[pk] for turn, pk in of_turn.items() if pk in toolsets}


def _read_versions(
    project: Project,
    rows: Sequence[tuple[Any, ...]],
    offered: Mapping[UUID, Toolset],
    evidence: Evidence,
) -> dict[int, ToolVersion]:
    """The versions first seen within the time, by id; of all of them it notes when that was."""
    called = {row[3] for row in rows if row[3]}
    shown = {
        pk for toolset in {t.pk: t for t in offered.values()}.values() for pk in toolset.versions
    }
    held = ToolVersion.objects.filter(project=project, pk__in=called | shown)
    fresh = {}
    for version in held.select_related("tool", "project"):
        if version.first_seen_at is None:
            continue
        if version.pk in called or version.first_seen_at >= evidence.since:
            evidence.first_seen["version", str(version.pk)] = version.first_seen_at
        if version.first_seen_at >= evidence.since:
            fresh[version.pk] = version
    return fresh


# ---- what else is known


def _read_changes(project: Project, since: datetime, until: datetime) -> list[Change]:
    """What was changed in the console in that time and is on no call."""
    span = (since, until)
    routers = RouterVersion.objects.filter(project=project, created_at__range=span)
    published = Policy.objects.filter(project=project, published_at__range=span)
    retired = VersionEvent.objects.filter(project=project, kind="retired", at__range=span)
    return [
        *_changes("router", routers.values_list("pk", "created_at")),
        *_changes("policy", published.values_list("pk", "published_at")),
        *_changes("retired", retired.values_list("version_id", "at")),
    ]


def _changes(kind: str, rows: Iterable[tuple[int, datetime | None]]) -> list[Change]:
    return [Change(kind, str(pk), at) for pk, at in rows if at is not None]


def _weigh(project: Project, evidence: Evidence, fresh: Mapping[int, ToolVersion]) -> None:
    """What speaks for or against candidates beside the calls: diffs, lint, layers of findings."""
    layers: Counter[str] = Counter()
    for code, count in evidence.codes.items():
        if code in CODES:
            layers[CODES[code].layer] += count
    for pk, version in fresh.items():
        evidence.weights["version", str(pk)] = weigh_version(version, layers)
    for change in evidence.changes:
        if change.kind == "policy":
            evidence.weights[change.kind, change.key] = weigh_policies(layers)


def _look_back(
    project: Project, suspects: Sequence[Suspect], evidence: Evidence
) -> dict[Trait, datetime]:
    """When values that look new were last seen before the time that was read."""
    known: dict[Trait, datetime] = {}
    asked = [s for s in suspects[:5] if s.is_new and s.kind in _SEARCHED]
    for suspect in asked:
        term = Term(suspect.kind, (suspect.key,), literal=frozenset([suspect.key]))
        query = Query(
            (term, Term("time", (f"{evidence.since:%Y-%m-%dT%H:%M:%S}Z",), comparison="<"))
        )
        found = find(project, query, "calls", size=1, budget=0.2)
        if found.hits:
            known[suspect.trait] = uuid7.time(found.hits[0].id)
    return known


_SEARCHED: Collection[str] = ("model", "provider", "environment", "tag", "source", "user")
