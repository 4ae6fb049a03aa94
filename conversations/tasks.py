"""Celery tasks of conversations: each calls one function."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from conversations import interruption, partitions
from conversations.doors.proxy import storing
from conversations.ingest.store import traces


@shared_task(name="conversations.close_interrupted_runs")
def close_interrupted_runs() -> int:
    """Close runs whose web process died; how many."""
    return len(interruption.close_interrupted())


@shared_task(name="conversations.store_spooled")
def store_spooled() -> int:
    """Store what the doors could not while the store was away; how many turns."""
    return storing.store_spooled()


@shared_task(name="conversations.settle_traces")
def settle_traces() -> int:
    """Store turns whose log records did not come in time; how many."""
    return traces.settle_traces()


@shared_task(name="conversations.make_partitions")
def make_partitions() -> list[str]:
    """Make the partitions of the coming months; the names of the new ones."""
    return partitions.make_partitions(timezone.now())
