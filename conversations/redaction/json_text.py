"""Redaction inside a text that holds JSON: only values that change are written anew.

Every other byte stays: white space, the form of numbers, repeated keys, and whatever follows
the place where broken JSON breaks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from conversations.redaction.pointers import Path, Pointer
from conversations.redaction.rules import Counts, Rules

_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*+")|(?P<cut>"(?:[^"\\]|\\.)*+\\?\Z)|(?P<mark>[{}\[\]:,])'
    r'|(?P<other>[^\s{}\[\]:,"]+)',
    re.DOTALL,
)
_STARTS = re.compile(r'\s*[{\["]')
_INTEGER = re.compile(r"\d{7,19}", re.ASCII)
_DEEPEST = 4
"""JSON in a string in JSON, and so on: so many times it is read as JSON."""


def redact_text(text: str, rules: Rules, counts: Counts) -> str:
    """A text by the rules; JSON in it keeps its form, and its strings are read as they mean."""
    return redact_json(text, rules, (), counts)


def redact_json(
    text: str, rules: Rules, pointers: tuple[Pointer, ...], counts: Counts, depth: int = 0
) -> str:
    """The text by the rules. ``pointers`` are those that lead into this text."""
    if pointers:
        return _redact(text, rules, pointers, counts, depth)
    if rules.is_clean(text):
        return text
    new = _redact(text, rules, (), counts, depth)
    if new == text:
        rules.note_clean(text)
    return new


def _redact(
    text: str, rules: Rules, pointers: tuple[Pointer, ...], counts: Counts, depth: int
) -> str:
    is_json = depth < _DEEPEST and _STARTS.match(text) is not None
    if not is_json:
        return rules.replace(text, counts)
    if not pointers and "\\" not in text and not rules.touches(text):
        return text
    written = _Writing(text, rules, pointers, counts, depth).write()
    return written if _is_whole(text) else rules.replace(written, counts)


def _is_whole(text: str) -> bool:
    try:
        json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


@dataclass
class _Frame:
    """An object or array that is open, and the name or index of the value that comes next."""

    is_object: bool
    key: str | None = None
    index: int = 0
    hidden: dict[str, int] = field(default_factory=dict)
    """How often each replacement has become a name here."""

    @property
    def step(self) -> str:
        return (self.key or "") if self.is_object else str(self.index)


@dataclass
class _Writing:
    text: str
    rules: Rules
    pointers: tuple[Pointer, ...]
    counts: Counts
    depth: int
    frames: list[_Frame] = field(default_factory=list)

    def write(self) -> str:
        parts, at = [], 0
        for start, end, new in self._changes():
            parts += [self.text[at:start], new]
            at = end
        return "".join([*parts, self.text[at:]]) if parts else self.text

    def _changes(self) -> Iterator[tuple[int, int, str]]:
        """(start, end, what to write there), in order."""
        tokens = _TOKEN.finditer(self.text)
        for match in tokens:
            token, frame = match[0], self.frames[-1] if self.frames else None
            kind = match.lastgroup
            if kind == "mark" and token not in "{[":
                self._close(token)
                continue
            if frame and frame.is_object and frame.key is None:
                new = self._rename(frame, token, kind)
            elif pointer := self._pointer():
                end = self._skip(match, tokens)
                if self.text[match.start() : end] != _quote(pointer.replacement):
                    self.counts[pointer.name] = self.counts.get(pointer.name, 0) + 1
                    yield match.start(), end, _quote(pointer.replacement)
                continue
            elif kind == "mark":
                self.frames.append(_Frame(token == "{"))
                continue
            else:
                new = self._replace(token, kind)
            if new is not None:
                yield match.start(), match.end(), new

    def _close(self, token: str) -> None:
        if not self.frames:
            return
        if token == ",":
            self.frames[-1].index += 1
            self.frames[-1].key = None
        elif token in "}]":
            self.frames.pop()

    def _pointer(self) -> Pointer | None:
        if not self.pointers:
            return None
        path: Path = tuple(frame.step for frame in self.frames)
        return next((pointer for pointer in self.pointers if pointer.matches(path)), None)

    def _skip(self, match: re.Match[str], tokens: Iterator[re.Match[str]]) -> int:
        """Where the value that begins at ``match`` ends; broken JSON's ends with the text."""
        if match[0] not in ("{", "["):
            return match.end()
        open_ = 1
        for token in tokens:
            if token.lastgroup == "mark":
                open_ += (token[0] in "{[") - (token[0] in "}]")
            if not open_:
                return token.end()
        return len(self.text)

    def _rename(self, frame: _Frame, token: str, kind: str | None) -> str | None:
        """What to write for a name; names that become the same are numbered."""
        name = _read(token) if kind == "string" else None
        frame.key = token if name is None else name
        new = self._replace(token, kind)
        if new is None:
            return None
        seen = frame.hidden[new] = frame.hidden.get(new, 0) + 1
        return new if seen == 1 else f'{new[:-1]} {seen}"'

    def _replace(self, token: str, kind: str | None) -> str | None:
        if kind == "string":
            value = _read(token)
            if value is not None:
                new = redact_json(value, self.rules, (), self.counts, self.depth + 1)
                return None if new == value else _quote(new)
        if kind == "other" and not _INTEGER.fullmatch(token):
            return None
        new = self.rules.replace(token, self.counts)
        if new == token:
            return None
        return _quote(new) if kind == "other" else new


def _read(token: str) -> str | None:
    try:
        value = json.loads(token, strict=False)
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())
