"""Rates, budgets and breakers, counted in Valkey for all processes."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from typing import Any

import pytest

from tests.execution.contending import MINUTE_MS, RATE, contend, contend_for_rate
from tools_registry.execution import limits, valkey
from tools_registry.policies.execution import Breaker, Execution


async def test_a_rate_is_never_passed_and_used_to_99_percent(store: valkey.Client) -> None:
    """Three processes ask for more than the rate, with a "minute" of one second. Each process
    tells when it was let through a little after Valkey did it."""
    seconds = 2.6
    told = await contend(contend_for_rate, seconds, processes=3)
    granted = sorted(at for one in told for at in one)
    minute, late_s = MINUTE_MS / 1000, 0.1
    worst = max(
        bisect_left(granted, start + minute - late_s) - index for index, start in enumerate(granted)
    )
    assert worst <= RATE
    # The processes begin and end at different times: only what all of them saw is counted.
    first = granted[0]
    whole = int((min(max(one) for one in told) - first) / minute)
    within = bisect_left(granted, first + whole * minute * 1.02 + late_s)
    assert 0.99 * RATE * whole <= within <= RATE * (whole + 1)


async def test_a_rate_counts_each_user_and_tool_alone(store: valkey.Client) -> None:
    execution, minute_ms = Execution(rate=2), 400

    async def ask(tool: str = "a", user: str = "ann", project: int = 1) -> Any:
        return await limits.admit(limits.Whose(project, tool, user), execution, minute_ms=minute_ms)

    assert [await ask(), await ask()] == [None, None]
    refused = await ask()
    assert refused.code == "rate_limited"
    assert (refused.detail["limit"], refused.detail["used"]) == (2, 2)
    assert 0 < refused.detail["wait_ms"] <= minute_ms + 2
    assert "2 times a minute by one user" in refused.message
    assert [await ask(tool="b"), await ask(user="bob"), await ask(project=2)] == [None] * 3
    await asyncio.sleep((refused.detail["wait_ms"] + 5) / 1000)
    assert await ask() is None


async def test_a_budget_counts_a_conversation(store: valkey.Client) -> None:
    execution = Execution(budget=2, rate=100)

    async def ask(conversation: str) -> Any:
        return await limits.admit(limits.Whose(1, "a", "ann", conversation), execution)

    assert [await ask("x"), await ask("x"), await ask("y")] == [None, None, None]
    for _ in range(2):
        refused = await ask("x")
        assert refused.code == "budget_exceeded"
        assert refused.detail == {"limit": 2, "used": 2}
        assert refused.message.endswith("this would be the third call")
    assert await ask("") is None
    assert (await limits.admit(limits.Whose(1, "b", "", "x"), Execution(budget=0))) is not None


async def test_what_one_bound_refuses_the_other_does_not_count(store: valkey.Client) -> None:
    whose, execution = limits.Whose(1, "a", "ann", "x"), Execution(budget=1, rate=1)
    assert await limits.admit(whose, execution) is None
    assert [(await limits.admit(whose, execution)).code for _ in range(2)] == [  # type: ignore[union-attr]
        "budget_exceeded",
        "budget_exceeded",
    ]
    other = limits.Whose(1, "a", "ann", "y")
    assert (await limits.admit(other, execution)).code == "rate_limited"  # type: ignore[union-attr]
    assert await limits.admit(other, Execution(budget=1)) is None


async def test_a_breaker_opens_and_lets_one_call_try(store: valkey.Client) -> None:
    breaker = Breaker(failures=2, open_s=1)

    async def ask() -> Any:
        return (await limits.enter(1, "api.example.com", breaker, 100))[1]

    async def tell(*, failed: bool) -> None:
        await limits.tell(1, "api.example.com", breaker, failed=failed)

    await tell(failed=True)
    assert await ask() is None
    await tell(failed=False)
    await tell(failed=True)
    assert await ask() is None
    await tell(failed=True)
    refused = await ask()
    assert refused.code == "tool_error" and refused.detail["failures"] == 2
    assert "failed 2 times in a row" in refused.message and refused.detail["wait_ms"] <= 1_000
    assert await limits.enter(1, "other.example.com", breaker, 100) == (0, None)
    await asyncio.sleep(1.01)
    assert [await ask() is None, await ask() is None] == [True, False]
    await tell(failed=True)
    assert await ask() is not None
    await asyncio.sleep(1.01)
    assert await ask() is None
    await tell(failed=False)
    assert [await ask(), await ask()] == [None, None]


async def test_without_valkey_the_caller_is_told(no_valkey: None) -> None:
    with pytest.raises(valkey.Away):
        await limits.admit(limits.Whose(1, "a"), Execution(rate=1))
    assert await limits.admit(limits.Whose(1, "a"), Execution()) is None
