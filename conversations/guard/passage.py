"""What of a guarded stream may pass before its calls are judged. Pure."""

from __future__ import annotations

import re

from console.lib import json
from conversations.assembly import Assembler
from conversations.assembly.framing import EventFraming
from conversations.guard.wording import Body
from conversations.parts import Answer, CallStarted, Event, TextDelta, WireProtocol

# The blank line that ends an event; CRLF is one end of a line, and may arrive in two parts.
_BLANK = re.compile(rb"(?>\r\n|\r|\n)(?:\r\n|\n|\r(?=[^\n]))")
_BLANK_LONGEST = 4


class Passage:
    """Lets the events of a stream pass from its first text on, and up to its first call.

    What begins with a call, or with reasoning that leads to one, has not begun for the client: an
    answer in its place can be passed as it is.
    """

    def __init__(self, protocol: WireProtocol) -> None:
        self._assembler = Assembler(protocol)
        self._rest = bytearray()
        self._looked = 0
        self._kept: list[bytes] = []
        self._is_speaking = self._is_calling = False

    def feed(self, chunk: bytes) -> bytes:
        """What passes once this has arrived: whole events, as they came."""
        self._rest += chunk
        passing = []
        for event in self._take_events():
            self._read(self._assembler.feed(event))
            self._kept.append(event)
            if self._is_speaking and not self._is_calling:
                passing += self._kept
                self._kept = []
        return b"".join(passing)

    def finish(self) -> Answer:
        """The stream ended: what it was."""
        self._assembler.feed(bytes(self._rest))
        self._assembler.finish()
        return self._assembler.answer

    def _take_events(self) -> list[bytes]:
        """The events that have ended, with the blank lines that end them. What was looked through
        is not looked through again: an event may come in many parts."""
        events, begin = [], 0
        for found in _BLANK.finditer(self._rest, self._looked):
            events.append(bytes(self._rest[begin : found.end()]))
            begin = found.end()
        del self._rest[:begin]
        self._looked = max(0, len(self._rest) - _BLANK_LONGEST)
        return events

    def _read(self, said: list[Event]) -> None:
        for one in said:
            self._is_calling |= isinstance(one, CallStarted)
            self._is_speaking |= isinstance(one, TextDelta) and bool(one.text) and not one.reasoning


def read_payloads(body: bytes, *, streamed: bool) -> list[Body]:
    """The JSON objects of a stream's events, or the one of an answer that is none."""
    framing = EventFraming()
    texts = [one.data for one in (*framing.feed(body), *framing.finish())] if streamed else [body]
    return [found for text in texts if isinstance(found := _load(text), dict)]


def _load(text: str | bytes) -> object:
    try:
        found: object = json.load(text)
    except (ValueError, RecursionError):
        return None
    return found
