"""Intervals, the paired test and flakiness, beside published values."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Hashable, Sequence

import pytest

from conversations.replay.statistics import (
    Pairs,
    difference,
    expected_recurrence,
    majority,
    mcnemar,
    pair,
    share,
    stability,
)

Trials = dict[Hashable, Sequence[bool | None]]


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        (3, 5, 0.1466, 0.9473),
        (0, 3, 0.0, 0.7076),
        (10, 10, 0.6915, 1.0),
        (81, 263, 0.2527, 0.3676),  # Newcombe (1998), table I
        (15, 148, 0.0578, 0.1617),
        (1, 29, 0.0009, 0.1776),
    ],
)
def test_a_share_has_its_exact_interval(part: int, whole: int, low: float, high: float) -> None:
    found = share(part, whole)
    assert [found.low, found.high] == pytest.approx([low, high], abs=1e-4)


def test_a_small_share_is_said_to_be_small() -> None:
    assert str(share(3, 5)) == "3 of 5 (60%, 95% CI 15–95); 3 of 5 is not 60%"  # noqa: RUF001
    assert str(share(90, 100)) == "90 of 100 (90%, 95% CI 82–95)"  # noqa: RUF001
    assert (str(share(0, 0)), share(0, 0).value) == ("none judged", None)
    with pytest.raises(ValueError, match="3 of 2"):
        share(3, 2)


@pytest.mark.parametrize(
    ("only_control", "only_variant", "p"),
    [
        (0, 0, 1.0),
        (1, 8, 0.0390625),
        (8, 1, 0.0390625),
        (5, 5, 1.0),
        (0, 5, 0.0625),
        (0, 6, 0.03125),
    ],
)
def test_pairs_that_differ_are_tested_exactly(
    only_control: int, only_variant: int, p: float
) -> None:
    assert mcnemar(Pairs(7, only_control, only_variant, 3)) == pytest.approx(p)


@pytest.mark.parametrize(
    ("pairs", "low", "high"),
    [
        # Newcombe (1998), method 10; then by hand: the Wilson bound of 0 of 54 on both sides.
        (Pairs(36, 2, 12, 0), 0.0569, 0.3404),
        (Pairs(0, 0, 0, 54), -0.0664, 0.0664),
    ],
)
def test_a_difference_of_shares_has_an_interval(pairs: Pairs, low: float, high: float) -> None:
    found = difference(pairs)
    assert found is not None
    assert found.value == pytest.approx((pairs.only_variant - pairs.only_control) / pairs.total)
    assert found.low == pytest.approx(low, abs=0.003)
    assert found.high == pytest.approx(high, abs=0.003)


def test_the_difference_turns_with_its_sides() -> None:
    one, other = difference(Pairs(20, 3, 11, 6)), difference(Pairs(20, 11, 3, 6))
    assert one and other and one.low == pytest.approx(-other.high) and one.p == other.p
    assert difference(Pairs()) is None


def test_each_case_counts_once_by_its_majority() -> None:
    control: Trials = {"a": [True, True, False], "b": [False, False], "c": [None], "d": [True]}
    variant: Trials = {"a": [True], "b": [True, False], "c": [True], "e": [True]}
    assert pair(control, variant) == Pairs(both=1, neither=1)
    assert [majority(one) for one in ([True, False], [None], [True, None])] == [False, None, True]


def test_trials_that_agree_may_hide_a_failure() -> None:
    assert stability([True] * 3).hidden == pytest.approx(0.6316, abs=1e-4)
    assert not stability([True] * 3).is_flaky and stability([True, False, None]).is_flaky
    assert stability([None]).hidden == 1.0
    assert expected_recurrence(0.5, 3) == pytest.approx(0.875)


def test_the_library_is_not_imported_at_the_start() -> None:
    code = "import conversations.replay.statistics, sys; print('scipy' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
