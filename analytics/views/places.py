"""Where findings are, as a table of the pages: each place with its line and its calls."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.filters import write_term
from analytics.misfires import LONGEST_POINTER, PLACED_BY, Place, read_places
from analytics.views.bars import Spark, spark
from analytics.views.frame import Frame
from conversations.search.fields import NOWHERE


def list_places(frame: Frame, codes: Sequence[str]) -> list[tuple[Place, Spark, str]]:
    """The places with most findings of the codes, each with its line and its calls' address."""
    found = read_places(frame.project, frame.filter, frame.span, codes)
    placed = frame.within(PLACED_BY)
    return [(one, spark(one.steps), _link(placed, one)) for one in found]


def _link(frame: Frame, one: Place) -> str:
    """The calls with the finding at its place; "" for what no filter names: the names that are not
    told apart, and places that are cut short."""
    if not one.tool or len(one.pointer) >= LONGEST_POINTER:
        return ""
    where = write_term("pointer", one.pointer or NOWHERE)
    return frame.calls(write_term("tool", one.tool), f"finding:{one.code}", where)
