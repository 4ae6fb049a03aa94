"""The Celery app: JSON only, acknowledged late, so that a killed worker loses nothing."""

from __future__ import annotations

import os

from celery import Celery

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
