"""Bounds tried on recorded traffic."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tools_registry.execution.tryout import Past, try_budget, try_cache, try_rate, try_timeout

CENTS = Decimal("0.003")


def test_a_budget_cuts_what_comes_after_it_in_each_conversation() -> None:
    """One conversation calls 247 times, as in the scenario, others seldom."""
    rows = [Past("loop", CENTS) for _ in range(247)]
    rows += [Past(f"calm {n}", CENTS) for n in range(50) for _ in range(3)]
    rows += [Past("busy", CENTS) for _ in range(1_693)]
    effect = try_budget(rows, 5)
    assert (effect.calls, effect.cut, effect.groups) == (2_090, 1_930, 2)
    assert effect.saved == Decimal("5.790")
    assert effect.to_text() == "a budget of 5 would have cut 1,930 calls and saved $5.79"


@pytest.mark.parametrize(
    ("costs", "text"),
    [
        ([], "a budget of 1 would have cut none of 0 calls"),
        ([None], "a budget of 1 would have cut none of 1 call"),
        (
            [None, None],
            "a budget of 1 would have cut 1 call; 1 of them have no known cost",
        ),
        (
            [CENTS, Decimal(1), None],
            "a budget of 1 would have cut 2 calls and saved $1.00; 1 of them have no known cost",
        ),
    ],
)
def test_what_has_no_cost_is_counted_and_not_zero(costs: list[Decimal | None], text: str) -> None:
    assert try_budget([Past("a", cost) for cost in costs], 1).to_text() == text


def test_a_rate_counts_only_what_it_let_through_in_the_minute_before() -> None:
    times = [0.0, 1.0, 2.0, 59.0, 60.0, 61.0, 62.5]
    rows = [Past("a", CENTS, at, "ann") for at in times] + [Past("b", CENTS, 2.0, "bob")]
    effect = try_rate(rows, 2)
    # 2.0 and 59.0 are refused; at 60.0 and 61.0 the first two are a minute old.
    assert (effect.cut, effect.groups) == (3, 1)
    assert "a rate of 2 a minute would have cut 3 calls" in effect.to_text()


def test_a_timeout_ends_calls_but_saves_no_money() -> None:
    rows = [Past("a", CENTS, latency_ms=ms) for ms in (100.0, 2_000.0, 2_001.0)] + [Past("a")]
    effect = try_timeout(rows, 2_000)
    assert (effect.calls, effect.cut, effect.saved) == (4, 1, 0)


def test_a_cache_saves_repeated_calls_until_they_are_too_old() -> None:
    rows = [
        Past("a", CENTS, at, same=same) for at, same in [(0, "x"), (5, "x"), (6, "y"), (11, "x")]
    ]
    assert try_cache(rows, 10).cut == 1
    assert try_cache(rows, 12).saved == CENTS * 2
