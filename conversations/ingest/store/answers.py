"""Results that come after their calls were stored: put into the calls, which are judged again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from console.accounts.models import Project
from conversations.ingest.record import ToolResult
from conversations.ingest.store import heads
from conversations.ingest.store.batch import read_stored, write_changes
from conversations.ingest.store.conduct import judge_threads
from conversations.ingest.store.lineage import Family
from conversations.ingest.store.threads import Thread


class Answer(NamedTuple):
    """A result for a stored call; ``fragment`` is the row that it came from, 0 for none.

    Without a result, what an earlier answer gave the call is taken back.
    """

    fragment: int
    call: UUID
    result: ToolResult | None
    at: datetime = datetime.min


def apply_answers(project: Project, answers: Sequence[Answer]) -> None:
    """Write results into their calls, within the caller's transaction."""
    if not answers:
        return
    by_call = {one.call: one for one in answers}
    locked = heads.lock_of_calls(project.pk, sorted(by_call))
    threads = [Thread(head, []) for head in locked]
    read_stored(threads)
    for thread in threads:
        thread.family = Family(thread.links)
        for call in thread.held:
            answer = by_call.get(call.id)
            if answer is not None and answer.result is not None:
                call.report(answer.result, answer.at)
            elif answer is not None:
                call.clear()
    judge_threads(threads)
    write_changes(threads)
