"""A few calls of an incident to read: one of each set of findings first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse

from conversations.incidents.records import Incident
from conversations.layout import Token, tokenise
from conversations.models import ToolCall, Turn
from conversations.search.rows import said_last

SIZE = 5
_LOOKED_AT = 300
"""The newest calls of the incident, among which distinct sets of findings are looked for."""
_SHOWN = 200
_ROUNDS = 20
"""Rounds of tools before this turn in which the user's words are looked for."""


@dataclass(frozen=True, slots=True)
class Sample:
    """``call`` is None for a turn as a whole. ``tokens`` are the arguments, those that a finding
    speaks of marked; ``count`` is how many of those looked at have the same findings."""

    turn: Turn
    call: ToolCall | None
    said: str
    codes: Sequence[str]
    tokens: Sequence[Token]
    count: int
    url: str


def read_samples(incident: Incident) -> list[Sample]:
    rows = incident.turns.order_by("-at")[:_LOOKED_AT]
    held = [(row.turn_id, row.call_id) for row in rows]
    calls = _read_calls([call for _, call in held if call])
    turns = {
        turn.pk: turn
        for turn in Turn.objects.filter(pk__in={turn for turn, _ in held}).defer("usage", "price")
    }
    kinds: dict[tuple[str, ...], list[tuple[Turn, ToolCall | None]]] = {}
    for turn_id, call_id in held:
        call = calls.get(call_id) if call_id else None
        turn = turns.get(turn_id)
        if turn is None or (call_id and call is None):
            continue
        kinds.setdefault(tuple((call or turn).codes), []).append((turn, call))
    return [_describe(incident, turn, call, count) for turn, call, count in _choose(kinds)]


def _read_calls(ids: Sequence[UUID]) -> dict[UUID, ToolCall]:
    rows = ToolCall.objects.filter(pk__in=ids).select_related("tool_version")
    return {call.pk: call for call in rows.defer("result", "layers", "former")}


def _choose(
    kinds: dict[tuple[str, ...], list[tuple[Turn, ToolCall | None]]],
) -> list[tuple[Turn, ToolCall | None, int]]:
    """The newest of each kind, the most frequent kind first; then more of the most frequent."""
    ranked = sorted(kinds.values(), key=len, reverse=True)
    found = [(*group[0], len(group)) for group in ranked]
    found += [(*pair, len(group)) for group in ranked for pair in group[1:SIZE]]
    return found[:SIZE]


def _describe(incident: Incident, turn: Turn, call: ToolCall | None, count: int) -> Sample:
    page = reverse("conversations:turn-find", args=[incident.project.slug, turn.pk])
    return Sample(
        turn=turn,
        call=call,
        said=said_last(turn) or _inherited(turn),
        codes=(call or turn).codes,
        tokens=_mark(call) if call else (),
        count=count,
        url=f"{page}#call-{call.position}" if call else page,
    )


def _inherited(turn: Turn) -> str:
    """What the user said before the results of tools that are all that is new in this turn."""
    earlier: Turn | None = turn
    for _ in range(_ROUNDS):
        parent = earlier.parent_id if earlier else None
        earlier = Turn.objects.filter(pk=parent).first() if parent else None
        if earlier and (said := said_last(earlier)):
            return said
    return ""


def _mark(call: ToolCall) -> list[Token]:
    tokens = tokenise(call.arguments[:_SHOWN])
    places = {finding.pointer for finding in call.found if finding.pointer}
    for token in tokens:
        token.marked = token.pointer in places and token.kind == "k"
    return tokens
