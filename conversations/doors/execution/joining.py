"""What executing brought, into the calls of recorded turns: by conversation and call id.

The turn may be recorded before its calls are executed or after, so it is looked for again.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from celery import current_app
from django.utils import timezone
from kombu.exceptions import OperationalError

from console.lib import uuid7
from conversations.doors.execution.running import Work
from conversations.executions import store_execution
from conversations.models import ToolCall
from tools_registry.execution.runner import Executed

WAITS_S = (2, 20, 300)
"""Seconds after which recorded turns are looked at again."""
BACK = timedelta(days=2)
"""How old a recorded call may be."""
TASK = "conversations.join_outcomes"
logger = logging.getLogger(__name__)
Told = dict[str, dict[str, Any]]


def join_later(work: Work, executed: Executed) -> None:
    """Keep the outcomes of calls that ran, where the application named conversation and ids."""
    told = {
        key: outcome.to_json()
        for key, outcome in executed.outcomes.items()
        if outcome.span is not None
    }
    conversation = work.order.context.conversation
    if conversation and told:
        _send(work.project.pk, conversation, told, 1)


def _send(project: int, conversation: str, told: Told, tried: int) -> None:
    given = [project, conversation, told, tried]
    try:
        current_app.send_task(TASK, given, countdown=WAITS_S[tried - 1])
    except OperationalError:
        logger.warning("executed calls are not joined to their turn: the queue does not answer")


def join_outcomes(project: int, conversation: str, told: Told, tried: int = 1) -> int:
    """Put outcomes into their calls' rows; how many found theirs."""
    left = dict(told)
    rows = ToolCall.objects.filter(
        pk__gte=uuid7.floor(timezone.now() - BACK),
        project=project,
        conversation__key=conversation,
        call_id__in=list(left),
        execution="",
    )
    for row in rows.order_by("-id"):
        outcome = left.pop(row.call_id, None)
        if outcome is not None and outcome["name"] == row.name:
            store_execution(row.turn_id, row.position, outcome, [])
    if left and tried < len(WAITS_S):
        _send(project, conversation, left, tried + 1)
    return len(told) - len(left)
