"""Everything that a filter finds as NDJSON or CSV, read by the page while it is sent."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async

from console.accounts.models import Project
from console.lib import json
from conversations.search.fields import Kind
from conversations.search.query import Query
from conversations.search.reading import Found, find
from conversations.search.records import EXPORTED, read_records

BATCH = 500
BUDGET = 20.0
"""Seconds that one batch may read."""
FORMATS = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}


class CutShort(Exception):
    """Nothing more could be read in time: the transfer breaks off, so that nobody takes it for
    the whole."""


async def export(project: Project, query: Query, kind: Kind, form: str) -> AsyncIterator[bytes]:
    """The records of all matches, newest first. Ends early when nobody reads any more."""
    write, before = WRITERS[form], None
    yield _head(kind, form)
    while True:
        found, records = await sync_to_async(_read)(project, query, kind, before)
        if records:
            yield write(records)
        if found.older is None:
            return
        if found.older == before:
            raise CutShort
        before = found.older


def _read(
    project: Project, query: Query, kind: Kind, before: UUID | None
) -> tuple[Found, list[dict[str, Any]]]:
    found = find(project, query, kind, before=before, size=BATCH, budget=BUDGET)
    return found, read_records(kind, found.hits)


def _head(kind: Kind, form: str) -> bytes:
    return (
        _write_csv([dict(zip(EXPORTED[kind], EXPORTED[kind], strict=True))])
        if form == "csv"
        else b""
    )


def _write_ndjson(records: Iterable[dict[str, Any]]) -> bytes:
    return "".join(f"{json.dump(record)}\n" for record in records).encode()


def _write_csv(records: Iterable[dict[str, Any]]) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    for record in records:
        writer.writerow([_cell(value) for value in record.values()])
    return buffer.getvalue().encode(errors="replace")


def _cell(value: Any) -> Any:
    """Text for a cell: what a spreadsheet would take for a formula stands behind an apostrophe."""
    if value is None or isinstance(value, (int, float)):
        return value
    text = value if isinstance(value, str) else json.dump(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


WRITERS: dict[str, Callable[[Iterable[dict[str, Any]]], bytes]] = {
    "ndjson": _write_ndjson,
    "csv": _write_csv,
}
