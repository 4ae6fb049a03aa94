"""Messages on their way: made with the event, tried at once, then again at growing intervals.

A delivery is claimed by counting its try: of several workers one sends. The claim moves ``next_at``
past the longest that a try may take, so that a worker that died loses nothing, and the message
may then arrive twice; receivers tell by its ``id``.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.utils import timezone

from analytics.alerts.backoff import LONGEST_TRY, TRIES, wait_before
from analytics.alerts.notifiers import Failure, load
from analytics.alerts.payload import write_time
from analytics.alerts.records import AlertChannel, AlertDelivery, AlertEvent
from console.lib import json

SEND = "analytics.send_delivery"
"""The task that sends one; named, not imported: that module imports this one."""
KEPT = timedelta(days=90)
_AT_ONCE = 200
logger = logging.getLogger(__name__)


def create(
    channel: AlertChannel, body: dict[str, Any], *, event: AlertEvent | None = None
) -> AlertDelivery:
    """A delivery that a worker sends as soon as this transaction is committed; a test is for the
    caller to send, and tried once. A channel that is not stored stands for the addresses that it
    has."""
    now = timezone.now()
    row = AlertDelivery.objects.create(
        project=channel.project,
        channel=channel if channel.pk else None,
        addresses=[] if channel.pk else channel.addresses,
        event=event,
        body=json.dump(body),
        next_at=now,
        created_at=now,
    )
    if not row.is_test:
        transaction.on_commit(lambda: _enqueue(row.pk), robust=True)
    return row


def _enqueue(pk: UUID) -> None:
    """Where the broker is away, the sweep finds it."""
    current_app.send_task(SEND, [str(pk)])


def send_due(now: datetime | None = None) -> int:
    """Send what waits: what failed before, and what no task came for; how many were tried."""
    now = now or timezone.now()
    waiting = AlertDelivery.objects.filter(status="waiting", next_at__lte=now).order_by("next_at")
    return sum(send(pk, now) for pk in waiting.values_list("pk", flat=True)[:_AT_ONCE])


def send(pk: UUID, now: datetime | None = None) -> bool:
    """Try one delivery now; False where it is not due, or another worker has it."""
    now = now or timezone.now()
    row = AlertDelivery.objects.select_related("channel").filter(pk=pk).first()
    if row is None or row.status != "waiting" or row.next_at > now:
        return False
    mine = AlertDelivery.objects.filter(pk=pk, status="waiting", tries=row.tries)
    if not mine.update(tries=row.tries + 1, next_at=now + timedelta(seconds=LONGEST_TRY)):
        return False
    row.tries += 1
    _try(row)
    return True


def _try(row: AlertDelivery) -> None:
    """One attempt: the only place that catches what a notifier raises, and writes it down."""
    began, at = monotonic(), timezone.now()
    failure, answer = None, ""
    try:
        answer = load(row.receiver.kind)(row.receiver, row.message)
    except Failure as error:
        failure = error
    except Exception as error:
        # One that cannot be sent must not keep the others.
        logger.exception("Delivery %s could not be made", row.pk)
        told = f"Misfire itself failed: {type(error).__name__}. See the worker's log."
        failure = Failure(told)
    now = timezone.now()
    row.attempts = [
        *row.attempts,
        {
            "at": write_time(at),
            "outcome": "failed" if failure else "sent",
            "detail": (str(failure) if failure else answer)[:500],
            "ms": round((monotonic() - began) * 1000),
        },
    ]
    if failure is None:
        row.status, row.finished_at = "sent", now
    elif failure.permanent or row.tries >= TRIES or row.is_test:
        row.status, row.finished_at = "failed", now
    else:
        wait = max(wait_before(row.tries, row.pk.int), failure.retry_after or 0)
        row.next_at = now + timedelta(seconds=wait)
    fields = ["attempts", "status", "finished_at", "next_at"]
    AlertDelivery.objects.filter(pk=row.pk, tries=row.tries).update(
        **{name: getattr(row, name) for name in fields}
    )


def retry(row: AlertDelivery) -> bool:
    """Send one again that had failed, from the first try on; its history stays. False where it has
    not failed."""
    failed = AlertDelivery.objects.filter(pk=row.pk, status="failed")
    if not failed.update(status="waiting", tries=0, next_at=timezone.now(), finished_at=None):
        return False
    transaction.on_commit(lambda: _enqueue(row.pk), robust=True)
    return True


def drop_old(now: datetime) -> int:
    """Remove deliveries that ended long ago; how many."""
    gone, _ = AlertDelivery.objects.filter(finished_at__lt=now - KEPT).delete()
    return gone
