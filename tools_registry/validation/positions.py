"""Where each value of a JSON text stands: a tolerant reader that goes on as long as it can.

It never recurses, so any depth is fine, and it reads broken JSON up to the break.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from tools_registry.validation import pointers

Position = tuple[int, int]
"""Line and column, both counted from 1; columns in characters."""

_DEEPEST = 250
"""Values nested deeper have no position of their own: their pointers would grow with the square."""
_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
    (?P<mark>[{}\[\]:,])
    |(?P<string>"(?:[^"\\]|\\.)*+")
    |(?P<cut>"(?:[^"\\]|\\.)*+\\?$)
    |(?P<other>[^\s{}\[\]:,"]+))""",
    re.VERBOSE | re.DOTALL,
)


@dataclass
class Scan:
    """``offsets`` has each pointer's first value, ``duplicates`` the pointers that occur again.

    ``last`` is the value that was being read when the text ended or broke.
    """

    offsets: dict[str, int] = field(default_factory=dict)
    duplicates: list[str] = field(default_factory=list)
    last: str = ""


@dataclass
class _Frame:
    """An object or array that is open: the key or index of the value that comes next."""

    pointer: str
    is_object: bool
    is_told: bool = True
    keys: set[str] = field(default_factory=set)
    key: str | None = None
    index: int = 0

    def child(self) -> str:
        if not self.is_told:
            return self.pointer
        return pointers.append(self.pointer, self.index if not self.is_object else self.key or "")


def scan(text: str, *, stop: int | None = None) -> Scan:
    """Read ``text`` up to the offset ``stop``, its end, or the first thing that is not JSON."""
    found = Scan()
    frames: list[_Frame] = []
    at, end = 0, len(text) if stop is None else stop
    while at < end and (match := _TOKEN.match(text, at)):
        at = match.end()
        kind = match.lastgroup or ""
        start = match.start(kind)
        if start >= end or not _take(found, frames, match[kind], kind, start):
            break
    return found


def _take(found: Scan, frames: list[_Frame], token: str, kind: str, start: int) -> bool:
    """Account for one token; False where reading on makes no sense."""
    frame = frames[-1] if frames else None
    if token == ",":
        if frame is None:
            return False
        frame.index, frame.key = frame.index + 1, None
    elif token in "}]" and kind == "mark":
        if frame is None:
            return False
        found.last = frame.pointer
        frames.pop()
    elif token == ":" and kind == "mark":
        return frame is not None and frame.is_object
    elif frame and frame.is_object and frame.key is None:
        if kind != "string":
            return False
        _take_key(found, frame, token, start)
    else:
        pointer = frame.child() if frame else ""
        found.last = pointer
        found.offsets.setdefault(pointer, start)
        if token in "{[" and kind == "mark":
            frames.append(_Frame(pointer, token == "{", len(frames) < _DEEPEST))
    return True


def _take_key(found: Scan, frame: _Frame, token: str, start: int) -> None:
    try:
        frame.key = str(json.loads(token, strict=False))
    except ValueError:
        frame.key = token[1:-1]
    pointer = frame.child()
    found.last = pointer
    if frame.key in frame.keys:
        found.duplicates.append(pointer)
    else:
        found.offsets.setdefault(pointer, start)
    frame.keys.add(frame.key)


def json_positions(text: str) -> dict[str, Position]:
    """Line and column of every value of ``text``, by pointer; a member stands at its key.

    Where a key repeats, its first place counts. Broken JSON gives what stands before the break.
    """
    lines = [0, *(match.end() for match in re.finditer("\n", text))]
    result: dict[str, Position] = {}
    line = 0
    for pointer, offset in scan(text).offsets.items():
        while line + 1 < len(lines) and lines[line + 1] <= offset:
            line += 1
        result[pointer] = (line + 1, offset - lines[line] + 1)
    return result


def position(text: str, offset: int) -> Position:
    """Line and column of one character."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
