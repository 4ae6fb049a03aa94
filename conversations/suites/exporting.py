"""A suite as JSON lines, read by the page while it is sent; the import reads them again."""

from __future__ import annotations

from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async

from console.lib import json
from conversations.suites.keeping import entry_of
from conversations.suites.records import Suite

_BATCH = 200


async def write_lines(suite: Suite) -> AsyncIterator[bytes]:
    """Every case in its order, one JSON object a line."""
    keys = await sync_to_async(_read_keys)(suite)
    for start in range(0, len(keys), _BATCH):
        yield await sync_to_async(_write)(suite, keys[start : start + _BATCH])


def _read_keys(suite: Suite) -> list[int]:
    return list(suite.cases.order_by("position", "number").values_list("number", flat=True))


def _write(suite: Suite, numbers: list[int]) -> bytes:
    rows = {row.number: row for row in suite.cases.filter(number__in=numbers)}
    found = [rows[number] for number in numbers if number in rows]
    return b"".join(json.dump_bytes(entry_of(row).to_json()) + b"\n" for row in found)
