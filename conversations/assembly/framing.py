"""Bytes to frames: server-sent events (WHATWG HTML, section 9.2) and newline-delimited JSON.

Lines are split as bytes and decoded whole, so a cut anywhere, also inside a character,
changes nothing. Only CR, LF and CRLF end a line; no other Unicode separator does.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_LINE_END = re.compile(rb"\r\n|\r|\n")
FIELDS = ("data", "event", "id", "retry")
_BOM = b"\xef\xbb\xbf"


class Frame(NamedTuple):
    """One dispatched event.

    ``stray`` marks a line that is no field of the format (a bare JSON error, an HTML page);
    ``ended`` is False for what the stream's end cut off; ``damaged`` where bytes were no UTF-8
    and became U+FFFD.
    """

    data: str
    event: str = ""
    stray: bool = False
    ended: bool = True
    damaged: bool = False


class Lines:
    """Bytes in any cut to whole lines without their ends."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._after_cr = False
        self._first = True

    def feed(self, chunk: bytes) -> list[bytes]:
        if not chunk:
            return []
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        head, *rest = _LINE_END.split(chunk)
        self._held.append(head)
        if not rest:
            return []
        lines = [self._take(), *rest[:-1]]
        self._held = [rest[-1]]
        return lines

    def is_between(self) -> bool:
        """Whether the next byte begins a line that is not the first one."""
        return not self._first and not self._after_cr and self._held == [b""]

    def finish(self) -> bytes:
        """The last line, which nothing ended; empty if there is none."""
        return self._take()

    def _take(self) -> bytes:
        line = b"".join(self._held)
        self._held = []
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        return line


def _decode(line: bytes) -> tuple[str, bool]:
    try:
        return line.decode(), False
    except UnicodeDecodeError:
        return line.decode(errors="replace"), True


class EventFraming:
    """Server-sent events. Comments, ``id`` and ``retry`` are read and carry nothing for us."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._data: list[str] = []
        self._event = ""
        self._damaged = False

    def feed(self, chunk: bytes) -> list[Frame]:
        if (whole := self._whole(chunk)) is not None:
            return [whole]
        frames: list[Frame] = []
        for line in self._lines.feed(chunk):
            self._read(line, frames)
        return frames

    def _whole(self, chunk: bytes) -> Frame | None:
        """A chunk that is just one line of data, as most are."""
        plain = (
            chunk.startswith(b"data: {")
            and chunk.endswith(b"}\n\n")
            and chunk.count(b"\n") == 2
            and b"\r" not in chunk
            and self._lines.is_between()
            and not (self._data or self._event or self._damaged)
        )
        try:
            return Frame(chunk[6:-2].decode()) if plain else None
        except UnicodeDecodeError:
            return None

    def finish(self) -> list[Frame]:
        """The event that the stream's end left without its blank line, marked not ended."""
        frames: list[Frame] = []
        rest = self._lines.finish()
        if rest:
            self._read(rest, frames, ended=False)
        self._dispatch(frames, ended=False)
        return frames

    def _read(self, line: bytes, frames: list[Frame], *, ended: bool = True) -> None:
        if not line:
            self._dispatch(frames)
            return
        if line.startswith(b":"):
            return
        text, damaged = _decode(line)
        self._damaged |= damaged
        field, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._event = value
        elif field not in FIELDS:
            frames.append(Frame(text, stray=True, ended=ended, damaged=damaged))

    def _dispatch(self, frames: list[Frame], *, ended: bool = True) -> None:
        data = "\n".join(self._data)
        if data:
            frames.append(Frame(data, self._event, ended=ended, damaged=self._damaged))
        self._data, self._event, self._damaged = [], "", False


class LineFraming:
    """Newline-delimited JSON: every line that is not blank is a frame."""

    def __init__(self) -> None:
        self._lines = Lines()

    def feed(self, chunk: bytes) -> list[Frame]:
        return [self._frame(line) for line in self._lines.feed(chunk) if line.strip()]

    def finish(self) -> list[Frame]:
        rest = self._lines.finish()
        return [self._frame(rest, ended=False)] if rest.strip() else []

    def _frame(self, line: bytes, *, ended: bool = True) -> Frame:
        text, damaged = _decode(line)
        return Frame(text, ended=ended, damaged=damaged)
