"""Where the marks of a timeline stand: numbers for the attributes of an SVG, no colours."""

from __future__ import annotations

import math
from dataclasses import dataclass

from conversations.timeline import Fragment, Timeline, Track

WIDTH = 880.0
LEFT, RIGHT = 230.0, 869.5
TOP, ROW = 24.0, 36.0
MARK = 3.0
LETTER = 5.8
"""Width of one letter of a mark's label."""
MOST_CALLS = 6


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    y: float
    kind: str
    title: str
    label: str

    @property
    def label_x(self) -> float:
        return self.x + MARK + 2.5

    @property
    def label_y(self) -> float:
        return self.y + 12


@dataclass(frozen=True, slots=True)
class Row:
    """``label`` stands at its left; ``y`` is the line of its text."""

    label: str
    y: float


@dataclass(frozen=True, slots=True)
class Span:
    x: float
    y: float
    width: float
    kind: str


@dataclass(frozen=True, slots=True)
class Limit:
    """Where a call became invalid. ``anchor`` is the side on which its words have room."""

    x: float
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Plot:
    height: float
    rows: list[Row]
    marks: list[Mark]
    spans: list[Span]
    limits: list[Limit]
    grid: list[tuple[float, str]]
    hidden_calls: int

    @property
    def bottom(self) -> float:
        return self.height - 20

    @property
    def axis_y(self) -> float:
        return self.height - 4


def plot(timeline: Timeline) -> Plot:
    """One row for text, and for each call its name, arguments and validity."""
    scale = _Scale(timeline)
    rows: list[Row] = []
    marks: list[Mark] = []
    spans: list[Span] = []
    limits: list[Limit] = []
    y = TOP
    for kind, label in (("reasoning", "Reasoning"), ("text", "Text")):
        pieces = [piece for piece in timeline.fragments if piece.field == kind]
        if pieces:
            rows.append(Row(label, y + 13))
            marks += _marks(pieces, y, scale)
            y += ROW
    shown = timeline.tracks[:MOST_CALLS]
    for track in shown:
        y = _plot_call(track, timeline, y, scale, (rows, marks, spans, limits))
    grid = [(scale.x(at), label) for at, label in ticks(timeline.first, timeline.last)]
    hidden = len(timeline.tracks) - len(shown)
    return Plot(y + 26, rows, marks, spans, limits, grid, hidden)


_Parts = tuple[list[Row], list[Mark], list[Span], list[Limit]]


def _plot_call(track: Track, timeline: Timeline, y: float, scale: _Scale, parts: _Parts) -> float:
    rows, marks, spans, limits = parts
    several = len(timeline.tracks) > 1
    pieces = [piece for piece in timeline.fragments if piece.lane == track.lane]
    for field, label in (("name", "Name"), ("arguments", "Arguments")):
        rows.append(Row(f"{label} {track.call + 1}" if several else label, y + 13))
        marks += _marks([piece for piece in pieces if piece.field == field], y, scale)
        y += ROW
    rows.append(Row(f"Validity {track.call + 1}" if several else "Validity", y + 9))
    assert track.first and track.last
    start, end = scale.x(track.first.at), scale.x(track.last.at) + MARK
    turn = scale.x(track.invalid.at) if track.invalid else end
    if turn > start:
        spans.append(Span(start, y, turn - start, "vok"))
    if track.invalid:
        spans.append(Span(turn, y, max(end - turn, MARK), "vno"))
        anchor = "end" if turn > (LEFT + RIGHT) / 2 else "start"
        limits.append(Limit(turn, f"valid until here, {count(track.invalid.at)} ms", anchor))
    return y + 26


def _marks(pieces: list[Fragment], y: float, scale: _Scale) -> list[Mark]:
    """One mark a place: pieces that share a pixel share a mark, and labels never overlap."""
    places: dict[tuple[int, bool], list[Fragment]] = {}
    for piece in pieces:
        key = (round(scale.x(piece.at)), piece.violation is not None)
        places.setdefault(key, []).append(piece)
    ends = [x for x, _ in list(places)[1:]] + [int(RIGHT) + 8]
    found = []
    for ((x, bad), group), end in zip(places.items(), ends, strict=True):
        text = "".join(piece.text for piece in group)
        kind = "fn" if group[0].field == "name" else "fa"
        kind = {"text": "ft-t", "reasoning": "ft-r"}.get(group[0].field, kind)
        title = f"{text[:80]} at {count(group[0].at)} ms"
        room = int((end - x - MARK - 5) / LETTER)
        found.append(Mark(x, y, f"{kind} bad" if bad else kind, title, _label(text, room)))
    return found


def _label(text: str, room: int) -> str:
    if room < 2 or not text:
        return ""
    return text if len(text) <= room else f"{text[: room - 1]}…"


class _Scale:
    def __init__(self, timeline: Timeline) -> None:
        self._from = timeline.first
        self._span = max(timeline.last - timeline.first, 1.0)

    def x(self, at: float) -> float:
        return round(LEFT + (at - self._from) / self._span * (RIGHT - LEFT - MARK), 1)


def ticks(first: float, last: float, about: int = 5) -> list[tuple[float, str]]:
    """Round times between two, about as many as asked for, the first with its unit."""
    span = max(last - first, 1.0)
    power = 10.0 ** math.floor(math.log10(span / about))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= about + 1)
    at = math.ceil(first / step) * step
    found: list[tuple[float, str]] = []
    while at <= last:
        label = count(at) if step >= 1 else f"{at:.1f}"
        found.append((at, label if found else f"{label} ms"))
        at += step
    return found


def count(number: float) -> str:
    return f"{round(number):,}"
