"""Rates, budgets and circuit breakers, kept in Valkey for all processes together.

A bound that bites is a finding. Without Valkey nothing is counted, and the caller is told.

The rate is a token bucket: ``rate`` tokens for each user and tool, and each comes back a minute
after it was taken, so that no minute holds more calls than the rate. Tokens taken within one
slot, a 200th of the minute, come back together at the slot's end: a user who is always waiting
gets at least 99.5% of the rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from tools_registry.execution import valkey
from tools_registry.policies.execution import Breaker, Execution
from tools_registry.validation.findings import Finding
from tools_registry.validation.wording import ordinal

MINUTE_MS = 60_000
SLOTS = 200
REMEMBERED_S = 7 * 24 * 3600
"""How long a conversation's budget is remembered after its last call."""

# Counts a call against its conversation's budget and takes a token of its user, both or neither.
# Keys: the budget's counter, the bucket. Arguments: budget (-1 for none), rate (0 for none),
# the minute, the slot, seconds to remember. Gives what refused ("" if nothing), the calls of the
# conversation or the tokens that are out, ms to wait, and the time in ms.
_ADMIT = """
local budget, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local minute, slot = tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
if budget >= 0 and used >= budget then return {'budget', used, 0, now} end
if rate > 0 then
  local held, out, oldest = redis.call('HGETALL', KEYS[2]), 0, nil
  for i = 1, #held, 2 do
    local back = (tonumber(held[i]) + 1) * slot + minute
    if back <= now then
      redis.call('HDEL', KEYS[2], held[i])
    else
      out = out + tonumber(held[i + 1])
      if not oldest or back < oldest then oldest = back end
    end
  end
  if out >= rate then return {'rate', out, oldest - now, now} end
  redis.call('HINCRBY', KEYS[2], math.floor(now / slot), 1)
  redis.call('PEXPIRE', KEYS[2], minute + 2 * slot)
end
if budget >= 0 then
  used = redis.call('INCR', KEYS[1])
  redis.call('EXPIRE', KEYS[1], tonumber(ARGV[5]))
end
return {'', used, 0, now}
"""

# Asks the breaker. Arguments: ms that it stays open, ms that a trying call may take. Gives ms to
# wait (0: go on) and the failures in a row.
_ENTER = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'failures', 'opened', 'trying')
local failures, opened, trying = tonumber(held[1] or '0'), tonumber(held[2]), tonumber(held[3])
if not opened then return {0, failures} end
local until_ = math.max(opened + tonumber(ARGV[1]), trying or 0)
if now < until_ then return {until_ - now, failures} end
redis.call('HSET', KEYS[1], 'trying', now + tonumber(ARGV[2]))
return {0, failures}
"""

# Tells the breaker of a failure. Arguments: failures that open it, seconds to remember.
_FAIL = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
if failures >= tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'opened', now) end
redis.call('HDEL', KEYS[1], 'trying')
redis.call('EXPIRE', KEYS[1], tonumber(ARGV[2]))
return failures
"""


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose call of which tool: what rates and budgets are counted by. Without a conversation
    there is no budget."""

    project: int
    tool: str
    user: str = ""
    conversation: str = ""


async def admit(
    whose: Whose, execution: Execution, *, minute_ms: int = MINUTE_MS
) -> Finding | None:
    """Count the call; the finding of the bound that refuses it, which then counts nothing.

    Raises ``Away`` where Valkey does not answer.
    """
    budget = execution.budget if whose.conversation else None
    if budget is None and execution.rate is None:
        return None
    keys = [
        valkey.name_key("budget", whose.project, whose.tool, whose.conversation),
        valkey.name_key("rate", whose.project, whose.tool, whose.user),
    ]
    given = [-1 if budget is None else budget, execution.rate or 0]
    slot = max(1, minute_ms // SLOTS)
    async with valkey.connected() as client:
        found = await cast(
            Any, client.eval(_ADMIT, 2, *keys, *given, minute_ms, slot, REMEMBERED_S)
        )
    refused, used, wait_ms = found[0].decode(), int(found[1]), int(found[2])
    if refused == "budget":
        return _tell_budget(whose, used, budget or 0)
    return _tell_rate(whose, used, execution.rate or 0, wait_ms) if refused else None


def _tell_budget(whose: Whose, used: int, budget: int) -> Finding:
    message = (
        f"{whose.tool} may be called {budget:,} times a conversation;"
        f" this would be the {ordinal(used + 1).lower()} call"
    )
    return Finding("budget_exceeded", message, detail={"limit": budget, "used": used})


def _tell_rate(whose: Whose, used: int, rate: int, wait_ms: int) -> Finding:
    message = (
        f"{whose.tool} may be called {rate:,} times a minute by one user; {used:,} calls were made"
        f" within the last minute, and the next may be made in {wait_ms / 1000:.1f} s"
    )
    return Finding(
        "rate_limited", message, detail={"limit": rate, "used": used, "wait_ms": wait_ms}
    )


async def enter(
    project: int, target: str, breaker: Breaker, timeout_ms: int
) -> tuple[int, Finding | None]:
    """Ask whether the target may be called: its failures in a row, and the finding of a breaker
    that is open.

    Once its time is over, one call tries; the others wait for what it tells. Raises ``Away``.
    """
    async with valkey.connected() as client:
        key = valkey.name_key("breaker", project, target)
        given = [breaker.open_s * 1000, timeout_ms + 1000]
        wait_ms, failures = await cast(Any, client.eval(_ENTER, 1, key, *given))
    if not wait_ms:
        return int(failures), None
    message = (
        f"{target} failed {failures:,} times in a row, so nothing is sent to it;"
        f" the next call may try in {wait_ms / 1000:.1f} s"
    )
    detail = {"breaker": "open", "failures": int(failures), "wait_ms": int(wait_ms)}
    return int(failures), Finding("tool_error", message, detail=detail)


async def tell(project: int, target: str, breaker: Breaker, *, failed: bool) -> None:
    """Say how a call of the target went. Raises ``Away``."""
    async with valkey.connected() as client:
        key = valkey.name_key("breaker", project, target)
        if failed:
            given = [breaker.failures, 2 * breaker.open_s + 3600]
            await cast(Any, client.eval(_FAIL, 1, key, *given))
        else:
            await client.delete(key)
