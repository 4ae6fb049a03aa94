"""``manage.py drill``: an incident played against the running console.

Exit status: 0 all that was to be seen was seen, 1 something was not, 2 cannot run.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from console.accounts.projects import delete_project
from console.drill.checks import Report, Step
from console.drill.client import Client, Unreachable
from console.drill.story import DECOYS, Traffic

PASSED, FAILED, CANNOT_RUN = 0, 1, 2
WINDOWS = (60, 300)
"""Seconds of the rule's window: in a drill that is shortened, and in one at full length."""


def _minute(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 5 <= seconds <= 60:
        raise ArgumentTypeError("use 5 to 60 seconds")
    return seconds


class Command(BaseCommand):
    help = (
        "Plays an incident against the running console, as an application would: a misspelled "
        "definition, its failures and its fix. See docs/drill.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="", help="the console; the one that runs here if none")
        parser.add_argument("--seed", type=int, default=1, help="of the traffic")
        parser.add_argument("--decoy", choices=list(DECOYS), default="none")
        parser.add_argument(
            "--minute",
            type=_minute,
            default=10.0,
            metavar="S",
            help="seconds that a minute of the story lasts; 60 plays it at full length",
        )
        parser.add_argument("--remove", action="store_true", help="remove its project afterwards")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = self._play(options)
        except (Unreachable, DatabaseError, ImportError) as error:
            raise CommandError(str(error), returncode=CANNOT_RUN) from error
        sys.exit(PASSED if report.passed else FAILED)

    def _play(self, options: dict[str, Any]) -> Report:
        # The exporter is needed here alone, and takes a while to import.
        from console.drill import stage as stages
        from console.drill.play import Play
        from console.drill.sending import Sender
        from console.drill.spans import Telemetry

        url = (options["url"] or settings.SITE_URL).rstrip("/")
        window = WINDOWS[options["minute"] >= 60]
        built = stages.build(timezone.now(), window)
        client = Client(url, built.text)
        try:
            client.get("/api/v1/alerts")
            self.stdout.write(f"{built.project.name} at {url}/p/{built.project.slug}/")
            self.stdout.write(f"Decoy: {DECOYS[options['decoy']]}. Seed {options['seed']}.")
            traffic = Traffic(options["seed"], options["decoy"])
            sender = Sender(traffic, Telemetry(url, built.text))
            return Play(
                client,
                sender,
                built.rule.pk,
                window,
                options["decoy"],
                options["minute"],
                self._tell,
            ).run()
        finally:
            client.close()
            built.strike()
            if options["remove"]:
                delete_project(built.project)

    def _tell(self, step: Step) -> None:
        mark = "passed" if step.passed else "FAILED"
        took = f"{step.seconds:6.1f} s" if step.seconds is not None else " " * 8
        self.stdout.write(f"{mark}  {took}  {step.name}: {step.detail}".rstrip(": "))
        self.stdout.flush()
