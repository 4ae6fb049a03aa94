"""OpenAI batch output, and its input where it is given.

An output line is ``{id, custom_id, response: {status_code, body}, error}``; the request is in the
line of the input file with the same ``custom_id``.
https://platform.openai.com/docs/guides/batch
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from console.lib import json
from conversations.assembly.payload import number, obj, text
from conversations.ingest import native
from conversations.ingest.files.exchanges import time_of
from conversations.ingest.files.source import TIME_UNKNOWN, Format, Item, Source
from conversations.ingest.native.canonical import NativeAnswer, NativeRequest
from conversations.ingest.native.openai_chat import said_error
from conversations.ingest.notes import Note
from conversations.ingest.record import BadRecord

UNASKED = Note("request_not_recorded", "The request is in the batch's input file; give it, too.")


def reads(data: dict[str, Any]) -> bool:
    return "custom_id" in data and ("response" in data or "error" in data)


def reads_input(data: dict[str, Any]) -> bool:
    return "custom_id" in data and isinstance(data.get("body"), dict) and "url" in data


def read_inputs(lines: Iterable[Any]) -> dict[str, NativeRequest]:
    """The requests of an input file's lines by custom id; lines of another form are left out."""
    requests: dict[str, NativeRequest] = {}
    for line in lines:
        body = obj(obj(line).get("body"))
        protocol = native.protocol_of_request(body)
        if protocol is not None and reads_input(line):
            requests[text(line["custom_id"])] = native.REQUESTS[protocol](body)
    return requests


def read(data: dict[str, Any], line: int, source: Source) -> Iterator[Item]:
    try:
        yield record_of(data, line, source)
    except BadRecord as error:
        yield error


def record_of(data: dict[str, Any], line: int, source: Source) -> Item:
    response = obj(data.get("response"))
    body, status = obj(response.get("body")), number(response.get("status_code")) or 200
    custom = text(data.get("custom_id"))
    protocol = native.protocol_of_answer(body) or "openai.chat"
    if data.get("error"):
        answered = NativeAnswer(None, error=said_error(data["error"]))
    else:
        answered = native.read_response(protocol, json.dump(body).encode(), status=status)
    asked, notes = source.inputs.get(custom), list(answered.notes)
    at = time_of(body)
    if asked is None:
        notes.append(UNASKED)
    if at is None:
        notes.append(TIME_UNKNOWN)
    exchange = native.Exchange(
        id=text(data.get("id")) or f"{source.name}:{custom or line}",
        conversation=custom or text(data.get("id")) or source.name,
        at=at or source.at,
        provider="openai",
        status=status,
    )
    asked = asked or NativeRequest([])
    return native.build_turn(protocol, asked, answered, exchange, [*asked.notes, *notes])


FORMAT = Format("openai-batch", "OpenAI batch output", reads, read)
