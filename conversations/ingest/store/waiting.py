"""Calls that nobody answered in time: judged again when the time is over, as no turn may come."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from console.lib import uuid7
from conversations.ingest.store import heads
from conversations.ingest.store.batch import read_stored, write_changes
from conversations.ingest.store.conduct import judge_threads
from conversations.ingest.store.lineage import Family
from conversations.ingest.store.threads import Thread
from conversations.models import UNTOLD, ToolCall
from tools_registry.validation.conduct import PATIENCE

BACK = timedelta(days=7)
"""How far back waiting calls are looked for."""
MOST = 2000
AT_ONCE = 50
"""Conversations of one transaction."""


def judge_waiting(now: datetime) -> int:
    """Tell of calls without an answer for ``PATIENCE`` that they have none; how many were."""
    first, last = uuid7.floor(now - BACK), uuid7.floor(now - PATIENCE)
    rows = ToolCall.objects.filter(UNTOLD, pk__gte=first, pk__lt=last).order_by("-pk")
    talks: dict[int, dict[UUID, None]] = {}
    for project, conversation in rows.values_list("project_id", "conversation_id")[:MOST]:
        talks.setdefault(project, {})[conversation] = None
    return sum(
        _judge(project, some, now)
        for project, found in sorted(talks.items())
        for some in _batches(list(found))
    )


def _batches(items: list[UUID]) -> Iterable[list[UUID]]:
    return (items[at : at + AT_ONCE] for at in range(0, len(items), AT_ONCE))


def _judge(project: int, conversations: list[UUID], now: datetime) -> int:
    with transaction.atomic():
        threads = [Thread(head, []) for head in heads.lock_of(project, conversations)]
        read_stored(threads)
        for thread in threads:
            thread.family = Family(thread.links)
        told = sum("unanswered_call" in call.codes for one in threads for call in one.held)
        judge_threads(threads, now)
        write_changes(threads)
        return sum("unanswered_call" in call.codes for one in threads for call in one.held) - told
