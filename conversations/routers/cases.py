"""Recorded inputs on which a router is judged: what was asked, offered and needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from console.accounts.models import Project
from console.lib import json
from conversations.backtest.contexts import read_said as read_inputs
from conversations.expected import expectation_of
from conversations.labels import read_said
from conversations.models import Label, ToolCall, Turn
from tools_registry.lint import weigh
from tools_registry.models import ToolVersion
from tools_registry.routing.assessment import Case
from tools_registry.validation.expectation import CallMade, Expectation

MOST = 2_000
"""Turns that are looked at in one judgement."""


@dataclass(frozen=True, slots=True)
class Cases:
    """``looked_at`` counts the turns, ``untold`` those of which nobody said what was needed.

    ``silent`` those that no words of a user led to. ``weights`` are tokens of each tool's
    definition. ``newest`` is the first of the turns; None without any.
    """

    cases: tuple[Case, ...]
    looked_at: int
    untold: int
    silent: int
    weights: Mapping[str, int]
    newest: UUID | None


def read_cases(project: Project, last: int, *, trusting: bool, newest: UUID | None = None) -> Cases:
    """The newest ``last`` turns that offered tools and answer a user, ``newest`` the first.

    What was needed is what the record or its labels expect. ``trusting`` takes an accepted turn
    without either as right.
    """
    rows = Turn.objects.filter(project=project, toolset__isnull=False)
    rows = rows.exclude(source="replay").select_related("toolset").order_by("-id")
    if not trusting:
        labelled = Label.objects.filter(turn_id=OuterRef("pk"), superseded_at=None)
        rows = rows.filter(Exists(labelled) | ~Q(expected=""))
    if newest is not None:
        rows = rows.filter(pk__lte=newest)
    turns = list(rows[: min(last, MOST)])
    versions = _read_versions(turns)
    needed = _read_needs(turns, trusting=trusting)
    inputs = read_inputs({turn.pk for turn in turns if turn.pk in needed})
    cases = [
        Case(str(turn.pk), inputs[turn.pk], _offered(turn, versions), needed[turn.pk])
        for turn in turns
        if turn.pk in needed and turn.pk in inputs
    ]
    weights = {version.tool.name: weigh(version.spec) for version in versions.values()}
    untold, silent = len(turns) - len(needed), len(needed) - len(cases)
    first = turns[0].pk if turns else None
    return Cases(tuple(cases), len(turns), untold, silent, weights, first)


def _read_versions(turns: Sequence[Turn]) -> Mapping[int, ToolVersion]:
    ids = {pk for turn in turns if turn.toolset for pk in turn.toolset.versions if pk}
    return ToolVersion.objects.select_related("tool").in_bulk(ids)


def _offered(turn: Turn, versions: Mapping[int, ToolVersion]) -> tuple[str, ...]:
    ids = turn.toolset.versions if turn.toolset else []
    return tuple(dict.fromkeys(versions[pk].tool.name for pk in ids if pk in versions))


def _read_needs(turns: Iterable[Turn], *, trusting: bool) -> dict[UUID, tuple[str, ...]]:
    """The tools that each turn needed, as far as it is known."""
    rows = {turn.pk: turn for turn in turns}
    calls: defaultdict[UUID, list[ToolCall]] = defaultdict(list)
    for call in ToolCall.objects.filter(turn_id__in=rows).order_by("position"):
        calls[call.turn_id].append(call)
    labels: defaultdict[UUID, list[Label]] = defaultdict(list)
    for label in Label.objects.filter(turn_id__in=rows, superseded_at=None):
        labels[label.turn_id].append(label)
    told = {}
    for pk, turn in rows.items():
        expectation = _expectation_of(turn, calls[pk], labels[pk])
        if expectation is not None and expectation.calls is not None:
            told[pk] = tuple(dict.fromkeys(call.name for call in expectation.calls))
        elif expectation is None and trusting and _is_right(turn):
            told[pk] = tuple(dict.fromkeys(call.name for call in calls[pk]))
    return told


def _is_right(turn: Turn) -> bool:
    return turn.verdict == "accepted" and turn.status == "finished" and not turn.error


def _expectation_of(
    turn: Turn, calls: Sequence[ToolCall], labels: Sequence[Label]
) -> Expectation | None:
    if labels:
        made = [CallMade(call.name, call.arguments) for call in calls]
        return expectation_of(made, read_said(labels, [call.pk for call in calls]))
    if not turn.expected:
        return None
    try:
        return Expectation.from_json(json.load(turn.expected))
    except ValueError:
        return None
