"""The wiring app: pages, checks and commands."""

from __future__ import annotations

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "console"

    def ready(self) -> None:
        from console import celery, checks, telemetry  # noqa: F401

        telemetry.start()
