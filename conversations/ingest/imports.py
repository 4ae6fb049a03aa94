"""Files into storage: from the page and from ``manage.py ingest``, by the same door."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from django.utils import timezone

from console.accounts.models import Project
from conversations.ingest.batch import Entry
from conversations.ingest.compression import decompress
from conversations.ingest.files import Source, read_file
from conversations.ingest.store import Outcome, Sender, store_entries

AT_ONCE = 200
"""Turns of one transaction."""
LARGEST_UPLOAD = 16 * 1024 * 1024
_LARGEST = 512 * 1024 * 1024
_GZIP = b"\x1f\x8b"


def import_upload(project: Project, body: Iterable[bytes], *, name: str, line: int = 1) -> Outcome:
    """Store a file that came in one request, gzip or not; raises ``BadBody``."""
    chunks = iter(body)
    first = next(chunks, b"")
    encoding = "gzip" if first.startswith(_GZIP) else None
    whole = decompress(_chain(first, chunks), encoding, _LARGEST)
    entries = read_file(whole, Source(at=timezone.now(), name=name))
    return import_entries(project, _move(entries, line - 1))


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _move(entries: Iterable[Entry], lines: int) -> Iterator[Entry]:
    """The same entries with the lines of the whole file."""
    return (entry._replace(line=entry.line + lines) for entry in entries)


def import_entries(
    project: Project,
    entries: Iterable[Entry],
    *,
    told: Callable[[Outcome, int], None] = lambda outcome, line: None,
) -> Outcome:
    """Store what a file holds, batch by batch. ``told`` is called after each commit with the sum
    so far and the last line that is stored whole."""
    total, sender = Outcome(), Sender(project, "file")
    rest = iter(entries)
    held: list[Entry] = []
    while True:
        held += islice(rest, AT_ONCE)
        if not held:
            return total
        is_last = len(held) < AT_ONCE
        done, held = (held, []) if is_last else _whole_lines(held)
        total += store_entries(sender, done)
        told(total, done[-1].line)


def _whole_lines(entries: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Entries of all lines but the last, whose others may still come; and those."""
    last = entries[-1].line
    whole = [entry for entry in entries if entry.line != last]
    return (whole, entries[len(whole) :]) if whole else (entries, [])
