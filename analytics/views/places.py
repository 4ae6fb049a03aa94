"""Where findings are, as a table of the pages: each place with its line and its calls."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.filters import write_term
from analytics.misfires import PLACED_BY, Place, read_places
from analytics.views.bars import Spark, spark
from analytics.views.frame import Frame


def list_places(frame: Frame, codes: Sequence[str]) -> list[tuple[Place, Spark, str]]:
    """The places with most findings of the codes, each with its line and its calls' address."""
    found = read_places(frame.project, frame.filter, frame.span, codes)
    placed = frame.within(PLACED_BY)
    return [
        (
            one,
            spark(one.steps),
            placed.calls(write_term("tool", one.tool) if one.tool else "", f"finding:{one.code}"),
        )
        for one in found
    ]
