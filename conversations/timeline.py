"""A stored stream played again: which fragment arrived when, and what it did to its call.

The chunks go through the same assembler as they did live, so that what the page shows is what
the buffer held. Times are milliseconds since the request was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from conversations.assembly import Assembler
from conversations.parts import CallDelta, Decision, Event, TextDelta, WireProtocol
from conversations.wire import Chunk
from tools_registry.specs import ToolSpec
from tools_registry.validation.findings import Finding

Field = Literal["text", "reasoning", "name", "arguments"]
PROTOCOLS: tuple[WireProtocol, ...] = get_args(WireProtocol)
MOST = 1500
"""Steps of the scrubber; a longer stream has neighbours joined."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One piece of a text or a call. ``number`` counts the call's pieces from 1.

    ``offset`` is its place in the field's text, in characters; ``chunk`` the chunk that
    completed it, from 0. ``violation`` is the call's first one, from the piece on that made
    it certain. ``joined`` says of how many arrivals it was made.
    """

    at: float
    field: Field
    text: str
    offset: int
    choice: int
    call: int | None
    number: int
    chunk: int
    violation: Finding | None = None
    joined: int = 1

    @property
    def lane(self) -> tuple[int, int | None]:
        return self.choice, self.call


@dataclass(slots=True)
class Track:
    """One call along the stream. ``invalid`` is the piece from which on it could not be valid."""

    choice: int
    call: int
    name: str = ""
    fragments: int = 0
    first: Fragment | None = None
    last: Fragment | None = None
    invalid: Fragment | None = None

    @property
    def lane(self) -> tuple[int, int | None]:
        return self.choice, self.call


@dataclass(frozen=True, slots=True)
class Timeline:
    """All pieces in the order of their arrival, and the calls that they belong to.

    ``ended`` is the arrival of the last chunk, ``decisions`` what the assembly had to decide.
    """

    fragments: tuple[Fragment, ...]
    tracks: tuple[Track, ...]
    chunks: int
    ended: float
    decisions: tuple[Decision, ...] = ()

    @property
    def first(self) -> float:
        return self.fragments[0].at if self.fragments else 0.0

    @property
    def last(self) -> float:
        return self.fragments[-1].at if self.fragments else 0.0

    @property
    def call_fragments(self) -> int:
        return sum(track.fragments for track in self.tracks)

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The pieces for the scrubber: time, field, text, lane, number, is it invalid."""
        return [
            {
                "t": round(piece.at, 1),
                "f": piece.field,
                "x": piece.text,
                "l": f"{piece.choice}.{'' if piece.call is None else piece.call}",
                "n": piece.number,
                "v": piece.violation is not None,
            }
            for piece in self.fragments
        ]


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    fragments: list[Fragment] = field(default_factory=list)
    tracks: dict[tuple[int, int], Track] = field(default_factory=dict)
    text_length: dict[tuple[int, bool], int] = field(default_factory=dict)

    def take(self, events: Iterable[Event], at: float, chunk: int) -> None:
        for event in events:
            if isinstance(event, TextDelta):
                self._add_text(event, at, chunk)
            elif isinstance(event, CallDelta):
                self._add_call(event, at, chunk)

    def _add_text(self, event: TextDelta, at: float, chunk: int) -> None:
        key = (event.choice, event.reasoning)
        offset = self.text_length.get(key, 0)
        self.text_length[key] = offset + len(event.text)
        kind: Field = "reasoning" if event.reasoning else "text"
        self.fragments.append(Fragment(at, kind, event.text, offset, event.choice, None, 0, chunk))

    def _add_call(self, event: CallDelta, at: float, chunk: int) -> None:
        key = (event.choice, event.index)
        track = self.tracks.setdefault(key, Track(*key))
        track.fragments += 1
        track.name = event.name
        piece = Fragment(
            at,
            event.field,
            event.fragment,
            event.offset,
            event.choice,
            event.index,
            track.fragments,
            chunk,
            event.violation,
        )
        track.first, track.last = track.first or piece, piece
        if event.violation and track.invalid is None:
            track.invalid = piece
        self.fragments.append(piece)


def replay(
    protocol: WireProtocol,
    chunks: Iterable[Chunk],
    offered: Mapping[str, ToolSpec] | None = None,
) -> Timeline:
    """The timeline of stored chunks, as ``conversations.wire`` unpacks them."""
    assembler, reading = Assembler(protocol, offered=offered), _Reading()
    number, at = -1, 0.0
    for number, (at, chunk) in enumerate(chunks):
        reading.take(assembler.feed(chunk), at, number)
    reading.take(assembler.finish(), at, max(number, 0))
    tracks = tuple(reading.tracks[key] for key in sorted(reading.tracks))
    decisions = assembler.answer.decisions
    return Timeline(tuple(reading.fragments), tracks, number + 1, at, decisions)


def thin(timeline: Timeline, most: int = MOST) -> Timeline:
    """The same stream in at most about ``most`` steps: neighbours of one field are joined.

    A piece that made a call invalid stays a step of its own beginning.
    """
    if len(timeline.fragments) <= most:
        return timeline
    together = -(-len(timeline.fragments) // most)
    kept: list[Fragment] = []
    for piece in timeline.fragments:
        before = kept[-1] if kept else None
        if before and before.joined < together and _may_join(before, piece):
            kept[-1] = replace(before, text=before.text + piece.text, joined=before.joined + 1)
        else:
            kept.append(piece)
    return replace(timeline, fragments=tuple(kept))


def _may_join(before: Fragment, piece: Fragment) -> bool:
    same = before.lane == piece.lane and before.field == piece.field
    return same and (before.violation is None) == (piece.violation is None)
