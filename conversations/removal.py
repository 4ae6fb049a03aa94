"""Removing stored turns with what hangs on them, and keeping whole what stays."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection, transaction

from console.lib import json
from conversations.models import Conversation, Turn
from conversations.recording import rebuild_messages
from conversations.storage import key_of


def detach(project: int, first: UUID, after: UUID) -> int:
    """Make turns that stay whole by themselves whose parents lie in [first, after); how many."""
    rows = Turn.objects.filter(
        project=project, pk__gte=after, parent_id__gte=first, parent_id__lt=after
    )
    found = list(rows.order_by("conversation_id", "pk").values_list("pk", "conversation_id"))
    for turn, conversation in found:
        with transaction.atomic():
            Conversation.objects.select_for_update().get(pk=conversation)
            detach_turn(Turn.objects.get(pk=turn))
    return len(found)


def detach_turn(turn: Turn) -> None:
    """Give a turn all of its messages; the conversation's lock is held."""
    messages = rebuild_messages(turn)
    Turn.objects.filter(pk=turn.pk).update(
        messages=json.dump(messages), inherited_count=0, parent_id=None
    )


def lock_conversations(ids: Sequence[UUID]) -> None:
    """Take the locks that whoever stores turns takes, in the same order."""
    rows = Conversation.objects.filter(pk__in=set(ids)).order_by("pk")
    list(rows.select_for_update().values_list("pk"))


def delete_turns(turns: Sequence[UUID]) -> int:
    """Delete turns, their keys, labels and bytes; how many turns. Their calls stay."""
    delete_beside(turns)
    return int(Turn.objects.filter(pk__in=list(turns))._raw_delete("default") or 0)


def delete_beside(turns: Sequence[UUID]) -> int:
    """Delete the keys, labels and bytes of turns; how many of bytes."""
    claimed = Turn.objects.filter(pk__in=list(turns)).values_list("project_id", "key")
    keys = [key_of(project, key) for project, key in claimed]
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM conversations_turnkey WHERE id = ANY(%s) AND turn_id = ANY(%s)",
            [keys, list(turns)],
        )
        for table in ("conversations_label", "conversations_turnwire"):
            cursor.execute(f"DELETE FROM {table} WHERE turn_id = ANY(%s)", [list(turns)])
        return int(cursor.rowcount)


def delete_conversations(ids: Sequence[UUID]) -> int:
    """Delete conversations that have no turns; their runs stay without one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE conversations_run SET conversation_id = NULL WHERE conversation_id = ANY(%s)",
            [list(ids)],
        )
        for table in ("conversations_label", "conversations_toolcall"):
            cursor.execute(f"DELETE FROM {table} WHERE conversation_id = ANY(%s)", [list(ids)])
        cursor.execute("DELETE FROM conversations_conversation WHERE id = ANY(%s)", [list(ids)])
        return int(cursor.rowcount)
