"""``manage.py backtest TOOL``: which stored calls would a version or policy reject?

Exit status: 0 none is newly rejected, 1 some are, 2 cannot run.
"""

from __future__ import annotations

import signal
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from console.lib import json
from conversations.backtest import engine
from conversations.backtest.records import Backtest
from conversations.backtest.reports import FORMATS, write_report
from conversations.backtest.subjects import PUBLISHED, BadChoice, choose
from conversations.management.projects import find_project
from conversations.search.query import BadQuery

FINE, REJECTED, CANNOT_RUN = 0, 1, 2


class Command(BaseCommand):
    help = "Judges stored calls again under a version or policy. See docs/backtest.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tool", help="the tool whose calls are judged")
        parser.add_argument("--project", help="its slug; not needed where there is one project")
        parser.add_argument("--use-version", type=int, metavar="N", help="the newest if none")
        parser.add_argument("--draft", type=Path, metavar="FILE", help="a definition as JSON")
        parser.add_argument(
            "--policy", default=PUBLISHED, metavar="P", help="published, none, a number or a FILE"
        )
        parser.add_argument("--filter", default="", help="as in the filter bar: model:gpt-4* 7d")
        parser.add_argument("--last", type=int, default=10_000, metavar="N")
        parser.add_argument("--format", choices=FORMATS, default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            row = _start(options)
            self._run(row)
        except (BadChoice, BadQuery, OSError, ValueError, DatabaseError) as error:
            raise CommandError(str(error), returncode=CANNOT_RUN) from error
        row = Backtest.objects.select_related("project", "version").get(pk=row.pk)
        if row.status != "finished":
            told = row.error or (
                "A worker goes on with it." if row.is_open else "It was cancelled."
            )
            raise CommandError(told, returncode=CANNOT_RUN)
        self.stdout.write(write_report(options["format"], row))
        rejected = row.told.get("kinds", {}).get("newly_rejected", 0)
        sys.exit(REJECTED if rejected else FINE)

    def _run(self, row: Backtest) -> None:
        """Judge in this process; Ctrl-C ends it cleanly."""
        former = signal.signal(signal.SIGINT, lambda *_: engine.cancel(row))
        told = time.monotonic()
        try:
            while not (step := engine.advance(row.pk)).is_over:
                if step.is_busy:
                    time.sleep(0.2)
                if time.monotonic() - told > 1:
                    told = time.monotonic()
                    self._tell(row)
        except Exception as error:
            engine.fail(row.pk, error)
            raise
        finally:
            signal.signal(signal.SIGINT, former)

    def _tell(self, row: Backtest) -> None:
        row.refresh_from_db()
        rate = row.done / row.seconds if row.seconds else 0
        rest = (row.total - row.done) / rate if rate else 0
        line = f"{row.done:,} of {row.total:,} calls, {rate:,.0f} a second, {rest:,.0f} s left"
        self.stderr.write(line)


def _start(options: dict[str, Any]) -> Backtest:
    if not 1 <= options["last"] <= engine.LARGEST:
        raise ValueError(f"--last is a number from 1 to {engine.LARGEST:,}")
    project = find_project(options["project"])
    draft = options["draft"].read_text(encoding="utf-8") if options["draft"] else ""
    policy: Any = options["policy"]
    if Path(policy).is_file():
        policy = json.load(Path(policy).read_text(encoding="utf-8"))
    number = options["use_version"]
    choice = choose(project, options["tool"], version=number, draft=draft, policy=policy)
    return engine.start(project, choice, options["filter"], options["last"])
