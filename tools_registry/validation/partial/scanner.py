"""An incremental JSON scanner (RFC 8259): fragments of a text in, structure out.

It can stop and go on anywhere: inside a string, an escape, a number or a literal. Work is
linear in the text, memory is the text once and one entry a level of nesting.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from typing import Literal, Protocol

Kind = Literal["object", "array", "string", "number", "boolean", "null"]

_SPACE = re.compile(r"[ \t\n\r]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_KINDS: dict[str, Kind] = {
    "{": "object",
    "[": "array",
    '"': "string",
    "t": "boolean",
    "f": "boolean",
    "n": "null",
    **dict.fromkeys("-0123456789", "number"),
}
_WORDS = {"t": "true", "f": "false", "n": "null"}
_ESCAPES = frozenset('"\\/bfnrt')
_HEX = frozenset("0123456789abcdefABCDEF")

# The states of a number, each with the characters that it may go on with.
_DIGITS = "0123456789"
_NUMBER: dict[str, dict[str, str]] = {
    "minus": {"0": "zero", **dict.fromkeys("123456789", "whole")},
    "zero": {".": "point", "e": "power", "E": "power"},
    "whole": {**dict.fromkeys(_DIGITS, "whole"), ".": "point", "e": "power", "E": "power"},
    "point": dict.fromkeys(_DIGITS, "fraction"),
    "fraction": {**dict.fromkeys(_DIGITS, "fraction"), "e": "power", "E": "power"},
    "power": {"+": "sign", "-": "sign", **dict.fromkeys(_DIGITS, "exponent")},
    "sign": dict.fromkeys(_DIGITS, "exponent"),
    "exponent": dict.fromkeys(_DIGITS, "exponent"),
}
_NUMBER_MAY_END = frozenset({"zero", "whole", "fraction", "exponent"})


class Sink(Protocol):
    """What hears of the structure. Positions are characters of the whole text."""

    def opens(self, kind: Kind) -> None:
        """A value begins; its first character tells its kind."""

    def names(self, start: int, end: int) -> None:
        """A key was read: ``start`` to ``end`` with its quotation marks."""

    def grows(self, start: int, end: int) -> None:
        """A string value that began at ``start`` has come as far as ``end``."""

    def closes(self, kind: Kind, start: int, end: int) -> None:
        """A value ended."""


class FragmentText:
    """A text that only grows, kept as its fragments; any slice costs its own length."""

    def __init__(self) -> None:
        self._fragments: list[str] = []
        self._starts: list[int] = []
        self.length = 0

    def append(self, fragment: str) -> None:
        self._fragments.append(fragment)
        self._starts.append(self.length)
        self.length += len(fragment)

    def slice(self, start: int, end: int) -> str:
        first = bisect_right(self._starts, start) - 1
        last = bisect_right(self._starts, end - 1)
        begin = start - self._starts[first]
        return "".join(self._fragments[first:last])[begin : begin + end - start]


class Scanner:
    """Reads JSON in fragments and tells ``sink``.

    ``ended`` is True once the whole value has been read, ``broken`` says what is wrong at
    ``broken_at`` and stops the reading.
    """

    def __init__(self, sink: Sink) -> None:
        self.text = FragmentText()
        self.ended = False
        self.broken: str | None = None
        self.broken_at = 0
        self._sink = sink
        self._base = 0
        self._step: Callable[[str, int], int] = self._value
        self._open: list[tuple[Kind, int]] = []
        self._start = 0
        self._in_key = False
        self._word = ""
        self._digits_left = 0
        self._number_state = ""

    def feed(self, fragment: str) -> None:
        self._base = self.text.length
        self.text.append(fragment)
        position, length = 0, len(fragment)
        while position < length and self.broken is None:
            position = self._step(fragment, position)
        if self._step == self._string and not self._in_key:
            self._sink.grows(self._start, self.text.length)

    def _break(self, position: int, reason: str) -> int:
        self.broken, self.broken_at = reason, self._base + position
        return position

    def _value(self, text: str, position: int) -> int:
        position = _SPACE.match(text, position).end()  # type: ignore[union-attr]
        if position == len(text):
            return position
        char = text[position]
        kind = _KINDS.get(char)
        if kind is None:
            return self._break(position, f"a value was expected, not {char!r}")
        self._start = self._base + position
        self._sink.opens(kind)
        if kind == "string":
            self._in_key, self._step = False, self._string
        elif kind in ("object", "array"):
            self._open.append((kind, self._start))
            self._step = self._first_key if kind == "object" else self._first_item
        elif kind == "number":
            self._number_state = {"-": "minus", "0": "zero"}.get(char, "whole")
            self._step = self._number
        else:
            self._word, self._step = _WORDS[char][1:], self._literal
        return position + 1

    def _first_item(self, text: str, position: int) -> int:
        position = _SPACE.match(text, position).end()  # type: ignore[union-attr]
        if position < len(text):
            if text[position] == "]":
                return self._close(position)
            self._step = self._value
        return position

    def _first_key(self, text: str, position: int) -> int:
        position = _SPACE.match(text, position).end()  # type: ignore[union-attr]
        if position < len(text) and text[position] == "}":
            return self._close(position)
        return self._key(text, position)

    def _key(self, text: str, position: int) -> int:
        position = _SPACE.match(text, position).end()  # type: ignore[union-attr]
        if position == len(text):
            return position
        if text[position] != '"':
            return self._break(position, f"a key in quotes was expected, not {text[position]!r}")
        self._start = self._base + position
        self._in_key, self._step = True, self._string
        return position + 1

    def _colon(self, text: str, position: int) -> int:
        position = _SPACE.match(text, position).end()  # type: ignore[union-attr]
        if position == len(text):
            return position
        if text[position] != ":":
            return self._break(position, f"a colon was expected, not {text[position]!r}")
        self._step = self._value
        return position + 1

    def _after(self, text: str, position: int) -> int:
        position = _SPACE.match(text, position).end()  # type: ignore[union-attr]
        if position == len(text):
            return position
        char = text[position]
        in_object = self._open[-1][0] == "object"
        if char == ("}" if in_object else "]"):
            return self._close(position)
        if char != ",":
            return self._break(position, f"a comma or the end was expected, not {char!r}")
        self._step = self._key if in_object else self._value
        return position + 1

    def _rest(self, text: str, position: int) -> int:
        position = _SPACE.match(text, position).end()  # type: ignore[union-attr]
        if position < len(text):
            self.ended = False
            return self._break(position, "text goes on after the arguments have ended")
        return position

    def _close(self, position: int) -> int:
        kind, start = self._open.pop()
        self._done(kind, start, self._base + position + 1)
        return position + 1

    def _done(self, kind: Kind, start: int, end: int) -> None:
        if self._open:
            self._step = self._after
        else:
            self._step, self.ended = self._rest, True
        self._sink.closes(kind, start, end)

    def _string(self, text: str, position: int) -> int:
        position = _PLAIN.match(text, position).end()  # type: ignore[union-attr]
        if position == len(text):
            return position
        char = text[position]
        if char == "\\":
            self._step = self._escape
        elif char != '"':
            return self._break(position, f"the control character {char!r} is not escaped")
        elif self._in_key:
            self._step = self._colon
            self._sink.names(self._start, self._base + position + 1)
        else:
            self._done("string", self._start, self._base + position + 1)
        return position + 1

    def _escape(self, text: str, position: int) -> int:
        char = text[position]
        if char == "u":
            self._digits_left, self._step = 4, self._unicode
        elif char in _ESCAPES:
            self._step = self._string
        else:
            return self._break(position, f"JSON has no escape \\{char}")
        return position + 1

    def _unicode(self, text: str, position: int) -> int:
        if text[position] not in _HEX:
            return self._break(position, "a \\u escape needs four hexadecimal digits")
        self._digits_left -= 1
        if not self._digits_left:
            self._step = self._string
        return position + 1

    def _number(self, text: str, position: int) -> int:
        state, length = self._number_state, len(text)
        while position < length and (following := _NUMBER[state].get(text[position])):
            state = following
            position += 1
        self._number_state = state
        if position < length:
            if state not in _NUMBER_MAY_END:
                return self._break(position, f"a digit was expected, not {text[position]!r}")
            self._done("number", self._start, self._base + position)
        return position

    def _literal(self, text: str, position: int) -> int:
        if text[position] != self._word[0]:
            return self._break(position, "only true, false and null are words of JSON")
        self._word = self._word[1:]
        if not self._word:
            kind: Kind = "null" if text[position] == "l" else "boolean"
            self._done(kind, self._start, self._base + position + 1)
        return position + 1
