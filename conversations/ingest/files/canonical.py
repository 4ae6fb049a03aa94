"""Canonical turn records, as ``POST /api/v1/turns`` takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conversations.ingest.files.source import Format, Item, Source
from conversations.ingest.record import BadRecord, read_record


def reads(data: dict[str, Any]) -> bool:
    request = data.get("request")
    return "conversation" in data and isinstance(request, dict)


def read(data: dict[str, Any], line: int, source: Source) -> Iterator[Item]:
    try:
        yield read_record(data)
    except BadRecord as error:
        yield error


FORMAT = Format("records", "Canonical turn records", reads, read)
