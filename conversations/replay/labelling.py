"""What a person settles in a replay, as labels of the stored turn that the case was made of."""

from __future__ import annotations

from collections.abc import Sequence

from console.accounts.models import User
from console.lib import json
from conversations.expected import expectation_of
from conversations.labels import BadLabel, Draft, calls_of, labels_of, read_said, set_label
from conversations.models import ToolCall, Turn
from conversations.replay.compare import Made, pair_calls, signature
from conversations.replay.records import ReplayCase
from tools_registry.dialects import read_offer
from tools_registry.validation.expectation import CallMade

NOTE = "Settled in a replay"


def label_turn(row: ReplayCase, calls: Sequence[Made], saying: str, user: User) -> None:
    """Label the case's turn so that it expects the calls that are right. Calls that turned out
    wrong are expected no longer: labels that ask for them are taken back.

    Nothing where the turn is gone, or did not offer the tools; nor where more than one call is
    missing from it, which its labels cannot say.
    """
    turns = Turn.objects.filter(project=row.replay.project_id).select_related("toolset")
    turn = turns.filter(pk=row.turn_id).first() if row.turn_id else None
    if turn is None or not _offers(turn, calls):
        return
    recorded = calls_of(turn)
    is_said = _is_expected(turn, recorded, calls)
    if is_said == (saying == "right"):
        return
    if saying == "wrong":
        set_label(turn, Draft("withdrawn"), user)
        return
    drafts = drafts_of([Made(one.name, one.arguments) for one in recorded], calls)
    if drafts is None:
        return
    if labels_of(turn):
        set_label(turn, Draft("withdrawn"), user)
    if not [draft for draft in drafts if _is_set(turn, draft, user)]:
        set_label(turn, Draft("right", note=NOTE), user)


def _is_set(turn: Turn, draft: Draft, user: User) -> bool:
    try:
        set_label(turn, draft, user)
    except BadLabel:  # the arguments mean the same, written otherwise
        return False
    return True


def _offers(turn: Turn, calls: Sequence[Made]) -> bool:
    offered = read_offer(turn.toolset.tools).keys() if turn.toolset else set()
    return all(one.name in offered for one in calls)


def _is_expected(turn: Turn, recorded: Sequence[ToolCall], calls: Sequence[Made]) -> bool:
    """Whether the turn's labels ask for these very calls."""
    said = read_said(labels_of(turn), [one.pk for one in recorded])
    found = expectation_of([CallMade(one.name, one.arguments) for one in recorded], said)
    if found is None or found.calls is None:
        return False
    made = [Made(one.name, json.dump(one.arguments)) for one in found.calls]
    return signature(made) == signature(calls)


def drafts_of(recorded: Sequence[Made], right: Sequence[Made]) -> list[Draft] | None:
    """The labels that make the ``right`` calls of the ``recorded`` ones, none where they are the
    same; None where labels cannot say it. Pure."""
    drafts = []
    for pair in pair_calls(recorded, right):
        wanted = right[pair.after] if pair.after is not None else None
        if pair.before is None:
            drafts.append(_draft("missing", None, wanted))
        elif wanted is None:
            drafts.append(_draft("needless", pair.before))
        elif pair.is_renamed:
            drafts.append(_draft("wrong_tool", pair.before, wanted))
        elif pair.changes:
            drafts.append(_draft("wrong_arguments", pair.before, wanted))
    if sum(one.kind == "missing" for one in drafts) > 1:
        return None
    return drafts


def _draft(kind: str, position: int | None, wanted: Made | None = None) -> Draft:
    if wanted is None:
        return Draft(kind, position, note=NOTE)
    return Draft(kind, position, wanted.name, wanted.arguments, NOTE)
