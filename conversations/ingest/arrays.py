"""Arrays that lie in memory whole: parsed at once where that gives every value exactly, else
element by element up to the first that is none. What is left then goes the way that survives
anything (``batch.split_records``)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from console.lib import json
from conversations.ingest.record.limits import is_shallow
from conversations.ingest.record.reading import DECODER

LARGEST = 8 * 1024 * 1024
"""Bytes of a body that is read so."""
_SPACE = re.compile(r"[ \t\n\r]*")


class Element(NamedTuple):
    """One value with its text; ``rest`` is where the next one begins, -1 after the last."""

    value: Any
    raw: bytes
    rest: int


class Whole:
    """An array's text. The bytes of its elements are cut out only where they are asked for."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    @cached_property
    def pieces(self) -> list[bytes]:
        return [element.raw for element in read_elements(self._body.decode("utf-8-sig"))]


@dataclass(frozen=True, slots=True)
class Cut:
    """The bytes of one element: ``bytes(cut)``."""

    whole: Whole
    place: int

    def __bytes__(self) -> bytes:
        return self.whole.pieces[self.place]


def read_at_once(body: bytes, deepest: int) -> list[Any] | None:
    """The elements of an array; None where another way has to read them. None of what is given
    nests deeper than ``deepest``."""
    if not body.lstrip(b" \t\n\r").startswith(b"["):
        return None
    try:
        values = json.load_plain(body)
    except ValueError:
        return None
    return values if isinstance(values, list) and is_shallow(body, deepest + 1) else None


def read_elements(text: str) -> Iterator[Element]:
    """The elements of a JSON array's text as far as they can be read."""
    at = _skip(text, text.index("[") + 1)
    while True:
        try:
            value, end = DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        mark = text[(following := _skip(text, end)) : following + 1]
        if mark not in (",", "]"):
            return
        raw, at = text[at:end].encode(), _skip(text, following + 1)
        yield Element(value, raw, -1 if mark == "]" else at)
        if mark == "]":
            return


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def open_array(body: bytes) -> str | None:
    """The text of a body that is an array, None of any other."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return text if text.lstrip(" \t\n\r").startswith("[") else None
