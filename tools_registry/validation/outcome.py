"""What became of a call: read from the status that was reported and the text of its result.

Pure. Errors are looked for where tools put them: in the well-known members of a JSON object,
in MCP's ``isError``, and at the beginning of a text. Never in the middle of a text, and never
deep inside of data: a record of a failed payment is a good answer to "show my payments".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from console.lib.json import load
from tools_registry.validation.error_text import (
    FAILING,
    HEAD,
    LIMITED,
    TIMED_OUT,
    TRANSIENT,
    begins_as_error,
    http_in,
)

ExecutionCode = Literal["tool_error", "timeout", "rate_limited"]
Kind = Literal["pending", "ok", "empty", "failed"]

_FAILED_STATUS: dict[str | None, ExecutionCode | None] = {
    "error": None,
    "timeout": "timeout",
    "rate_limited": "rate_limited",
}

LONGEST_READ = 1_000_000
"""Characters beyond which a result is not parsed, only its beginning looked at."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``failed`` has its code and the error's own text; ``transient`` where trying again is
    sensible: limits, timeouts, HTTP 5xx and the like. ``empty`` is a result without a value.
    """

    kind: Kind
    code: ExecutionCode | None = None
    error: str = ""
    transient: bool = False
    http: int | None = None


@dataclass(frozen=True, slots=True)
class _Trouble:
    text: str
    http: int | None = None


def read_outcome(status: str | None, result: str | None) -> Outcome:
    """Triage one result. ``status`` is ok, error, timeout, rate_limited or nothing."""
    text = result or ""
    if status in _FAILED_STATUS:
        return _failed(find_error(text) or _Trouble(text.strip()), _FAILED_STATUS[status])
    if result is None:
        return Outcome("ok" if status else "pending")
    value = _parse(text)
    found = _find_error(text, value)
    if found:
        return _failed(found)
    return Outcome("empty" if _is_empty(text, value) else "ok")


def find_error(text: str) -> _Trouble | None:
    """The error that a result holds, whatever its status says."""
    return _find_error(text, _parse(text))


def _find_error(text: str, value: Any) -> _Trouble | None:
    try:
        if isinstance(value, Mapping):
            return _in_object(value)
        if isinstance(value, list):
            return _in_parts(value)
    except RecursionError:
        return None
    return _in_text(value if isinstance(value, str) else text)


def is_empty(text: str) -> bool:
    """Whether a result holds no value: null, nothing, ``{}``, or a wrapper of those.

    An empty list is a value: nothing was found.
    """
    return _is_empty(text, _parse(text))


def _is_empty(text: str, value: Any) -> bool:
    if value is _TEXT and len(text) <= HEAD:
        stripped = text.strip()
        if stripped in ("", "None", "undefined", "nil"):
            return True
        value = _parse(stripped)
    if isinstance(value, Mapping) and value:
        payload = [item for key, item in value.items() if _fold(key) in _PAYLOAD]
        others = [key for key in value if _fold(key) not in _PAYLOAD | _AROUND]
        return bool(payload) and not others and all(item in _VOID for item in payload)
    return value is not _TEXT and value in _VOID


_TEXT = object()
_VOID: tuple[Any, ...] = (None, "", {})
_PAYLOAD = frozenset({"data", "result", "results", "response", "value", "output", "content"})
_AROUND = frozenset({"status", "success", "ok", "message", "error", "errors", "exception", "code"})


_SPACE = " \t\r\n"
_ENDS = {"{": "}", "[": "]", '"': '"', "n": "l"}


def _parse(text: str) -> Any:
    """The JSON value; ``_TEXT`` where it is none, such as one that was cut."""
    last = _ENDS.get(text.lstrip(_SPACE)[:1])
    if last is None or len(text) > LONGEST_READ or text.rstrip(_SPACE)[-1] != last:
        return _TEXT
    try:
        return load(text)
    except (ValueError, RecursionError):
        return _TEXT


def _fold(key: Any) -> str:
    return str(key).replace("_", "").replace("-", "").casefold()


# Members that speak of an error by being there and not void.
_ERRORS = frozenset({"error", "errors", "exception", "errormessage", "errortype", "fault"})
_NO_ERROR = frozenset(
    {"", "none", "null", "nil", "no", "false", "0", "ok", "success", "n/a", "no error", "no errors"}
)
_MESSAGES = ("message", "msg", "detail", "description", "reason", "error", "title", "type", "code")
_HTTP_KEYS = frozenset({"status", "statuscode", "httpstatus", "httpcode", "httpstatuscode", "code"})
_BAD_STATUS = frozenset({"error", "exception", "fail", "timeout", "ratelimited", "ratelimit"})
_BAD_WITH_REASON = _BAD_STATUS | {"failed", "failure", "unavailable"}
_TRUTH = frozenset({"success", "succeeded", "ok", "issuccess", "successful"})


def _in_object(value: Mapping[str, Any]) -> _Trouble | None:
    """The error of a JSON object, by its own members or those of its only one."""
    members = {_fold(key): item for key, item in value.items()}
    told = _told_by_members(members)
    if told is None and len(value) == 1:
        (inner,) = value.values()
        if isinstance(inner, Mapping) and next(iter(members)) in _PAYLOAD:
            return _in_object(inner)
        if isinstance(inner, str) and next(iter(members)) in _PAYLOAD | {"message", "detail"}:
            return _in_text(inner)
    return told


def _told_by_members(members: Mapping[str, Any]) -> _Trouble | None:
    if members.get("iserror") is True:
        return _Trouble(_message(members.get("content") or members), _http_of(members))
    for key in _ERRORS & members.keys():
        if _speaks(members[key]):
            # A whole family of members (error, errorMessage…): the one that says most.
            said = max((_message(members[k]) for k in _ERRORS & members.keys()), key=len)
            return _Trouble(said, _http_of(members[key]) or _http_of(members))
    if any(members.get(key) is False or members.get(key) == "false" for key in _TRUTH):
        return _Trouble(_message(members), _http_of(members))
    if _is_bad_status(members) or _http_status(members):
        return _Trouble(_message(members), _http_of(members))
    return _told_by_apology(members)


def _is_bad_status(members: Mapping[str, Any]) -> bool:
    status = members.get("status")
    if not isinstance(status, str):
        return False
    reasoned = len(members) <= 4 and any(isinstance(members.get(k), str) for k in _MESSAGES[:5])
    return _fold(status) in (_BAD_WITH_REASON if reasoned else _BAD_STATUS)


def _http_status(members: Mapping[str, Any]) -> bool:
    """Whether a member is an HTTP status of failure; a bare ``code`` needs a message beside it."""
    certain = {key: item for key, item in members.items() if key != "code"}
    if _http_of(certain):
        return True
    return bool(_http_of(members)) and any(key in members for key in _MESSAGES[:5])


def _told_by_apology(members: Mapping[str, Any]) -> _Trouble | None:
    """``{"data": null, "message": "rate limited"}``: nothing, and a word on why."""
    payload = [members[key] for key in _PAYLOAD & members.keys()]
    said = next((members[k] for k in _MESSAGES[:5] if isinstance(members.get(k), str)), "")
    void = payload and all(item in (*_VOID, []) for item in payload)
    return _Trouble(said) if void and FAILING.search(said[:HEAD]) else None


def _speaks(item: Any) -> bool:
    if isinstance(item, str):
        return item.strip().casefold() not in _NO_ERROR and not _is_number(item)
    if isinstance(item, bool) or item is None or isinstance(item, Mapping | list):
        return bool(item)
    return _as_http(item) is not None


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"\s*[-+]?\d+(\.\d+)?\s*", text[:40])) and _as_http(text) is None


def _message(value: Any) -> str:
    """The words of an error, wherever they stand in it."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list) and value:
        return _message(value[0])
    if isinstance(value, Mapping):
        members = {_fold(key): item for key, item in value.items()}
        if isinstance(members.get("text"), str):
            return str(members["text"]).strip()
        for key in _MESSAGES:
            if members.get(key) not in (*_VOID, [], False, True) and not _is_status(members[key]):
                return _message(members[key])
    return json.dumps(value, ensure_ascii=False)


