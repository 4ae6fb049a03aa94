"""Recorded exchanges: ``{id, protocol, request, response}``, both sides as the provider has them.

``conversation``, ``status``, ``provider``, ``model``, ``endpoint``, ``at``, ``latency_ms`` and
``streamed`` are taken where they are there. A streamed ``response`` is the raw text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from console.lib import json
from conversations.assembly.payload import number, obj, text
from conversations.ingest import native
from conversations.ingest.files.source import TIME_UNKNOWN, Format, Item, Source
from conversations.ingest.record import RFC_3339, BadRecord

MODEL_IN_URL = re.compile(r"/(?:models?|deployments)/([^/:?]+(?:%3A[^/?]+)?)")
SECONDS = ("created", "created_at", "createdAt")
TIMES = ("createTime", "created_at")


def reads(data: dict[str, Any]) -> bool:
    return text(data.get("protocol")) in native.REQUESTS and "request" in data


def read(data: dict[str, Any], line: int, source: Source) -> Iterator[Item]:
    try:
        yield record_of(data, line, source)
    except BadRecord as error:
        yield error


def record_of(data: Mapping[str, Any], line: int, source: Source) -> Item:
    protocol, response = data["protocol"], data.get("response")
    at = time_of(data) or time_of(obj(response))
    streamed = data.get("streamed") is True
    exchange = native.Exchange(
        id=text(data.get("id")) or f"{source.name}:{line}",
        conversation=text(data.get("conversation")) or text(data.get("id")) or source.name,
        at=at or source.at,
        provider=text(data.get("provider"))[:60],
        model=text(data.get("model")) or model_in(text(data.get("endpoint"))),
        status=number(data.get("status")) or 200,
        latency_ms=data.get("latency_ms"),
        user=text(data.get("user")),
        environment=text(data.get("environment")),
    )
    record = native.record_of_exchange(
        protocol, _bytes(data["request"]), _bytes(response), streamed=streamed, exchange=exchange
    )
    return record if at else record.with_notes([TIME_UNKNOWN])


def _bytes(value: Any) -> bytes:
    """A side as bytes: a text is taken for what was on the wire."""
    written = value if isinstance(value, str) else json.dump(value)
    return written.encode("utf-8", "surrogatepass")


def model_in(endpoint: str) -> str:
    """The model that an endpoint's path names (Google, Bedrock, Azure), else ""."""
    match = MODEL_IN_URL.search(endpoint)
    return unquote(match.group(1)) if match else ""


def time_of(data: Mapping[str, Any]) -> datetime | None:
    """The time that a record or a provider's answer carries, in the forms that are in use."""
    for name in ("at", "timestamp", *TIMES):
        value = data.get(name)
        if isinstance(value, str) and RFC_3339.fullmatch(value):
            try:
                return datetime.fromisoformat(value.upper()).astimezone(UTC)
            except (ValueError, OverflowError):
                continue
    for name in SECONDS:
        seconds = data.get(name)
        if isinstance(seconds, int | float) and 0 < seconds < 1e11:
            return datetime.fromtimestamp(seconds, UTC)
    return None


FORMAT = Format("exchanges", "Recorded exchanges with a provider", reads, read)
