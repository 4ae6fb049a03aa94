"""The canonical turn record: one model call as a value, whatever door it came through.

Messages, tools and parameters are the JSON values that the source held, not copies in another
form: key order, integers of any size, NULs and lone surrogates survive. ``docs/record.md`` is
the reference for those who send records.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Annotated, Any, Literal, NoReturn

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from conversations.ingest.notes import Note

BadCode = Literal[
    "too_large",
    "too_deep",
    "too_many_messages",
    "not_json",
    "not_utf8",
    "truncated",
    "not_an_object",
    "missing_field",
    "wrong_type",
    "bad_text",
    "bad_time",
    "unknown_shape",
    "no_answer",
]


class BadRecord(Exception):
    """A record that cannot be stored as it is.

    ``pointer`` is an RFC 6901 pointer into the record, "" for the whole. ``detail`` says what
    is wrong and what to send instead.
    """

    def __init__(self, code: BadCode, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.pointer = pointer

    def to_json(self) -> dict[str, str]:
        return {"code": self.code, "detail": self.detail, "pointer": self.pointer}


@dataclass(frozen=True, slots=True)
class Limits:
    """``max_record_bytes`` is of the JSON text; ``max_depth`` counts nested objects and arrays."""

    max_record_bytes: int = 32 * 1024 * 1024
    max_depth: int = 100
    max_messages: int = 20_000


LIMITS = Limits()
LONGEST_INTEGER = 4000  # digits; Python itself refuses more than 4300

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _read_time(value: object) -> datetime:
    """RFC 3339 with its zone, from 1970 on; anything else is ``bad_time``."""
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str) and RFC_3339.fullmatch(value):
        try:
            moment = datetime.fromisoformat(value.upper())
        except ValueError as error:
            raise PydanticCustomError("bad_time", "{reason}", {"reason": str(error)}) from error
    else:
        raise PydanticCustomError("bad_time", "not an RFC 3339 time with its zone")
    if moment.tzinfo is None:
        raise PydanticCustomError("bad_time", "a time without its zone")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("bad_time", "a time out of the calendar") from error
    if moment.year < 1970:
        raise PydanticCustomError("bad_time", "a time before 1970")
    return moment


def _refuse_nul(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("bad_text", "a NUL character")
    return value


def _check_object(value: object) -> object:
    if not isinstance(value, dict):
        raise PydanticCustomError("dict_type", "an object was expected")
    return value


def _check_message(value: object) -> object:
    _check_object(value)
    assert isinstance(value, dict)
    if "role" not in value:
        raise PydanticCustomError("missing_role", "a message without a role")
    if not isinstance(value["role"], str):
        raise PydanticCustomError("role_type", "a role that is no text")
    return value


def _check_text(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "a text was expected")
    return value


def _text(longest: int, shortest: int = 0) -> Any:
    bounds = StringConstraints(strict=True, min_length=shortest, max_length=longest)
    return Annotated[str, bounds, AfterValidator(_refuse_nul)]


Verbatim = Annotated[Any, AfterValidator(_check_object)]
RawText = Annotated[Any, AfterValidator(_check_text)]  # may hold NULs and lone surrogates
Message = Annotated[Any, AfterValidator(_check_message)]
Moment = Annotated[datetime, BeforeValidator(_read_time)]
Duration = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)

    def to_json(self) -> dict[str, Any]:
        """The fields that are set; verbatim parts are the same objects."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in values.items() if value is not None}


class Request(_Part):
    """``messages`` in OpenAI chat form, ``tools`` in OpenAI form, both verbatim."""

    messages: list[Message]
    tools: list[Verbatim] | None = None
    tool_choice: Any = None
    parameters: Verbatim = Field(default_factory=dict)


class Response(_Part):
    """``message`` is the assistant's, in OpenAI chat form; ``usage`` as the source had it."""

    message: Message
    finish_reason: _text(200) | None = None  # type: ignore[valid-type]
    usage: Verbatim | None = None


ResultStatus = Literal["ok", "error", "timeout", "rate_limited"]


class ToolResult(_Part):
    """What became of one call.

    ``call_id`` may be None where the protocol has no ids (the legacy functions); then ``name``
    or ``position``, the call's place among those of the turn, says which call is meant. It also
    does where an id repeats. ``cost`` is in dollars, ``content`` the tool's answer as it was.
    """

    call_id: RawText | None = None
    name: RawText | None = None
    position: Annotated[int, Field(ge=0, strict=True)] | None = None
    status: ResultStatus = "ok"
    content: Any = None
    latency_ms: Duration | None = None
    cached: Annotated[bool, Field(strict=True)] = False
    cost: Duration | None = None

    @model_validator(mode="after")
    def _names_a_call(self) -> ToolResult:
        if self.call_id is None and self.name is None and self.position is None:
            raise PydanticCustomError("missing_call", "a result that names no call")
        return self


