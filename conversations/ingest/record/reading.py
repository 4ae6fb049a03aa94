"""JSON text and values to records, with errors that say where and what to send instead."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from conversations.ingest.notes import Note
from conversations.ingest.record.limits import (
    LIMITS,
    LONGEST_INTEGER,
    BadCode,
    BadRecord,
    Limits,
    check_depth,
    is_shallow,
)
from conversations.ingest.record.model import TurnRecord

KNOWN_FIELDS = frozenset(TurnRecord.model_fields)

# What to do about a field, said after what is wrong with it.
CURES = {
    "/id": "Send an id of your own for each turn, 1 to 300 characters: the same turn sent again "
    "under the same id is stored once.",
    "/conversation": "Send the id of the conversation that the turn belongs to, 1 to 300 "
    "characters.",
    "/at": "Send the time of the request as RFC 3339 with its zone, such as "
    "2026-01-31T12:00:00.250Z.",
    "/model": "Send the model's name as the provider knows it.",
    "/request": "Send the request as {messages, tools, tool_choice, parameters}.",
    "/request/messages": "Send the messages as an array of OpenAI chat messages.",
    "/request/tools": "Send the tools as an array of OpenAI tool objects.",
    "/response": "Send the answer as {message, finish_reason, usage}, or what went wrong as error.",
    "/response/message": "Send the assistant's message as an OpenAI chat message.",
    "/tool_results": "Send tool results as an array of {call_id, status, content}; status is ok, "
    "error, timeout or rate_limited.",
    "/expected": 'Send what should have been called as {"calls": [{name, arguments}]}.',
    "/tags": "Send tags as an array of texts of up to 200 characters.",
    "/latency_ms": "Send durations as numbers of milliseconds, 0 or more.",
    "/first_token_ms": "Send durations as numbers of milliseconds, 0 or more.",
}

CODES: dict[str, BadCode] = {
    "missing": "missing_field",
    "missing_role": "missing_field",
    "missing_call": "missing_field",
    "no_outcome": "missing_field",
    "bad_time": "bad_time",
    "bad_text": "bad_text",
    "string_unicode": "bad_text",
}


def _pointer(loc: Iterable[int | str]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in loc)


def _cure(pointer: str) -> str:
    while pointer:
        if pointer in CURES:
            return " " + CURES[pointer]
        pointer = pointer.rpartition("/")[0]
    return ""


def _explain(error: ErrorDetails) -> BadRecord:
    kind, pointer = error["type"], _pointer(error["loc"])
    code = CODES.get(kind, "wrong_type")
    where = pointer or "The record"
    if kind == "missing":
        said = f"{where} is missing."
    elif kind == "no_outcome":
        return BadRecord(code, f"Neither response nor error is there.{_cure('/response')}")
    elif kind == "string_unicode":
        said = f"{where} holds an unpaired surrogate, which no name may."
    else:
        said = f"{where}: {error['msg'][0].lower()}{error['msg'][1:]}."
    return BadRecord(code, said + _cure(pointer), pointer)


def read_record(
    data: Any, *, limits: Limits = LIMITS, raw: bytes = b"", shallow: bool = False
) -> TurnRecord:
    """The record in parsed JSON. Raises ``BadRecord`` with the first thing that is wrong.

    ``raw`` is the text that it was parsed from, where that is at hand: it is quicker to look at.
    ``shallow`` says that somebody has looked how deep it nests.
    Fields that the record does not have are left out and said in a note.
    """
    if not isinstance(data, dict):
        raise BadRecord("not_an_object", "A record is one JSON object; this is another value.")
    if not shallow and (not raw or not is_shallow(raw, limits.max_depth)):
        check_depth(data, limits.max_depth)
    record = build_record(data)
    if len(record.request.messages) > limits.max_messages:
        raise BadRecord(
            "too_many_messages",
            f"{len(record.request.messages)} messages; at most {limits.max_messages} are taken.",
            "/request/messages",
        )
    unknown = sorted(str(name) for name in data.keys() - KNOWN_FIELDS)
    if unknown:
        names = ", ".join(unknown)[:500].encode("utf-8", "replace").decode()
        record = record.with_notes([Note("unknown_field", f"Not stored: {names}.")])
    return record


def build_record(data: Mapping[str, Any]) -> TurnRecord:
    """The record of fields that are Python values already; raises ``BadRecord``."""
    try:
        return TurnRecord.model_validate(data)
    except ValidationError as error:
        raise _explain(error.errors(include_url=False, include_input=False)[0]) from None


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _read_float(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"the number {text[:40]} is too large to be kept")
    return number


def _read_int(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise ValueError(f"an integer of {len(text)} digits; at most {LONGEST_INTEGER} are kept")
    return int(text)


DECODER = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_float=_read_float, parse_int=_read_int
)
"""Reads JSON as ``load_json`` does; raises ValueError or RecursionError."""


def load_json(raw: bytes, *, limits: Limits = LIMITS, whole: bool = True) -> Any:
    """The JSON value of ``raw``, exact. Raises ``BadRecord``: too_large, not_utf8, too_deep,
    truncated (where ``whole`` is False, for text that may have been cut) or not_json."""
    if len(raw) > limits.max_record_bytes:
        raise BadRecord(
            "too_large",
            f"The record has {len(raw):,} bytes; at most {limits.max_record_bytes:,} are taken.",
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRecord("not_utf8", f"Byte {error.start} is no UTF-8. Send UTF-8.") from None
    try:
        return json.loads(
            text, parse_constant=_refuse_constant, parse_float=_read_float, parse_int=_read_int
        )
    except RecursionError:
        raise BadRecord(
            "too_deep",
            f"Objects and arrays nest deeper than {limits.max_depth}. Send such content as text.",
        ) from None
    except json.JSONDecodeError as error:
        if not whole:
            raise BadRecord(
                "truncated", f"The body ends inside this record, after {len(raw):,} of its bytes."
            ) from None
        raise BadRecord("not_json", f"No JSON: {error.msg} at character {error.pos}.") from None
    except ValueError as error:
        raise BadRecord("not_json", f"No JSON that can be kept: {error}.") from None
