"""The Celery app: JSON only, acknowledged late, so that a killed worker loses nothing."""

from __future__ import annotations

import contextlib
import logging
import os
from typing import Any

import redis
from celery import Celery, signals

from console import heartbeat
from console.lib import garbage

logger = logging.getLogger(__name__)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

app = Celery("misfire")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    accept_content=["json"],
    task_serializer="json",
    event_serializer="json",
    timezone="UTC",
)
app.autodiscover_tasks()


def _report(sender: Any, **_: Any) -> None:
    """Reports are a sign of life only: a Valkey that is away must not end the worker."""
    try:
        heartbeat.report(_name(sender))
    except redis.RedisError as error:
        logger.warning("The heartbeat could not be written: %s", error)


def _withdraw(sender: Any, **_: Any) -> None:
    with contextlib.suppress(redis.RedisError):
        heartbeat.withdraw(_name(sender))


def _name(sender: Any) -> str:
    """Consumers, heartbeats and workers all carry the host name somewhere near."""
    dispatcher = getattr(sender, "eventer", None)
    return str(getattr(sender, "hostname", None) or getattr(dispatcher, "hostname", "worker"))


def _settle(**_: Any) -> None:
    garbage.settle()


signals.worker_process_init.connect(_settle)
signals.worker_ready.connect(_report)
signals.heartbeat_sent.connect(_report)
signals.worker_shutdown.connect(_withdraw)
