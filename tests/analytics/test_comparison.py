"""Before and after, as a sentence with its interval."""

from __future__ import annotations

import pytest

from analytics.comparison import Comparison, Side
from console.lib.proportions import relative_change


def compare(before: tuple[int, int], after: tuple[int, int]) -> Comparison:
    return Comparison("Routing", Side("before", *before), Side("after", *after))


def test_the_reduction_of_scenario_two_is_told_with_its_interval() -> None:
    found = compare((8774, 145760), (2337, 145944))
    assert found.sentence == "Routing cut incorrect calls by"
    assert found.figure == "73.4%"
    assert found.interval == "72.2 to 74.6%"
    assert found.before.told == "8,774 of 145,760 calls (6.02%)"


@pytest.mark.parametrize(
    "before, after, sentence, figure",
    [
        ((2, 100), (20, 100), "Routing multiplied incorrect calls by", "10.0 times"),
        ((20, 1000), (36, 1000), "Routing raised incorrect calls by", "80.0%"),
        ((0, 200), (40, 200), "Routing brought incorrect calls", ""),
        ((40, 200), (0, 200), "Routing ended incorrect calls", ""),
        ((5, 100), (6, 100), "Routing made no difference that these calls could show", "20.0%"),
        ((0, 10), (9, 40), "Routing: 20 more calls are needed for a comparison", ""),
    ],
)
def test_what_changed_is_said_plainly(
    before: tuple[int, int], after: tuple[int, int], sentence: str, figure: str
) -> None:
    found = compare(before, after)
    assert (found.sentence, found.figure) == (sentence, figure)


def test_no_ratio_without_a_part_on_both_sides() -> None:
    with pytest.raises(ValueError, match="no ratio"):
        relative_change((0, 10), (3, 10))
