"""Canonical turn records, as ``POST /api/v1/turns`` takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conversations.ingest.files.source import Format, Item, Source
from conversations.ingest.record import BadRecord, read_record

_ANSWER = frozenset(["message", "finish_reason", "usage"])


def reads(data: dict[str, Any]) -> bool:
    """A record may name its protocol, too; then its answer tells it from an exchange."""
    if "conversation" not in data or not isinstance(data.get("request"), dict):
        return False
    response = data.get("response")
    return "protocol" not in data or not isinstance(response, dict) or set(response) <= _ANSWER


def read(data: dict[str, Any], line: int, source: Source) -> Iterator[Item]:
    try:
        yield read_record(data)
    except BadRecord as error:
        yield error


FORMAT = Format("records", "Canonical turn records", reads, read)
