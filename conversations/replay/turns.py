"""Cases made of stored turns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import cast
from uuid import UUID

from console.accounts.models import Project
from console.lib import json
from conversations.expected import expectation_of
from conversations.ingest.store.results import last_user_of
from conversations.labels import read_said
from conversations.models import Label, ToolCall, Turn
from conversations.providers.base import text_of
from conversations.recording import rebuild_messages
from conversations.replay.cases import Case, MadeCall, Message, Origin, Recorded
from tools_registry.validation.expectation import CallMade, Expectation
from tools_registry.validation.findings import VerdictValue

_TITLE = 160


def cases_of_turns(
    project: Project, turn_ids: Sequence[UUID], *, mode: str = "next_call"
) -> list[Case]:
    """The cases of these turns in their order; those that are gone are left out.

    In conversation mode each conversation is one case, from the first of its turns here on, and
    what followed is read too: user's words and tools' answers are taken from it.
    """
    wanted = list(dict.fromkeys(turn_ids))
    found = Turn.objects.filter(project=project).select_related("toolset", "conversation")
    turns = found.in_bulk(wanted)
    ordered = [turns[pk] for pk in wanted if pk in turns]
    if mode == "conversation":
        ordered = _first_of_each(ordered)
    calls, labels = _calls_of(ordered), _labels_of(ordered)
    rest = _rest_of(ordered) if mode == "conversation" else {}
    return [
        _read(turn, calls.get(turn.pk, []), labels.get(turn.pk, []), rest.get(turn.pk, []))
        for turn in ordered
    ]


def with_rest(project: Project, cases: Sequence[Case]) -> list[Case]:
    """The cases of conversation mode: those of turns with what followed, a conversation once."""
    bare = [case for case in cases if case.origin.kind == "turn" and not _has_rest(case)]
    if not bare:
        return list(cases)
    keys, turns = {case.key for case in bare}, [UUID(case.origin.key) for case in bare]
    found = {one.key: one for one in cases_of_turns(project, turns, mode="conversation")}
    chosen = [found.get(case.key) if case.key in keys else case for case in cases]
    return [case for case in chosen if case is not None]


def _has_rest(case: Case) -> bool:
    return case.recorded is not None and bool(case.recorded.rest)


def _first_of_each(turns: Sequence[Turn]) -> list[Turn]:
    """The earliest turn of each conversation, where its first one stood."""
    first: dict[UUID, Turn] = {}
    for turn in turns:
        held = first.get(turn.conversation_id)
        if held is None or turn.number < held.number:
            first[turn.conversation_id] = turn
    return list(first.values())


def _calls_of(turns: Iterable[Turn]) -> dict[UUID, list[ToolCall]]:
    rows: defaultdict[UUID, list[ToolCall]] = defaultdict(list)
    ids = [turn.pk for turn in turns]
    for call in ToolCall.objects.filter(turn_id__in=ids).order_by("turn_id", "position"):
        rows[call.turn_id].append(call)
    return rows


def _labels_of(turns: Iterable[Turn]) -> dict[UUID, list[Label]]:
    rows: defaultdict[UUID, list[Label]] = defaultdict(list)
    ids = [turn.pk for turn in turns]
    for label in Label.objects.filter(turn_id__in=ids, superseded_at=None).order_by("-id"):
        rows[label.turn_id].append(label)
    return rows


def _read(
    turn: Turn, calls: Sequence[ToolCall], labels: Sequence[Label], rest: Sequence[Message]
) -> Case:
    messages = rebuild_messages(turn)
    return Case(
        key=str(turn.pk),
        title=" ".join(last_user_of(messages).split())[:_TITLE] or turn.conversation.title[:_TITLE],
        messages=messages,
        tools=turn.toolset.tools if turn.toolset else (),
        parameters=json.load(turn.parameters),
        expectation=_expectation_of(turn, calls, labels),
        recorded=_recorded(turn, calls, rest),
        origin=Origin("turn", str(turn.pk), f"turn {turn.number}", turn.user, turn.environment),
    )


def _expectation_of(
    turn: Turn, calls: Sequence[ToolCall], labels: Sequence[Label]
) -> Expectation | None:
    """What should have been called by the turn's labels, else by its record."""
    made = [CallMade(call.name, call.arguments) for call in calls]
    said = read_said(labels, [call.pk for call in calls])
    if said:
        return expectation_of(made, said)
    expected = json.load(turn.expected) if turn.expected else None
    if not isinstance(expected, Mapping) or expected.get("scope") == "conversation":
        return None
    try:
        return Expectation.from_json(expected)
    except ValueError:  # the turn says so in its notes
        return None


def _recorded(turn: Turn, calls: Sequence[ToolCall], rest: Sequence[Message]) -> Recorded:
    response = json.load(turn.response) if turn.response else {}
    return Recorded(
        calls=tuple(
            MadeCall(
                call.name,
                call.arguments,
                call.call_id,
                cast(VerdictValue, call.verdict),
                tuple(json.load(call.findings)),
            )
            for call in calls
        ),
        text=text_of(response.get("content")),
        model=turn.model,
        connection=turn.connection_id,
        verdict=cast(VerdictValue, turn.verdict),
        findings=tuple(json.load(turn.findings)),
        input_tokens=turn.input_tokens,
        output_tokens=turn.output_tokens,
        latency_ms=turn.latency_ms,
        cost=None if turn.cost is None else str(turn.cost),
        rest=tuple(rest),
    )


def _rest_of(turns: Sequence[Turn]) -> dict[UUID, list[Message]]:
    """What followed each turn in its conversation, its own answer first."""
    ids = {turn.conversation_id for turn in turns}
    children: defaultdict[UUID, list[Turn]] = defaultdict(list)
    rows = Turn.objects.filter(conversation__in=ids).exclude(parent_id=None).order_by("number")
    for row in rows.only("id", "parent_id", "messages", "response"):
        assert row.parent_id is not None
        children[row.parent_id].append(row)
    return {turn.pk: _follow(turn, children) for turn in turns}


def _follow(turn: Turn, children: Mapping[UUID, Sequence[Turn]]) -> list[Message]:
    rest: list[Message] = []
    while children.get(turn.pk):
        turn = children[turn.pk][0]
        rest += turn.new_messages
    if turn.response:
        rest.append(json.load(turn.response))
    return rest
