"""One application user's data: how much there is, all of it as NDJSON, and its deletion.

Everything is found by the application's user id. A conversation belongs to one user and goes
as a whole. Where turns of several users stand in one, only those of this user go, and turns that
stay lose what they had from them, with a note. ``docs/retention.md`` says it for people.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from console.accounts.models import Project, User
from console.lib import json
from conversations.custody import Erasure
from conversations.ingest.notes import Note
from conversations.models import Conversation, Quarantined, ToolCall, TraceFragment, Turn, TurnWire
from conversations.recording import rebuild_request
from conversations.redaction import compile_rules
from conversations.removal import (
    delete_conversations,
    delete_turns,
    lock_conversations,
)
from conversations.replay import forgetting
from conversations.rulebook import salt_of
from conversations.search.index import turns_having
from conversations.suites.keeping import forget_user

BATCH = 20
"""Conversations after which progress and a wish to cancel are looked at."""
_ANSWERS = ("assistant", "tool", "function")


class AlreadyRunning(Exception):
    """The same user's data is being deleted already."""


@dataclass(frozen=True)
class Amount:
    """How much there is of one user."""

    conversations: int
    turns: int
    calls: int
    shared: int
    """Of the conversations, those in which other users have turns, too."""
    first: Any = None
    last: Any = None

    def __bool__(self) -> bool:
        return bool(self.conversations or self.turns)


def names_of(project: Project, user: str) -> list[str]:
    """The user id, and the pseudonym that redaction stores in its place."""
    return [user, compile_rules([], salt=salt_of(project)).pseudonym(user)]


def hash_of(project: Project, user: str) -> str:
    """What a record of deletion says of the user: a keyed hash of the id."""
    data = b"erasure\x1f" + user.encode("utf-8", "surrogatepass")
    return hmac.new(salt_of(project), data, hashlib.sha256).hexdigest()


def _turns(project: Project, user: str) -> QuerySet[Turn]:
    names = names_of(project, user)
    rows = Turn.objects.filter(project=project, user__in=names).exclude(source="playground")
    return rows.filter(turns_having(project.pk, "user", names))


def _conversations(project: Project, user: str) -> QuerySet[Conversation]:
    """Those of the user, and those in which the user has turns."""
    rows = Conversation.objects.filter(project=project).exclude(source="playground")
    named = rows.filter(user__in=names_of(project, user)).values("pk")
    # A union, so that each side has its index.
    return rows.filter(pk__in=named.union(_turns(project, user).values("conversation")))


def measure(project: Project, user: str) -> Amount:
    """How much there is of a user. "" is nobody."""
    if not user:
        return Amount(0, 0, 0, 0)
    held, names = _conversations(project, user), names_of(project, user)
    every = Turn.objects.filter(project=project, conversation=OuterRef("pk"))
    of_others = Exists(every.exclude(user__in=[*names, ""]))
    of_nobody = Exists(every.filter(user=""))
    mine = Turn.objects.filter(project=project, conversation__in=held.values("pk")).filter(
        _belongs(project, user)
    )
    calls = ToolCall.objects.filter(project=project, turn_id__in=mine.values("pk"))
    return Amount(
        conversations=held.count(),
        turns=mine.count(),
        calls=calls.count(),
        shared=held.filter(of_others | (Q(of_nobody) & ~Q(user__in=names))).count(),
        first=held.order_by("started_at").values_list("started_at", flat=True).first(),
        last=held.order_by("-last_at").values_list("last_at", flat=True).first(),
    )


def _belongs(project: Project, user: str) -> Q:
    """Turns of the user, and those without a user in a conversation of the user."""
    names = names_of(project, user)
    return Q(user__in=names) | Q(user="", conversation__user__in=names)


# ---- export


def export(project: Project, user: str) -> Iterator[str]:
    """Every turn of the user as a canonical record, one JSON object a line, by conversation."""
    for pk in _conversations(project, user).order_by("pk").values_list("pk", flat=True):
        rows = Turn.objects.filter(project=project, conversation=pk)
        mine = rows.filter(_belongs(project, user)).select_related("conversation", "toolset")
        for turn in mine.order_by("pk").iterator(chunk_size=50):
            yield json.dump(record_of(turn)) + "\n"


def record_of(turn: Turn) -> dict[str, Any]:
    """A stored turn as the canonical record that ingest reads."""
    request = rebuild_request(turn)
    request.pop("model", None)
    shape = {name: request.pop(name) for name in ("messages", "tools") if name in request}
    choice = {"tool_choice": request.pop("tool_choice")} if "tool_choice" in request else {}
    response = json.load(turn.response) if turn.response else None
    usage = json.load(turn.usage) if turn.usage not in ("", "{}") else None
    whole = {
        "id": turn.key,
        "conversation": turn.conversation.key,
        "at": turn.at.isoformat().replace("+00:00", "Z"),
        "provider": turn.provider,
        "protocol": turn.protocol,
        "model": turn.model,
        "request": {**shape, **choice, "parameters": request},
        "response": response
        and {"message": response, "finish_reason": turn.finish_reason or None, "usage": usage},
        "error": json.load(turn.error) if turn.error else None,
        "latency_ms": turn.latency_ms,
        "first_token_ms": turn.first_token_ms,
        "user": turn.user,
        "tags": turn.tags,
        "environment": turn.environment,
        "tool_results": [_result(call) for call in _answered(turn)],
        "expected": json.load(turn.expected) if turn.expected else None,
    }
    return {name: value for name, value in whole.items() if value not in (None, "", [])}


