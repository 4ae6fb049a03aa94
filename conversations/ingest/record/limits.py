"""How large and how deep a record may be, and what is said of one that cannot be stored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import orjson

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
    "clock_skew",
    "not_stored",
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


_STRING = re.compile(rb'"[^"]*+"')
_NO_MARKS = bytes(code for code in range(256) if code not in b'[]{}"')


def is_shallow(raw: bytes, deepest: int) -> bool:
    """Does this JSON text, which was parsed before, surely nest no deeper?"""
    if raw.count(b"[") + raw.count(b"{") <= deepest:
        return True
    for escaped in (b"\\\\", b'\\"'):
        if escaped in raw:
            raw = raw.replace(escaped, b"")
    marks = raw.translate(None, _NO_MARKS).replace(b'""', b"")
    if b'"' in marks:
        marks = _STRING.sub(b"", marks)
    for _ in range(deepest // 2):  # one round takes away one level or two
        if not marks:
            return True
        marks = marks.replace(b"[]", b"").replace(b"{}", b"")
    return not marks


def _writes_shallow(value: Any, deepest: int) -> bool:
    """The quick way: its text is looked at. It cannot tell of what orjson does not write."""
    try:
        return is_shallow(orjson.dumps(value), deepest)
    except TypeError:
        return False


_NESTS = (dict, list)


def check_depth(value: Any, deepest: int) -> None:
    """Raise ``too_deep`` where objects and arrays nest deeper than ``deepest``, by no recursion."""
    level = [value] if isinstance(value, _NESTS) else []
    for depth in range(deepest):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, _NESTS)
        ]
        if not level:
            return
        if depth == 0 and _writes_shallow(value, deepest):
            return
    raise BadRecord(
        "too_deep",
        f"Objects and arrays nest deeper than {deepest}. Send such content as text.",
    )
