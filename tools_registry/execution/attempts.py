"""Executing a call: its timeout, its circuit breaker, and trying again where it is safe."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from tools_registry.execution import limits, valkey
from tools_registry.execution.effects import is_idempotent
from tools_registry.execution.executors import Answer, Executor, Fault, Job
from tools_registry.execution.plan import Step
from tools_registry.policies.execution import Execution

LONGEST_ASKED_S = 10.0
"""How long a wait that the tool asks for is heeded; for a longer one the call ends."""

Tell = Callable[[int, float, Fault | None], None]
"""Called with the attempt's number before it, and after one that is tried again, with the wait in
ms and the fault."""


@dataclass(frozen=True)
class Attempts:
    """How one call is executed. ``notes`` gets what a person should know of it."""

    step: Step
    execution: Execution
    executor: Executor
    project: int
    tell: Tell
    notes: list[str]

    @property
    def patience_ms(self) -> int:
        """The longest that ``run`` may take."""
        tries = self.execution.retries + 1
        wait_ms = max(self.execution.retry_wait_ms * 2**tries, LONGEST_ASKED_S * 1000 * (tries - 1))
        return int(self.execution.timeout_of(self.step.version) * tries + wait_ms) + 5_000

    async def run(self, job: Job) -> Answer:
        """Raises the last attempt's ``Fault``, with the number of ``attempts``."""
        attempt = 1
        while True:
            self.tell(attempt, 0.0, None)
            try:
                return await self._try(job)
            except Fault as fault:
                wait_s = self._wait_before_next(attempt, fault)
                if wait_s is None:
                    fault.detail["attempts"] = attempt
                    raise
                self.tell(attempt, wait_s * 1000, fault)
                self.notes.append(f"Attempt {attempt} failed: {fault.message}")
                await asyncio.sleep(wait_s)
                attempt += 1

    async def _try(self, job: Job) -> Answer:
        failures = await self._ask_breaker(job)
        limit_ms = round(job.timeout_s * 1000)
        try:
            async with asyncio.timeout(job.timeout_s):
                answer = await self.executor.run(job)
        except TimeoutError:
            message = f"{job.tool} did not answer within {job.timeout_s:g} s"
            fault = Fault("timeout", message, transient=True, limit_ms=limit_ms)
            await self._tell_breaker(failed=True)
            raise fault from None
        except Fault as fault:
            if failures or fault.transient:
                await self._tell_breaker(failed=fault.transient)
            raise
        if failures:
            await self._tell_breaker(failed=False)
        return answer

    def _wait_before_next(self, attempt: int, fault: Fault) -> float | None:
        """Seconds to wait before trying again; None where it is not tried again.

        A random time up to a bound that doubles ("full jitter", M. Brooker, 2015), so that calls
        that failed together do not come back together.
        """
        if not fault.transient or attempt > self.execution.retries:
            return None
        if not is_idempotent(self.step.spec, self.step.policy):
            self.notes.append("Not tried again: the tool is not declared idempotent")
            return None
        bound_ms = self.execution.retry_wait_ms * 2 ** (attempt - 1)
        wait_s = random.uniform(0, bound_ms) / 1000
        asked = str(fault.detail.get("retry_after", ""))
        asked_s = float(asked) if asked.isdecimal() else 0.0
        return None if asked_s > LONGEST_ASKED_S else max(wait_s, asked_s)

    async def _ask_breaker(self, job: Job) -> int:
        """The failures in a row so far. Raises ``Fault`` where the breaker is open."""
        breaker = self.execution.breaker
        if breaker is None:
            return 0
        try:
            timeout_ms = round(job.timeout_s * 1000)
            target = self.executor.target
            failures, finding = await limits.enter(self.project, target, breaker, timeout_ms)
        except valkey.Away:
            self.notes.append("The circuit breaker was not asked: Valkey does not answer")
            return 0
        if finding is not None:
            raise Fault(finding.code, finding.message, **finding.detail)
        return failures

    async def _tell_breaker(self, *, failed: bool) -> None:
        breaker = self.execution.breaker
        if breaker is not None:
            try:
                await limits.tell(self.project, self.executor.target, breaker, failed=failed)
            except valkey.Away:
                return
