"""Charts and confusion matrices as pure values: templates/_chart.html and static/js/chart.js draw.

A chart is drawn from its JSON, and stands above a table of the same numbers. A click on a mark
goes where its cell in the table goes, so that nothing is reached by pointing alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from console.lib import json

Form = Literal["bar", "line", "area", "band"]
Unit = Literal["", "%", "$", "ms", "tokens"]
Height = Literal["s", "m", "l"]
COLORS = ("s1", "s2", "s3", "s4", "s5", "s6")
"""Names of the tokens that series without a colour of their own take, in this order."""


def write_number(value: float | None, unit: Unit = "") -> str:
    """A figure as people read it: ``12.3%``, ``$0.0030``, ``850 ms``, ``1.84 s``; "–" for None."""
    if value is None:
        return "–"
    if unit == "%":
        return f"{value:.2f}%" if abs(value) < 10 else f"{value:.1f}%"
    if unit == "$":
        return _write_dollars(value)
    if unit == "ms":
        return f"{value:,.0f} ms" if abs(value) < 1000 else f"{value / 1000:,.2f} s"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def _write_dollars(value: float) -> str:
    size = abs(value)
    places = 2 if size >= 1 or size == 0 else 4 if size >= 0.001 else 6
    return f"{'-' if value < 0 else ''}${size:,.{places}f}"


@dataclass(frozen=True, slots=True)
class Series:
    """One row of marks over the chart's labels; None leaves a gap.

    ``color`` names a token of static/css/tokens.css without its dashes, such as
    ``rejected-solid``. Bars with one ``stack`` stand on each other. A band reaches from ``values``
    to ``tops``. ``links`` are where its marks lead, "" nowhere; all are empty or as many as
    values. ``texts`` replace the figures in the table where the unit alone does not say enough.
    """

    name: str
    values: Sequence[float | None]
    form: Form = "bar"
    color: str = ""
    stack: str = ""
    hatched: bool = False
    dashed: bool = False
    tops: Sequence[float | None] = ()
    links: Sequence[str] = ()
    texts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Marker:
    """A line at the label number ``at``: something that happened. It may lead somewhere."""

    at: int
    text: str
    url: str = ""
    color: str = "ink-2"
    dashed: bool = True


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """``name`` is unique on the page; ``title`` says in a sentence what there is to see.

    ``first`` heads the table's first column, ``rows`` its names where the axis' labels are too
    short to stand alone.
    """

    name: str
    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    unit: Unit = ""
    markers: Sequence[Marker] = ()
    first: str = "Time"
    rows: Sequence[str] = ()
    height: Height = "m"
    most: float | None = None
    """The end of the axis, where it is given."""

    @property
    def colored(self) -> list[tuple[Series, str]]:
        """Each series with its colour."""
        free = iter(COLORS * (1 + len(self.series) // len(COLORS)))
        return [(one, one.color or next(free)) for one in self.series]

    @property
    def is_empty(self) -> bool:
        return not any(value for one in self.series for value in one.values)

    def to_json(self) -> dict[str, Any]:
        """What chart.js reads."""
        return {
            "labels": list(self.labels),
            "unit": self.unit,
            "most": self.most,
            "series": [_describe(one, color) for one, color in self.colored],
            "markers": [
                {"at": one.at, "text": one.text, "color": one.color, "dashed": one.dashed}
                for one in self.markers
            ],
        }

    @property
    def json(self) -> str:
        """The same as text."""
        return json.dump(self.to_json())

    @property
    def header(self) -> list[str]:
        return [self.first, *(one.name for one in self.series)]

    @property
    def table(self) -> list[tuple[str, list[Cell]]]:
        """Rows of the table: the label, and a cell of each series."""
        names = self.rows or self.labels
        return [
            (name, [self._cell(one, at) for one in self.series]) for at, name in enumerate(names)
        ]

    def _cell(self, one: Series, at: int) -> Cell:
        if one.texts:
            text = one.texts[at]
        else:
            text = write_number(one.values[at], self.unit)
            if one.form == "band" and one.tops:
                text = f"{text} to {write_number(one.tops[at], self.unit)}"
        return Cell(text, one.links[at] if one.links else "")


def _describe(one: Series, color: str) -> dict[str, Any]:
    whole = {
        "name": one.name,
        "form": one.form,
        "color": color,
        "values": list(one.values),
        "tops": list(one.tops),
        "stack": one.stack,
        "hatched": one.hatched,
        "dashed": one.dashed,
    }
    return {key: value for key, value in whole.items() if value}


def mark(starts: Sequence[datetime], at: datetime) -> int | None:
    """The number of the label, of those that begin at ``starts``, in which ``at`` lies."""
    before = sum(1 for start in starts if start <= at)
    return before - 1 if before else None


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """A count, its share of the row in per cent, and how it is tinted: ``dg`` for the diagonal,
    ``q1`` to ``q4`` elsewhere. ``note`` says why a cell leads nowhere."""

    count: int
    percent: float
    shade: str
    url: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Matrix:
    """How often ``rows`` were taken for ``columns``; ``counts[row, column]``."""

    caption: str
    rows: Sequence[str]
    columns: Sequence[str]
    counts: dict[tuple[str, str], int]
    links: dict[tuple[str, str], str] = field(default_factory=dict)
    notes: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def table(self) -> list[tuple[str, list[MatrixCell], int]]:
        """Each row's name, its cells and its sum."""
        found = []
        for row in self.rows:
            whole = sum(self.counts.get((row, column), 0) for column in self.columns)
            found.append((row, [self._cell(row, column, whole) for column in self.columns], whole))
        return found

    def _cell(self, row: str, column: str, whole: int) -> MatrixCell:
        count = self.counts.get((row, column), 0)
        percent = 100 * count / whole if whole else 0.0
        shade = "dg" if row == column else "q" + str(1 + sum(percent >= n for n in (4, 9, 15)))
        at = row, column
        return MatrixCell(count, percent, shade, self.links.get(at, ""), self.notes.get(at, ""))
