"""Is the rate down? Two proportions with exact intervals; and has it come back?"""

from __future__ import annotations

import pytest
from scipy.stats import binom

from conversations.incidents.recovery import State, calls_needed, compare, has_recurred
from conversations.replay.statistics import share

STATES: dict[str, tuple[tuple[int, int], tuple[int, int], State]] = {
    "clearly down": ((119, 137), (1, 62), "down"),
    "none of few": ((119, 137), (0, 2), "unclear"),
    "none of enough": ((119, 137), (0, 10), "down"),
    "as before": ((20, 100), (19, 100), "unclear"),
    "up": ((2, 100), (60, 100), "up"),
    "nothing since": ((119, 137), (0, 0), "nothing"),
    "nothing before": ((0, 0), (1, 5), "nothing"),
}


@pytest.mark.parametrize(("before", "after", "state"), STATES.values(), ids=STATES)
def test_it_tells_whether_the_rate_is_down(
    before: tuple[int, int], after: tuple[int, int], state: State
) -> None:
    assert compare(before, after).state == state


def test_the_interval_covers_the_true_drop_in_95_of_100_cases() -> None:
    """Exactly, by summing over all outcomes of two small samples."""
    n, m, p, q = 12, 15, 0.8, 0.3
    covered = sum(
        binom.pmf(a, n, p) * binom.pmf(b, m, q)
        for a in range(n + 1)
        for b in range(m + 1)
        if (found := compare((a, n), (b, m))).low <= p - q <= found.high
    )
    assert covered >= 0.95


@pytest.mark.parametrize("after", [(0, 1), (0, 3), (2, 10)])
def test_so_many_calls_without_one_are_needed_and_no_fewer(after: tuple[int, int]) -> None:
    before = (30, 40)
    needed = calls_needed(compare(before, after))
    assert needed is not None
    assert compare(before, (after[0], after[1] + needed)).state == "down"
    assert compare(before, (after[0], after[1] + needed - 1)).state != "down"


def test_no_number_of_calls_tells_where_nothing_was_wrong_before() -> None:
    assert calls_needed(compare((0, 10), (0, 10))) is None


@pytest.mark.parametrize(
    ("expected", "since", "back"),
    [
        ((1, 62), (12, 40), True),
        ((1, 62), (2, 2), False),
        ((1, 62), (3, 100), False),
        ((0, 500), (4, 20), True),
        ((30, 100), (40, 100), False),
    ],
)
def test_it_recurs_when_the_share_is_above_what_was_expected(
    expected: tuple[int, int], since: tuple[int, int], back: bool
) -> None:
    assert has_recurred(share(*expected), share(*since)) is back