def _answered(turn: Turn) -> QuerySet[ToolCall]:
    rows = ToolCall.objects.filter(turn_id=turn.pk, project=turn.project_id)
    return rows.exclude(result=None).order_by("position")


def _result(call: ToolCall) -> dict[str, Any]:
    whole = {
        "call_id": call.call_id or None,
        "name": call.name,
        "position": call.position,
        "status": call.status or "ok",
        "content": call.result,
        "latency_ms": call.latency_ms,
        "cached": call.cached or None,
        "cost": None if call.cost is None else float(call.cost),
    }
    return {name: value for name, value in whole.items() if value is not None}


# ---- deletion


def begin(project: Project, user: str, requested_by: User) -> Erasure:
    """Note that a user's data is to be deleted. Raises ``AlreadyRunning``."""
    try:
        with transaction.atomic():
            return Erasure.objects.create(
                project=project,
                requested_by=requested_by,
                user_hash=hash_of(project, user),
                subject=user,
                total=_conversations(project, user).count(),
            )
    except IntegrityError as error:
        raise AlreadyRunning from error


def erase(erasure: int, *, seconds: float = math.inf) -> Erasure:
    """Delete batch by batch until all is gone, somebody cancels, or the time is over.

    Asked again it goes on, also after a kill.
    """
    row = Erasure.objects.select_related("project").get(pk=erasure)
    end = time.monotonic() + seconds
    while row.is_open and time.monotonic() < end:
        if row.cancel_asked:
            return _close(row, "cancelled")
        user = row.subject
        batch = list(_conversations(row.project, user).order_by("pk")[:BATCH])
        if not batch:
            _erase_others(row)
            return _close(row, "finished")
        for held in batch:
            _erase_conversation(row, held)
        row.refresh_from_db()
    return row


def _close(row: Erasure, status: str, error: str = "") -> Erasure:
    """End the work; the user id itself is forgotten."""
    Erasure.objects.filter(pk=row.pk).update(
        status=status, subject="", finished_at=timezone.now(), error=error[:300]
    )
    row.refresh_from_db()
    return row


def fail(erasure: int, error: Exception) -> None:
    """Close an erasure that cannot go on; what was deleted stays counted."""
    row = Erasure.objects.get(pk=erasure)
    if row.is_open:
        _close(row, "failed", f"{type(error).__name__}: deletion stopped. Start it again.")


def _erase_conversation(row: Erasure, held: Conversation) -> None:
    """Delete the user's turns of one conversation; the whole of it where nobody else has any."""
    project, user = row.project, row.subject
    mine = Turn.objects.filter(project=project, conversation=held).filter(_belongs(project, user))
    with transaction.atomic():
        lock_conversations([held.pk])
        turns = list(mine.values_list("pk", flat=True))
        rest = Turn.objects.filter(project=project, conversation=held).exclude(pk__in=turns)
        for child in rest.filter(parent_id__in=turns):
            _cut_off(child)
        calls = ToolCall.objects.filter(project=project, turn_id__in=turns)
        wires = TurnWire.objects.filter(turn_id__in=turns).count()
        counts = {"calls": int(calls._raw_delete("default") or 0), "wires": wires}
        counts["turns"] = delete_turns(turns)
        if Turn.objects.filter(project=project, conversation=held).exists():
            # Lists that were cut are no beginning of what may still come.
            Turn.objects.filter(project=project, conversation=held).update(prefix_hash="")
            left = "" if held.user in names_of(project, user) else held.user
            Conversation.objects.filter(pk=held.pk).update(user=left, title="")
        else:
            _forget_runs(held)
            delete_conversations([held.pk])
        counts["conversations"] = 1
        _count(row, counts)


def _cut_off(child: Turn) -> None:
    """Leave a turn of somebody else only the messages that are its own, and say so on it."""
    own = list(dropwhile(lambda message: message.get("role") in _ANSWERS, child.new_messages))
    note = Note("message_gap", "Earlier messages were deleted with the data of another user.")
    Turn.objects.filter(pk=child.pk).update(
        parent_id=None,
        messages=json.dump(own),
        inherited_count=0,
        message_count=len(own),
        notes=json.dump([*json.load(child.notes), note.to_json()]),
    )


def _forget_runs(held: Conversation) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM conversations_run WHERE conversation_id = %s", [held.pk])


def _count(row: Erasure, counts: dict[str, int]) -> None:
    Erasure.objects.filter(pk=row.pk).update(
        **{name: F(name) + count for name, count in counts.items()}
    )


def _erase_others(row: Erasure) -> None:
    """What is elsewhere and names the user: quarantine, pieces of traces, cases."""
    with transaction.atomic():
        total = 0
        for name in names_of(row.project, row.subject):
            needle = json.dump(name).encode()
            quarantined = Quarantined.objects.filter(project=row.project).extra(
                where=["position(%s::bytea in body) > 0"], params=[needle]
            )
            fragments = TraceFragment.objects.filter(
                project=row.project, body__contains=needle.decode()
            )
            total += quarantined.delete()[0] + fragments.delete()[0]
        names = names_of(row.project, row.subject)
        total += forget_user(row.project, names) + forgetting.forget_user(row.project, names)
        _count(row, {"others": total})
