"""What was expected against what was called, as a matrix whose cells lead to the calls."""

from __future__ import annotations

from analytics.filters import OF_TURNS
from analytics.misfires import ENOUGH, OTHER, Expected
from analytics.views.frame import Frame
from console.lib.charts import Matrix
from conversations.search.fields import MET
from conversations.search.query import LONGEST, Term

_BOTH = "Right and wrong ones together; the line below tells them apart"
_TIMES = 60
"""Characters that a list's time takes at most."""
_MANY = "No list: a filter does not hold so many names"


def tabulate_expected(frame: Frame, expected: Expected) -> Matrix | None:
    """What was expected against what was called, where enough is known."""
    if expected.whole < ENOUGH:
        return None
    shown = {name: name or "no call" for name in expected.names}
    counts = {(shown[row], shown[column]): n for (row, column), n in expected.counts.items()}
    asked = frame.within(OF_TURNS)
    links = {
        (shown[row], shown[column]): _link_pair(asked, expected, row, column)
        for row, column in expected.counts
    }
    notes = {cell: _MANY for cell, link in links.items() if not link}
    if OTHER in shown and (OTHER, OTHER) not in notes:
        notes[OTHER, OTHER] = _BOTH
    names = tuple(shown.values())
    return Matrix("Rows: expected. Columns: called", names, names, counts, links, notes)


def list_others(frame: Frame, expected: Expected) -> str:
    """The calls of one of the other tools where another of them was expected: the cell of both
    counts them with those that were right."""
    if not expected.others_wrong or not expected.others:
        return ""
    told = _write("tool", expected.others), _write("expected", expected.others)
    return _list(frame.within(OF_TURNS), "call-list", *told)


def _link_pair(frame: Frame, expected: Expected, row: str, column: str) -> str:
    """The calls of one tool where it or another was expected, or the turns that made none; "" where
    that takes more names than a filter holds."""
    wanted, called = (expected.others if name == OTHER else (name,) for name in (row, column))
    if not wanted or not called:
        return ""
    if row != column:
        told = _write("expected", wanted) if row else "finding:needless_call"
    elif row != OTHER:
        told = f"expected:{MET}"
    elif MET in wanted:
        return ""
    else:
        told = _write("expected", (MET, *wanted), met=True)
    if not column:
        return _list(frame, "turn-list", told)
    return _list(frame, "call-list", _write("tool", called), told)


def _list(frame: Frame, page: str, *terms: str) -> str:
    if len(" ".join((frame.filter.query.text, *terms))) + _TIMES > LONGEST:
        return ""
    return frame.listed(page, terms)


def _write(field: str, values: tuple[str, ...], *, met: bool = False) -> str:
    """A term of names; with ``met`` that word stands for itself."""
    literal = (one for one in values if one.endswith("*") or one == MET and not met)
    return Term(field, values, literal=frozenset(literal)).text
