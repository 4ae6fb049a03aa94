"""Celery tasks of analytics: each calls one function."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from analytics import marks, rollups
from analytics.alerts import deliveries, evaluation


@shared_task(name="analytics.evaluate_alerts")
def evaluate_alerts() -> int:
    """Look at the alert rules that are due; how many."""
    return evaluation.evaluate_due()


@shared_task(name=deliveries.SEND)
def send_delivery(pk: str) -> bool:
    """Send one delivery, if no other worker has it."""
    return deliveries.send(UUID(pk))


@shared_task(name="analytics.send_deliveries")
def send_deliveries() -> int:
    """Send what waits for its next try; how many."""
    return deliveries.send_due()


@shared_task(name="analytics.drop_deliveries")
def drop_deliveries() -> int:
    """Remove deliveries that ended long ago; how many."""
    return deliveries.drop_old(timezone.now())


@shared_task(name="analytics.catch_up")
def catch_up() -> int:
    """Compute the hours that changed anew; how many."""
    return rollups.catch_up()


@shared_task(name="analytics.tidy")
def tidy() -> int:
    """Have hours computed whose raw rows went with a partition, and drop old fine steps."""
    marked = marks.mark_gone()
    rollups.drop_fives(timezone.now())
    return marked
