"""Celery tasks of analytics: each calls one function."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from analytics import marks, rollups
from analytics.alerts import deliveries, evaluation, news
from analytics.repricing import engine

REPRICING = 20.0
_MOST_COARSE = 100
"""Hours that are computed anew each hour so that a month has its five minutes."""
"""Seconds that one task may take."""


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


@shared_task(name="analytics.tell_incidents")
def tell_incidents() -> int:
    """Tell what became of incidents to those who watch them; how many events."""
    return news.tell_waiting()


@shared_task(name="analytics.drop_deliveries")
def drop_deliveries() -> int:
    """Remove deliveries that ended long ago; how many."""
    return deliveries.drop_old(timezone.now())


@shared_task(name="analytics.catch_up")
def catch_up() -> int:
    """Compute the hours that changed anew; how many."""
    return rollups.keep_up()


@shared_task(name="analytics.compute_months")
def compute_months() -> int:
    """Compute the months anew whose days changed; how many."""
    return rollups.compute_months()


@shared_task(name="analytics.tidy")
def tidy() -> int:
    """Have hours computed whose raw rows went with a partition, or that lack steps of five minutes,
    and drop old fine steps; how many hours."""
    now = timezone.now()
    rollups.drop_fives(now)
    return marks.mark_gone() + marks.mark_coarse(now, _MOST_COARSE)


@shared_task(name="analytics.reprice")
def reprice(pk: str, chain: int) -> None:
    """Price stored turns again for a while, in as many tasks as it takes."""
    try:
        is_over = engine.run(UUID(pk), chain, seconds=REPRICING)
    except OperationalError:
        raise  # The store is away: it goes on with those whose worker is gone.
    except Exception as error:
        engine.fail(UUID(pk), error)
        raise
    if not is_over:
        reprice.delay(pk, chain)


@shared_task(name="analytics.resume_repricings")
def resume_repricings() -> int:
    """Go on with re-pricings whose worker is gone; how many."""
    stalled = engine.take_stalled()
    for pk, chain in stalled:
        reprice.delay(str(pk), chain)
    return len(stalled)
