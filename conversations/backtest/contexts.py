"""What the rules of a policy may know of stored calls beside their arguments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from conversations.backtest.comparison import Subject
from conversations.backtest.reading import Stored
from conversations.call_context import last_user_of
from conversations.models import ToolCall, Turn
from tools_registry.policies.context import MOST_CALLS, CallContext

_FURTHEST = 200
"""Turns that are gone back through for the user's last message."""


def read_contexts(calls: Sequence[Stored], subject: Subject) -> dict[UUID, CallContext]:
    """The context of each call; what no rule names is not looked for."""
    policy = subject.policy
    asks = policy.asks if policy else (lambda _: False)
    before = _read_earlier(calls) if asks("conversation.c") else {}
    said = read_said({call.turn for call in calls}) if asks("last_user") else {}
    return {
        call.id: CallContext(
            calls=before.get(call.id, ((), 0))[0],
            count=before.get(call.id, ((), 0))[1],
            last_user=said.get(call.turn, ""),
            user=call.user,
            environment=call.environment,
        )
        for call in calls
    }


def _read_earlier(calls: Sequence[Stored]) -> dict[UUID, tuple[Sequence[str], int]]:
    """The names of the conversation's calls before each call, and how many there are."""
    wanted = {call.id for call in calls}
    rows = (
        ToolCall.objects.filter(conversation__in={call.conversation for call in calls})
        .order_by("conversation_id", "turn_id", "position")
        .values_list("conversation_id", "id", "name")
    )
    names: defaultdict[UUID, list[str]] = defaultdict(list)
    found: dict[UUID, tuple[Sequence[str], int]] = {}
    for conversation, call, name in rows.iterator(chunk_size=5_000):
        so_far = names[conversation]
        if call in wanted:
            found[call] = tuple(so_far[-MOST_CALLS:]), len(so_far)
        so_far.append(name)
    return found


def read_said(turns: Collection[UUID]) -> dict[UUID, str]:
    """The user's last message before each turn: its own, or that of the turns before it."""
    at: Mapping[UUID, UUID] = {turn: turn for turn in turns}
    said: dict[UUID, str] = {}
    for _ in range(_FURTHEST):
        if not at:
            break
        rows = Turn.objects.filter(pk__in=set(at.values())).only("messages", "parent_id")
        known = {row.pk: row for row in rows}
        further = {}
        for turn, place in at.items():
            row = known.get(place)
            if row is None:
                continue
            if text := last_user_of(row.new_messages):
                said[turn] = text
            elif row.parent_id:
                further[turn] = row.parent_id
        at = further
    return said