def _is_status(item: Any) -> bool:
    return isinstance(item, int) and not isinstance(item, bool)


def _http_of(value: Any) -> int | None:
    if not isinstance(value, Mapping):
        return _as_http(value)
    codes = (_as_http(item) for key, item in value.items() if _fold(key) in _HTTP_KEYS)
    return next((code for code in codes if code), None)


def _as_http(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[45]\d\d", value.strip()):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599:
        return value
    return None


def _in_parts(items: list[Any]) -> _Trouble | None:
    """The error of a list of content parts, as MCP and Anthropic send texts."""
    if len(items) != 1 or not isinstance(items[0], Mapping):
        return None
    text = items[0].get("text")
    return _in_text(text) if items[0].get("type") == "text" and isinstance(text, str) else None


def _in_text(text: str) -> _Trouble | None:
    return _Trouble(text.strip(), http_in(text)) if begins_as_error(text) else None


def _failed(trouble: _Trouble, code: ExecutionCode | None = None) -> Outcome:
    head = trouble.text[:HEAD]
    http = trouble.http or http_in(head)
    code = code or _code(head, http)
    transient = code != "tool_error" or _is_transient(head, http)
    return Outcome("failed", code, trouble.text, transient, http)


def _is_transient(head: str, http: int | None) -> bool:
    if http is not None:
        return http == 425 or (http >= 500 and http != 501)
    return bool(TRANSIENT.search(head))


def _code(head: str, http: int | None) -> ExecutionCode:
    if http == 429 or (http is None and LIMITED.search(head)):
        return "rate_limited"
    if http in (408, 504, 524) or (http is None and TIMED_OUT.search(head)):
        return "timeout"
    return "tool_error"