def _read_note(value: object) -> Note:
    if isinstance(value, Note):
        return value
    try:
        assert isinstance(value, dict)
        return Note(code=value["code"], detail=value["detail"])
    except (AssertionError, KeyError, ValueError) as error:
        raise PydanticCustomError("note_type", "not a note") from error


class TurnRecord(_Part):
    """One model call. ``id`` is the idempotency key, unique in the project.

    ``at`` is when the request was sent, in UTC. ``protocol`` is the provider's wire form where it
    is known. ``expected`` is what should have been called: ``{"calls": [{name, arguments}…]}``,
    with ``"scope": "conversation"`` where it speaks of all turns together. ``notes`` say what the
    source lacked.
    """

    id: _text(300, 1)  # type: ignore[valid-type]
    conversation: _text(300, 1)  # type: ignore[valid-type]
    at: Moment
    model: _text(200, 1)  # type: ignore[valid-type]
    request: Request
    provider: _text(60) = ""  # type: ignore[valid-type]
    protocol: _text(30) = ""  # type: ignore[valid-type]
    response: Response | None = None
    error: Any = None
    latency_ms: Duration | None = None
    first_token_ms: Duration | None = None
    user: _text(300) = ""  # type: ignore[valid-type]
    tags: tuple[_text(200), ...] = ()  # type: ignore[valid-type]
    environment: _text(60) = ""  # type: ignore[valid-type]
    tool_results: tuple[ToolResult, ...] = ()
    expected: Verbatim | None = None
    notes: tuple[Annotated[Any, BeforeValidator(_read_note)], ...] = ()

    @model_validator(mode="after")
    def _says_what_came(self) -> TurnRecord:
        if self.response is None and self.error is None:
            raise PydanticCustomError("no_outcome", "neither a response nor an error")
        return self

    @property
    def calls(self) -> list[Any]:
        """The tool calls of the answer as they stand in its message, a legacy one included."""
        message = self.response.message if self.response else {}
        calls = message.get("tool_calls")
        if isinstance(calls, list) and calls:
            return calls
        legacy = message.get("function_call")
        if not isinstance(legacy, dict) or not legacy.get("name"):
            return []
        return [{"id": None, "type": "function_call", "function": legacy}]

    def with_notes(self, notes: Iterable[Note]) -> TurnRecord:
        """The record with notes added, none twice."""
        added = tuple(dict.fromkeys((*self.notes, *notes)))
        return self.model_copy(update={"notes": added})

    def to_json(self) -> dict[str, Any]:
        """The record as the JSON object that ``read_record`` reads back equal; verbatim parts
        are the same objects, not copies."""
        whole = {name: getattr(self, name) for name in type(self).model_fields}
        whole["at"] = self.at.isoformat().replace("+00:00", "Z")
        whole["request"] = self.request.to_json()
        whole["response"] = self.response.to_json() if self.response else None
        whole["tags"] = list(self.tags)
        whole["tool_results"] = [result.to_json() for result in self.tool_results]
        whole["notes"] = [note.to_json() for note in self.notes]
        return {name: value for name, value in whole.items() if value not in (None, "", [])}


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


def check_depth(value: Any, deepest: int) -> None:
    """Raise ``too_deep`` where objects and arrays nest deeper than ``deepest``, by no recursion."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(deepest):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise BadRecord(
        "too_deep",
        f"Objects and arrays nest deeper than {deepest}. Send such content as text.",
    )


def read_record(data: Any, *, limits: Limits = LIMITS) -> TurnRecord:
    """The record in parsed JSON. Raises ``BadRecord`` with the first thing that is wrong.

    Fields that the record does not have are left out and said in a note.
    """
    if not isinstance(data, dict):
        raise BadRecord("not_an_object", "A record is one JSON object; this is another value.")
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


def clock_skew(
    at: datetime,
    now: datetime,
    *,
    ahead: timedelta = timedelta(hours=24),
    behind: timedelta | None = None,
) -> Note | None:
    """Why a record should be quarantined for its time, or None.

    ``behind`` is for doors that take live traffic alone; files and backfills bring old turns.
    """
    if at - now > ahead:
        distance = at - now
        return Note("clock_skew", f"The turn is {_span_text(distance)} ahead of our clock.")
    if behind is not None and now - at > behind:
        return Note("clock_skew", f"The turn is {_span_text(now - at)} behind our clock.")
    return None


def _span_text(distance: timedelta) -> str:
    days = distance.days
    return f"{days} days" if days > 1 else f"{distance.total_seconds() / 3600:.1f} hours"
