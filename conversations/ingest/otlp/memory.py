"""What the spans of one body say again: histories that grow, instructions, tools. Read once.

The JSON text of a turn's messages mostly begins with that of a turn before it. What is the same
text comes out as the same objects, so that whoever goes on with them knows them again; nobody
changes them.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from console.lib import json
from conversations.ingest.notes import Note
from conversations.ingest.record import check_depth

_LATEST = 4
"""Lists of one conversation that a list may go on from: agents of a trace take turns."""
_SPACE = " \t\n\r"

Read = tuple[list[dict[str, Any]] | None, list[Note]]
"""Messages or tools with the notes on them; None where the source has none."""
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class _Told:
    """A list as it was read; ``stem`` is its text without the closing bracket."""

    stem: str
    messages: list[dict[str, Any]]
    notes: list[Note]


class Memory:
    """Of one body: it keeps all that it was given."""

    def __init__(self) -> None:
        self._told: dict[str, deque[_Told]] = defaultdict(lambda: deque(maxlen=_LATEST))
        self._values: dict[tuple[str, Callable[[str], Any]], Any] = {}
        self._shallow: dict[tuple[int, int], Any] = {}

    def read_history(
        self, talk: str, text: str, read: Callable[[Any], tuple[list[Any], list[Note]]]
    ) -> Read | None:
        """The messages of a JSON array's text, each element read by ``read``; None where it is
        no array. ``talk`` names the conversation that it is of."""
        known = self._told[talk]
        before = max(
            (one for one in known if text.startswith(one.stem)),
            key=lambda one: len(one.stem),
            default=None,
        )
        rest = None if before is None else _rest_of(text, before.stem)
        if before is None or rest is None:
            before, rest = _Told("", [], []), _load_list(text)
        if rest is None:
            return None
        messages, notes = [*before.messages], [*before.notes]
        for element in rest:
            more, said = read(element)
            messages += more
            notes += said
        if rest and text[0] == "[":
            known.append(_Told(text.rstrip(_SPACE)[:-1], messages, notes))
        return messages, notes

    def read_value(self, text: str, read: Callable[[str], Value]) -> Value:
        """What ``read`` makes of a text, once for each text."""
        key = text, read
        if key not in self._values:
            self._values[key] = read(text)
        found: Value = self._values[key]
        return found

    def check_depth(self, values: Iterable[Any], deepest: int) -> None:
        """Raise ``too_deep`` where one of the values nests deeper; each is looked at once."""
        for value in values:
            key = id(value), deepest
            if key not in self._shallow:
                check_depth(value, deepest)
                self._shallow[key] = value


def _rest_of(text: str, stem: str) -> list[Any] | None:
    """The elements of an array's text after those of ``stem``, with which it begins."""
    rest = text[len(stem) :].lstrip(_SPACE)
    if rest.rstrip(_SPACE) == "]":
        return []
    return (_load_list("[" + rest[1:]) or None) if rest.startswith(",") else None


def _load_list(text: str) -> list[Any] | None:
    try:
        value = json.load(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None
