"""Processes that contend with each other for calls and for cached results."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from tools_registry.execution import cache, limits, valkey
from tools_registry.execution.executors.base import Answer
from tools_registry.policies.execution import Execution

RATE, MINUTE_MS = 400, 1_000


async def contend_for_rate(name: str, seconds: float) -> list[float]:
    """When calls were let through, asking again and again until the time is over."""
    granted: list[float] = []

    async def ask() -> None:
        while time.time() < end:
            refused = await limits.admit(whose, execution, minute_ms=MINUTE_MS)
            if refused is None:
                granted.append(time.time())
            else:
                await asyncio.sleep(min(0.02, float(refused.detail["wait_ms"]) / 1000))

    whose, execution = limits.Whose(1, name, "ann"), Execution(rate=RATE)
    end = time.time() + seconds
    await asyncio.gather(*(ask() for _ in range(4)))
    return granted


async def contend_for_result(name: str, count: float) -> list[int]:
    """How often it executed here, of so many equal calls at once."""
    executed = 0

    async def execute() -> Answer:
        nonlocal executed
        executed += 1
        await asyncio.sleep(0.5)
        return Answer.of_value({"c": 21})

    slot = cache.Slot(1, name, "v" * 64, {"city": "Oslo"}, 60)
    found = await asyncio.gather(*(cache.fetch(slot, execute) for _ in range(int(count))))
    assert all(answer.value == {"c": 21} for answer, _ in found)
    return [executed]


Contend = Callable[[str, float], Awaitable[list[Any]]]


async def contend(what: Contend, number: float, *, processes: int) -> list[list[Any]]:
    """What so many processes tell that contend at the same time."""
    return await asyncio.to_thread(_start, what, number, processes)


def _start(what: Contend, number: float, processes: int) -> list[list[Any]]:
    # Forked from a thread without an event loop, each has one of its own.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        running = [pool.submit(_run, what, number) for _ in range(processes)]
        return [one.result(timeout=60) for one in running]


def _run(what: Contend, number: float) -> list[Any]:
    async def run() -> list[Any]:
        try:
            return await what("get_weather", number)
        finally:
            await valkey.close()

    return asyncio.run(run())
