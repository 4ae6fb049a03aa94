"""The turn record itself, and the checks of its fields.

Messages, tools and parameters are the JSON values that the source held, not copies in another
form: key order, integers of any size, NULs and lone surrogates survive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from conversations.ingest.notes import Note

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
        if added == self.notes:
            return self
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
