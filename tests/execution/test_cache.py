"""The cache of results: keys, age, purging, one execution for equal calls, and life without it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from tests.execution.contending import contend, contend_for_result
from tools_registry.execution import valkey
from tools_registry.execution.cache import Slot, fetch, key_of, purge, read_tally
from tools_registry.execution.executors.base import Answer, Fault

SLOT = Slot(1, "get_weather", "a" * 64, {"city": "Oslo", "n": 1}, 60, "e", cost=0.002)


class Tool:
    """Counts how often it is executed; fails where it is told to."""

    def __init__(self, takes_s: float = 0.0, fault: Fault | None = None) -> None:
        self.takes_s, self.fault, self.executed = takes_s, fault, 0

    async def __call__(self) -> Answer:
        self.executed += 1
        await asyncio.sleep(self.takes_s)
        if self.fault:
            raise self.fault
        return Answer.of_value({"number": self.executed})


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ((1, "v", {"b": 1, "a": "Tokyo"}), True),
        ((1, "v", {"a": "Tokyo", "b": 1.0}), True),
        ((1, "v", {"a": "Toronto", "b": 1}), False),
        ((1, "v", {"a": "Tokyo", "b": "1"}), False),
        ((1, "v", {"a": "Tokyo", "b": 1, "c": None}), False),
        ((2, "v", {"a": "Tokyo", "b": 1}), False),
        ((1, "w", {"a": "Tokyo", "b": 1}), False),
    ],
)
def test_a_key_is_the_whole_hash_of_what_is_called(other: Any, same: bool) -> None:
    key = key_of(1, "v", {"a": "Tokyo", "b": 1})
    assert len(key) == 64 and (key_of(*other) == key) is same


async def test_a_second_call_is_a_hit_with_its_age_and_saving(store: valkey.Client) -> None:
    tool = Tool(takes_s=0.05)
    first, hit = await fetch(SLOT, tool)
    assert hit is None
    again, hit = await fetch(SLOT, tool)
    assert again == first and tool.executed == 1
    assert hit is not None and 0 < hit.age_s < 5 and hit.saved_ms >= 50
    assert hit.saved_cost == 0.002 and not hit.shared
    tally = read_tally(1, "get_weather")
    assert tally is not None and (tally.hits, tally.misses, tally.share) == (1, 1, 0.5)
    assert tally.saved_ms >= 50 and tally.saved_cost == 0.002
    assert (read_tally(1, "other") or tally).share is None


async def test_what_is_too_old_purged_or_of_another_executor_is_not_used(
    store: valkey.Client,
) -> None:
    tool, short = Tool(), replace(SLOT, ttl_s=1)
    await fetch(short, tool)
    await fetch(replace(short, executor="f"), tool)
    assert tool.executed == 2
    await asyncio.sleep(1.05)
    await fetch(SLOT, tool)
    assert tool.executed == 3
    await fetch(replace(SLOT, tool="get_time", version="b" * 64), tool)
    assert purge(1, "get_weather")
    assert (await fetch(SLOT, tool))[1] is None
    assert (await fetch(replace(SLOT, tool="get_time", version="b" * 64), tool))[1] is not None


async def test_what_was_executing_when_it_was_purged_is_not_used_later(
    store: valkey.Client,
) -> None:
    tool = Tool(takes_s=0.1)
    running = asyncio.create_task(fetch(SLOT, tool))
    await asyncio.sleep(0.05)
    purge(1, "get_weather")
    await running
    assert (await fetch(SLOT, tool))[1] is None


async def test_a_hundred_equal_calls_at_once_execute_once(store: valkey.Client) -> None:
    told = await contend(contend_for_result, 50, processes=2)
    assert sum(executed for [executed] in told) == 1
    tally = read_tally(1, "get_weather")
    assert tally is not None and (tally.hits, tally.misses) == (99, 1)


async def test_those_who_wait_share_a_failure_and_later_ones_try_again(
    store: valkey.Client,
) -> None:
    tool = Tool(takes_s=0.1, fault=Fault("timeout", "too late", transient=True, limit_ms=5))
    found = await asyncio.gather(*(fetch(SLOT, tool) for _ in range(10)), return_exceptions=True)
    assert tool.executed == 1
    assert {(one.code, one.message, one.detail["limit_ms"]) for one in found} == {  # type: ignore[union-attr]
        ("timeout", "too late", 5)
    }
    tool.fault = None
    assert (await fetch(SLOT, tool))[0].value == {"number": 2}


async def test_when_the_one_that_executes_is_stopped_another_takes_over(
    store: valkey.Client,
) -> None:
    tool = Tool(takes_s=0.3)
    first = asyncio.create_task(fetch(SLOT, tool))
    await asyncio.sleep(0.05)
    others = [asyncio.create_task(fetch(SLOT, tool)) for _ in range(3)]
    await asyncio.sleep(0.05)
    first.cancel()
    assert {answer.text for answer, _ in await asyncio.gather(*others)} == {'{"number":2}'}
    assert tool.executed == 2


async def test_one_whose_process_died_is_waited_for_no_longer_than_it_may_take(
    store: valkey.Client,
) -> None:
    await store.set(f"execution:flight:{SLOT.key}", "dead", px=200)
    began = time.monotonic()
    assert (await fetch(SLOT, Tool()))[1] is None
    assert 0.15 < time.monotonic() - began < 2


async def test_without_valkey_every_call_is_executed(no_valkey: None) -> None:
    tool, began = Tool(), time.monotonic()
    for _ in range(20):
        answer, hit = await fetch(SLOT, tool)
        assert hit is None
    assert tool.executed == 20 and time.monotonic() - began < 1


async def test_a_valkey_that_goes_away_costs_a_moment_once(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "_paused_until", 0.0)
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    tool = Tool()
    assert (await fetch(SLOT, tool))[1] is None and valkey._paused_until > time.monotonic()
    assert not purge(1, "get_weather") and read_tally(1, "get_weather") is None
    await valkey.close()
