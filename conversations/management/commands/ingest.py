"""``manage.py ingest FILE…``: files of recorded traffic into a project's storage."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import time
import zlib
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from console.accounts.models import Project
from console.lib import json
from conversations.ingest.batch import Entry
from conversations.ingest.files import FORMATS, Source, read_file, read_inputs
from conversations.ingest.imports import import_entries
from conversations.ingest.store import Outcome

PIECE = 1024 * 1024
_GZIP = b"\x1f\x8b"


class Position:
    """How far a file was stored, kept in ``VAR_DIR/ingest`` until it is done."""

    def __init__(self, path: Path, project: Project, size: int, changed: float) -> None:
        name = f"{project.pk} {path.resolve()} {size} {changed}"
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        self._file = settings.VAR_DIR / "ingest" / f"{digest[:32]}.json"
        self._kept = 0.0

    def read(self) -> int:
        try:
            return int(json.load(self._file.read_text())["line"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def keep(self, line: int, *, at_once: bool = False) -> None:
        if not at_once and time.monotonic() - self._kept < 1:
            return
        self._kept = time.monotonic()
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dump({"line": line}))
        fresh.replace(self._file)

    def forget(self) -> None:
        self._file.unlink(missing_ok=True)


class Meter:
    """The bytes read of a file, and a line on the terminal that says how it goes."""

    def __init__(self, name: str, size: int, stream: Any) -> None:
        self.name, self.size, self.read = name, size, 0
        self._stream, self._began, self._told = stream, time.monotonic(), 0.0
        self._lively = bool(getattr(stream, "isatty", bool)())

    def tell(self, outcome: Outcome, *, last: bool = False) -> None:
        now = time.monotonic()
        if not last and now - self._told < (0.2 if self._lively else 5):
            return
        self._told = now
        seconds = max(now - self._began, 0.001)
        line = f"{self.name}: {outcome.sent:,} turns, {outcome.sent / seconds:,.0f} a second"
        if self.size and not last:
            share = min(self.read / self.size, 1)
            bar = "#" * int(20 * share)
            left = f", {seconds * (1 - share) / share:,.0f} s left" if share > 0.01 else ""
            line = f"[{bar:20}] {share:4.0%} {line}{left}"
        self._stream.write(f"\r\033[K{line}" if self._lively else line + "\n")
        if self._lively and last:
            self._stream.write("\n")
        self._stream.flush()


class Command(BaseCommand):
    help = (
        "Store recorded traffic: turn records, exchanges, OpenAI batch output, transcripts."
        " JSON lines or an array, plain or gzip; - is standard input. Running it twice, or again"
        " after a stop, stores nothing twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.add_argument("--project", help="its slug; may be left out where there is one")
        parser.add_argument("--format", choices=sorted(FORMATS), help="told by content otherwise")
        parser.add_argument("--inputs", metavar="FILE", help="the input file of an OpenAI batch")
        parser.add_argument("--prompts", metavar="FILE", help="JSON of system prompts by name")
        parser.add_argument("--restart", action="store_true", help="do not go on after a stop")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            project = find_project(options["project"])
            extra = {"inputs": _inputs(options["inputs"]), "prompts": _prompts(options["prompts"])}
            total = Outcome()
            for name in options["files"]:
                total += self._import(project, name, extra, options)
        except (OSError, EOFError, zlib.error, DatabaseError, ValueError) as error:
            raise CommandError(str(error), returncode=2) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. Run it again to go on.", returncode=2) from None
        self.stdout.write(sum_up(total))
        for failure in total.errors[:20]:
            where = f"line {failure.line}: {failure.code} {failure.pointer}".rstrip()
            self.stderr.write(f"{where}: {failure.detail}")
        if len(total.errors) > 20:
            self.stderr.write(f"and {len(total.errors) - 20} more")
        if total.rejected or total.quarantined:
            sys.exit(1)

    def _import(
        self, project: Project, name: str, extra: dict[str, Any], options: dict[str, Any]
    ) -> Outcome:
        is_input, path = name == "-", Path(name)
        facts = None if is_input else path.stat()
        size = facts.st_size if facts else 0
        position = Position(path, project, size, facts.st_mtime) if facts else None
        done = position.read() if position and not options["restart"] else 0
        changed = datetime.fromtimestamp(facts.st_mtime, UTC) if facts else timezone.now()
        source = Source(at=changed, name="stdin" if is_input else path.name, **extra)
        meter = Meter(source.name, size, self.stderr)
        if done:
            self.stderr.write(f"{source.name}: going on after line {done:,}")

        def told(outcome: Outcome, line: int) -> None:
            meter.tell(outcome)
            if position:
                position.keep(line)

        with sys.stdin.buffer if is_input else path.open("rb") as file:
            entries = read_file(_read(file, meter), source, format=options["format"])
            outcome = import_entries(project, _after(entries, done), told=told)
        meter.tell(outcome, last=True)
        if position:
            position.forget()
        return outcome


def find_project(slug: str | None) -> Project:
    """The project of this slug, or the only one; raises CommandError with status 2."""
    projects = list(Project.objects.filter(slug=slug) if slug else Project.objects.all()[:2])
    if len(projects) == 1:
        return projects[0]
    slugs = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)[:20])
    problem = f"There is no project {slug}." if slug else "Name the project with --project."
    raise CommandError(f"{problem} There are: {slugs or 'none yet'}.", returncode=2)


def sum_up(outcome: Outcome) -> str:
    return (
        f"{outcome.sent:,} sent = {outcome.stored:,} stored + {outcome.duplicate:,} duplicate"
        f" + {outcome.rejected:,} rejected + {outcome.quarantined:,} quarantined"
    )


def _after(entries: Iterator[Entry], line: int) -> Iterator[Entry]:
    return (entry for entry in entries if entry.line > line)


def _read(file: BinaryIO, meter: Meter) -> Iterator[bytes]:
    """The bytes of a file without its compression, counted as they are on the disk."""
    counted = _Counted(file, meter)
    buffered = io.BufferedReader(counted, PIECE)
    is_gzip = buffered.peek(2)[:2] == _GZIP
    with gzip.open(buffered) if is_gzip else buffered as opened:
        while piece := opened.read(PIECE):
            yield piece


class _Counted(io.RawIOBase):
    def __init__(self, file: BinaryIO, meter: Meter) -> None:
        self._file, self._meter = file, meter

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._file.read(len(buffer))
        buffer[: len(piece)] = piece
        self._meter.read += len(piece)
        return len(piece)


def _inputs(name: str | None) -> Any:
    if not name:
        return {}
    lines = Path(name).read_bytes().splitlines()
    return read_inputs(json.load(line) for line in lines if line.strip())


def _prompts(name: str | None) -> dict[str, str]:
    if not name:
        return {}
    value = json.load(Path(name).read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise ValueError(f"{name} holds no JSON object of prompts by name")
    return {key: text for key, text in value.items() if isinstance(text, str)}
