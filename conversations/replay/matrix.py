"""Cases by variants: what became of each, which are shown and in what order. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from conversations.replay.compare import KINDS, Kind, Made, Trial, classify, classify_control

State = Literal["pending", "waiting", "failed"]
STATES: dict[State, str] = {"pending": "Pending", "waiting": "Waiting", "failed": "No answer"}
"""What a cell is while there is nothing to classify."""
LABELS: dict[str, str] = dict([*KINDS.items(), *STATES.items()])
OWN = {"still_failing": "Failing", "newly_broken": "Failing", "same": "As recorded"}
ICONS: dict[str, str] = {
    "newly_broken": "alert-triangle",
    "flaky": "arrows-shuffle",
    "still_failing": "x",
    "fixed": "check",
    "changed": "arrows-diff",
    "same": "equal",
    "pending": "circle-dashed",
    "waiting": "hourglass-low",
    "failed": "plug-connected-x",
}
_RANKS = {name: rank for rank, name in enumerate(("waiting", *KINDS, "failed", "pending"))}
SHOWS = ("all", "differ", *KINDS, "unsettled", "waiting", "failed")
"""What a filter shows; ``differ`` are cases whose variants do not all come to the same."""
ORDERS = ("pressing", "case")
SIZE = 100
"""Cases of one page."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the matrix needs of one outcome. ``status`` as in the records."""

    status: str
    passed: bool | None = None
    calls: tuple[Made, ...] = ()


class Subject(NamedTuple):
    """A case as the matrix names it. ``was`` is the recorded verdict, "" without a recording;
    ``recorded`` are the calls then."""

    id: int
    position: int
    key: str
    title: str
    was: str = ""
    recorded: tuple[Made, ...] | None = None

    @property
    def number(self) -> int:
        """Its place as people count."""
        return self.position + 1


class Cell(NamedTuple):
    """One case under one variant. ``kind`` is a ``Kind`` or a ``State``; ``unsettled`` counts the
    trials of which nobody said whether they are right."""

    kind: str
    passed: int = 0
    judged: int = 0
    trials: int = 0
    unsettled: int = 0
    errors: int = 0

    @property
    def label(self) -> str:
        return LABELS[self.kind]

    @property
    def own_label(self) -> str:
        """The word for the control, which is measured against nothing but the recording."""
        return OWN.get(self.kind, self.label)

    @property
    def icon(self) -> str:
        return ICONS[self.kind]

    @property
    def said(self) -> str:
        """The count beside the word."""
        return f"{self.passed}/{self.judged}" if self.judged else ""


Cells = tuple[Cell, ...]
"""Of one case, the control's first. Thousands of cases have but few different ones."""


class Row(NamedTuple):
    """One case with its cells."""

    subject: Subject
    cells: Cells

    @property
    def differs(self) -> bool:
        """Whether the variants do not all come to the same as the control."""
        first = self.cells[0]
        return any(
            cell.kind not in ("same", "pending")
            and (cell.kind, cell.passed) != (first.kind, first.passed)
            for cell in self.cells[1:]
        )

    @property
    def rank(self) -> int:
        """How pressing its worst cell is; 0 presses most. Alone, the control counts."""
        return _rank(self.cells)

    def shown_by(self, variant: int | None = None) -> set[str]:
        """The filters that it belongs under: by any variant beside the control, or by one."""
        cells = self.cells[1:] or self.cells
        if variant is not None:
            cells = self.cells[variant : variant + 1]
        found = {"all", *(cell.kind for cell in cells)}
        if any(cell.unsettled for cell in cells):
            found.add("unsettled")
        return found | {"differ"} if self.differs else found


@lru_cache(maxsize=4096)
def _rank(cells: Cells) -> int:
    return min(_RANKS[cell.kind] for cell in cells[1:] or cells)


@lru_cache(maxsize=4096)
def _keep_once(cells: Cells) -> Cells:
    """The same object for equal cells: the matrix takes less to keep and to read again."""
    return cells


def count_shows(rows: Iterable[Row], variant: int | None = None) -> Counter[str]:
    """How many rows each filter shows."""
    found: Counter[str] = Counter()
    alike: dict[Cells, Row] = {}
    counts = Counter(alike.setdefault(row.cells, row).cells for row in rows)
    for cells, count in counts.items():
        found.update(dict.fromkeys(alike[cells].shown_by(variant), count))
    return found


def make_row(subject: Subject, outcomes: Sequence[Sequence[Outcome]]) -> Row:
    """The row of a case; ``outcomes`` are the trials of each variant, the control's first."""
    control = _trials(outcomes[0]) if outcomes else []
    cells = []
    for at, trials in enumerate(outcomes):
        done = _trials(trials)
        kind = classify(control, done) if at else classify_control(done, subject.recorded)
        cells.append(_make_cell(kind, trials, done))
    return Row(subject, _keep_once(tuple(cells)))


def _trials(outcomes: Iterable[Outcome]) -> list[Trial]:
    return [Trial(one.passed, one.calls) for one in outcomes if one.status == "done"]


def _make_cell(kind: Kind | None, outcomes: Sequence[Outcome], done: Sequence[Trial]) -> Cell:
    told = [trial.passed for trial in done if trial.passed is not None]
    statuses = Counter(one.status for one in outcomes)
    state: str = kind or "pending"
    if statuses["waiting"]:
        state = "waiting"
    elif not done and statuses["failed"] == len(outcomes):
        state = "failed"
    return Cell(
        kind=state,
        passed=sum(told),
        judged=len(told),
        trials=len(outcomes),
        unsettled=len(done) - len(told),
        errors=statuses["failed"],
    )


# ---- which are shown


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page, how many match in all, and the cursor of the next; "" at the end."""

    rows: Sequence[Row]
    found: int
    next: str = ""


def read_page(
    rows: Iterable[Row],
    *,
    what: str = "all",
    variant: int | None = None,
    words: str = "",
    order: str = "pressing",
    after: str = "",
    size: int = SIZE,
) -> Page:
    """The rows of a filter in an order, from the cursor on. A cursor that is none begins anew."""
    wanted = words.casefold().split()
    kept = [row for row in rows if _has_words(row.subject, wanted)]
    if what != "all":
        alike = {row.cells: row for row in kept}
        shown = {cells for cells, row in alike.items() if what in row.shown_by(variant)}
        kept = [row for row in kept if row.cells in shown]
    by_rank = order != "case"
    kept.sort(key=lambda row: _place(row, by_rank))
    start = _read_cursor(after)
    rest = [row for row in kept if _place(row, by_rank) > start] if start else kept
    more = len(rest) > size
    last = _place(rest[size - 1], by_rank) if more else (0, 0)
    return Page(rest[:size], len(kept), f"{last[0]}.{last[1]}" if more else "")


def _place(row: Row, by_rank: bool) -> tuple[int, int]:
    return (row.rank if by_rank else 0), row.subject.position


def _read_cursor(text: str) -> tuple[int, int] | None:
    rank, _, position = text.partition(".")
    if rank.isdecimal() and position.isdecimal() and len(text) < 18:
        return int(rank), int(position)
    return None


def _has_words(subject: Subject, words: Sequence[str]) -> bool:
    if not words:
        return True
    text = f"{subject.key} {subject.title}".casefold()
    return all(word in text for word in words)
