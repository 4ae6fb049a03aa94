"""Files of recorded model traffic as turn records: one module a format, told by content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from conversations.ingest.batch import Entry, Piece, load_piece, split_records
from conversations.ingest.files import canonical, exchanges, openai_batch, transcripts
from conversations.ingest.files.openai_batch import read_inputs
from conversations.ingest.files.source import Format, Item, Source
from conversations.ingest.record import LIMITS, BadRecord, Limits, check_depth

__all__ = ["FORMATS", "Format", "Source", "read_file", "read_inputs", "read_value", "sniff"]

# In the order in which content is told: a canonical record has most to show.
FORMATS: dict[str, Format] = {
    module.FORMAT.name: module.FORMAT
    for module in (canonical, exchanges, openai_batch, transcripts)
}


def sniff(data: Any) -> str | None:
    """The name of the format that one parsed record is of; None where it is of none."""
    if not isinstance(data, dict):
        return None
    return next((name for name, known in FORMATS.items() if known.reads(data)), None)


def read_file(
    body: bytes | Iterable[bytes],
    source: Source,
    *,
    format: str | None = None,
    limits: Limits = LIMITS,
) -> Iterator[Entry]:
    """The turns of a decompressed file, with the line and the bytes that each came from.

    Without ``format`` each record is told by its content, so that files may be concatenated. A
    line may give several turns.
    """
    for piece in split_records(body, limits=limits):
        for item in _read_piece(piece, source, format, limits):
            yield Entry(piece.line, item, piece.raw)


def _read_piece(piece: Piece, source: Source, format: str | None, limits: Limits) -> Iterator[Item]:
    try:
        value = load_piece(piece, limits)
        check_depth(value, limits.max_depth)
    except BadRecord as error:
        yield error
        return
    yield from read_value(value, piece.line, source, format=format)


def read_value(
    value: Any, line: int, source: Source, *, format: str | None = None
) -> Iterator[Item]:
    """The turns of one parsed record."""
    if not isinstance(value, dict):
        yield BadRecord("not_an_object", "A record is one JSON object; this is another value.")
        return
    name = format or sniff(value)
    if name is None:
        known = ", ".join(one.label.lower() for one in FORMATS.values())
        yield BadRecord("unknown_shape", f"The record is of no format that we read: {known}.")
        return
    yield from FORMATS[name].read(value, line, source)
