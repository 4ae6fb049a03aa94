"""What was expected against what was called, as a matrix whose cells lead to the calls."""

from __future__ import annotations

from analytics.filters import OF_TURNS
from analytics.misfires import ENOUGH, OTHER, Expected
from analytics.views.frame import Frame
from console.lib.charts import Matrix
from conversations.search.fields import MET
from conversations.search.query import Term

_BOTH = "Right and wrong ones together; the line below leads to the wrong ones"
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
        if row != column or row != OTHER
    }
    notes = {
        (shown[row], shown[column]): _BOTH if row == column else _MANY
        for row, column in expected.counts
        if not links.get((shown[row], shown[column]))
    }
    names = tuple(shown.values())
    return Matrix("Rows: expected. Columns: called", names, names, counts, links, notes)


def list_others(frame: Frame, expected: Expected) -> str:
    """The calls of one of the other tools where another of them was expected: the cell of both
    counts them with those that were right."""
    if not expected.others_wrong or not expected.others:
        return ""
    return _link_pair(frame.within(OF_TURNS), expected, OTHER, OTHER)


def _link_pair(frame: Frame, expected: Expected, row: str, column: str) -> str:
    """The calls of one tool where it or another was expected, or the turns that made none; "" where
    that takes more names than a filter holds."""
    wanted, called = (expected.others if name == OTHER else (name,) for name in (row, column))
    if not wanted or not called:
        return ""
    if row == column != OTHER:
        told = f"expected:{MET}"
    else:
        told = _term("expected", wanted) if row else "finding:needless_call"
    return frame.calls(_term("tool", called), told) if column else frame.turns(told)


def _term(field: str, values: tuple[str, ...]) -> str:
    literal = frozenset(one for one in values if one.endswith("*") or one == MET)
    return Term(field, values, literal=literal).text
