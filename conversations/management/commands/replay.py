"""``manage.py replay --suite NAME``: are the suite's cases still answered rightly?

Exit status: 0 enough are right under every variant, 1 fewer are, 2 cannot run.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from console.accounts.models import Project
from conversations.management.projects import find_project
from conversations.replay import control, engine
from conversations.replay.board import read_board, read_progress
from conversations.replay.files import find_connection, read_variant
from conversations.replay.orders import NotReady, Order
from conversations.replay.records import MODES, Replay
from conversations.replay.reports import FORMATS, judged_of, shortfalls, write_report
from conversations.replay.sources import BadSource, Source, find_source
from conversations.replay.starting import start
from conversations.replay.variants import BadVariant
from conversations.suites.records import Suite

FINE, TOO_FEW, CANNOT_RUN = 0, 1, 2


class Command(BaseCommand):
    help = "Asks models again what a suite or recorded turns asked. See docs/replays.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--suite", metavar="NAME", help="its name or key")
        source.add_argument("--incident", metavar="N", help="its number")
        source.add_argument("--filter", metavar="Q", help="as in the filter bar: tool:pay 7d")
        parser.add_argument("--project", help="its slug; not needed where there is one project")
        parser.add_argument(
            "--variant", action="append", default=[], metavar="FILE", help="JSON, or a file of it"
        )
        parser.add_argument("--mode", choices=list(dict(MODES)), default="next_call")
        parser.add_argument("--trials", type=int, default=1, metavar="N")
        parser.add_argument("--last", default="", metavar="N", help="cases at most")
        parser.add_argument("--connection", metavar="NAME", help="whom to ask")
        parser.add_argument("--model", default="")
        parser.add_argument("--ceiling-dollars", metavar="X")
        parser.add_argument("--ceiling-tokens", type=int, metavar="N")
        parser.add_argument("--fail-under", type=float, default=1.0, metavar="SHARE")
        parser.add_argument("--format", choices=FORMATS, default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            row = _start(options)
            row = self._run(row)
        except (BadSource, BadVariant, NotReady, ValueError, DatabaseError) as error:
            raise CommandError(str(error), returncode=CANNOT_RUN) from error
        if row.status != "finished":
            told = row.error or f"It is {row.get_status_display().lower()}."
            raise CommandError(f"{row.name}: {told}", returncode=CANNOT_RUN)
        board = read_board(row)
        self.stdout.write(write_report(options["format"], row))
        if not any(total.right.whole for total in judged_of(board)):
            told = "No case could be judged: say in the suite what should be called"
            raise CommandError(f"{told}, or settle answers on the page.", returncode=CANNOT_RUN)
        sys.exit(TOO_FEW if shortfalls(board, options["fail_under"]) else FINE)

    def _run(self, row: Replay) -> Replay:
        """Ask in this process; Ctrl-C ends it cleanly."""
        over, stopped = threading.Event(), threading.Event()
        former = signal.signal(signal.SIGINT, lambda *_: stopped.set())
        telling = threading.Thread(target=self._tell, args=(row, over, stopped))
        telling.start()
        try:
            while not (step := engine.run(row.pk, seconds=engine.LONGEST)).is_over:
                time.sleep(max(0.1, min(step.wait, 5.0)))
        except Exception as error:
            control.fail(row.pk, error)
            raise
        finally:
            over.set()
            telling.join()
            signal.signal(signal.SIGINT, former)
        row = Replay.objects.select_related("project").get(pk=row.pk)
        if row.is_open:
            row.error = "Some conversations wait for answers on its page."
        return row

    def _tell(self, row: Replay, over: threading.Event, stopped: threading.Event) -> None:
        """How far it is, every two seconds; its end, where somebody wants it."""
        told = time.monotonic()
        while not over.wait(0.2):
            if stopped.is_set():
                control.cancel(row)
            elif time.monotonic() - told > 2:
                told = time.monotonic()
                now = read_progress(row)
                rest = f", {now.rest:,} s left" if now.rest is not None else ""
                line = f"{now.ended:,} of {now.total:,} answers, {now.rate:,.1f} a second{rest}"
                self.stderr.write(line)
        connection.close()


def _start(options: dict[str, Any]) -> Replay:
    if not 0 <= options["fail_under"] <= 1:
        raise ValueError("--fail-under is a share from 0 to 1, such as 0.95")
    project = find_project(options["project"])
    source = _find_source(project, options)
    named = options["connection"]
    order = Order(
        cases=source.cases,
        variants=[read_variant(project, text) for text in options["variant"]],
        mode=options["mode"],
        trials=options["trials"],
        connection=find_connection(project, named) if named else None,
        model=options["model"],
        ceiling_dollars=_read_dollars(options["ceiling_dollars"]),
        ceiling_tokens=options["ceiling_tokens"],
        source=source.name,
        query=source.query,
    )
    return start(project, order, incident=source.incident, suite=source.suite, enqueue=False)


def _find_source(project: Project, options: dict[str, Any]) -> Source:
    given = {"last": options["last"]}
    if options["suite"]:
        suites = Suite.objects.filter(project=project)
        found = suites.filter(name=options["suite"]).first()
        given["suite"] = str(found.pk) if found else options["suite"]
    elif options["incident"]:
        given["incident"] = options["incident"].removeprefix("INC-")
    else:
        given["q"] = options["filter"]
    return find_source(project, given)


def _read_dollars(text: str | None) -> Decimal | None:
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        raise ValueError("--ceiling-dollars is a number, such as 2.50") from None
