"""Results of tools that only read, kept in Valkey for all processes, and executed once at a time.

The key is the whole SHA-256 over canonical JSON of the project, the tool version and the
arguments. Of equal calls at the same time one executes and the others wait for its result, or
its failure. Without Valkey every call is executed.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, cast
from uuid import uuid4

from django.conf import settings
from redis.exceptions import RedisError

from console.lib import json
from tools_registry import canonical
from tools_registry.execution import valkey
from tools_registry.execution.executors.base import Answer, Fault

_FIRST_LOOK_S, _LAST_LOOK_S = 0.01, 0.1
_FAULT_KEPT_MS = 10_000
_TALLIED_DAYS = 90
_LONGEST_TTL_S = 31_536_000

# Looks for a result, and takes the execution over where there is none and nobody executes.
# Keys: result, fault, flight, when the tool was purged. Arguments: our token, ms that executing
# may take, the executor, the token of the one that we waited for.
_JOIN = """
local result = redis.call('GET', KEYS[1])
if result then
  local at, executor = string.match(result, '^([^|]*)|([^|]*)|')
  local purged = tonumber(redis.call('GET', KEYS[4]) or '0')
  if tonumber(at) > purged and executor == ARGV[3] then return {'result', result} end
end
local fault = ARGV[4] ~= '' and redis.call('GET', KEYS[2])
if fault and string.sub(fault, 1, #ARGV[4]) == ARGV[4] then return {'fault', fault} end
local flight = redis.call('GET', KEYS[3])
if flight then return {'wait', flight} end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
return {'lead', ARGV[1]}
"""

# Keeps what came of executing under KEYS[1] for ARGV[3] ms, if it is anything, and lets others on.
_LAND = """
if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
"""


@dataclass(frozen=True)
class Slot:
    """Where the result of a call is kept. ``executor`` is what executes it now: a result of
    another executor is none. ``patience_ms`` is how long executing may take at most."""

    project: int
    tool: str
    version: str
    arguments: Any
    ttl_s: int
    executor: str = ""
    patience_ms: int = 10_000
    cost: float | None = None

    @cached_property
    def key(self) -> str:
        return key_of(self.project, self.version, self.arguments)


@dataclass(frozen=True, slots=True)
class Hit:
    """``age_s`` since it was executed, and what that took: saved now. ``shared`` says that it was
    executed while this call waited."""

    age_s: float
    saved_ms: float
    saved_cost: float | None = None
    shared: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Tally:
    """What the cache did for a tool."""

    hits: int = 0
    misses: int = 0
    saved_ms: int = 0
    saved_cost: float = 0.0
    ages_s: int = 0
    """Of all hits together."""

    @property
    def asked(self) -> int:
        return self.hits + self.misses

    @property
    def percent(self) -> float | None:
        return None if self.share is None else self.share * 100

    @property
    def mean_age_s(self) -> float | None:
        return self.ages_s / self.hits if self.hits else None

    @property
    def share(self) -> float | None:
        """Hits among all calls, None before the first."""
        return self.hits / (self.hits + self.misses) if self.hits + self.misses else None


@dataclass(frozen=True, slots=True)
class _Kept:
    """A result as it is kept. ``at`` is when its execution began, in seconds since 1970."""

    answer: Answer
    at: float
    took_ms: float
    cost: float | None
    shared: bool = False

    @property
    def hit(self) -> Hit:
        return Hit(max(0.0, time.time() - self.at), self.took_ms, self.cost, self.shared)


def key_of(project: int, version: str, arguments: Any) -> str:
    """64 hexadecimal digits; the same for arguments that are equal as JSON."""
    whole = {"project": project, "tool_version": version, "arguments": arguments}
    return hashlib.sha256(canonical.dumps(whole)).hexdigest()


async def fetch(slot: Slot, execute: Callable[[], Awaitable[Answer]]) -> tuple[Answer, Hit | None]:
    """The kept result with what it saved, or that of executing. Raises ``Fault``."""
    try:
        found = await _join(slot)
    except valkey.Away:
        return await execute(), None
    if isinstance(found, _Kept):
        return found.answer, found.hit
    return await _lead(slot, found, execute), None


async def _join(slot: Slot) -> str | _Kept:
    """A result, at once or once another has executed; or our token, if it is we who execute.

    Raises ``Fault`` where the one that was waited for failed, and ``Away``.
    """
    token, leader, wait_s = uuid4().hex, "", _FIRST_LOOK_S
    while True:
        async with valkey.connected() as client:
            given: list[Any] = [token, slot.patience_ms, slot.executor, leader]
            kind, held = await cast(Any, client.eval(_JOIN, 4, *_names(slot), *given))
        match kind:
            case b"result":
                kept = _read(held, shared=bool(leader))
                await _count(slot, kept)
                return kept
            case b"fault":
                raise _fault_of(held)
            case b"lead":
                return token
        leader = held.decode()
        await asyncio.sleep(wait_s)
        wait_s = min(_LAST_LOOK_S, wait_s * 1.5)


async def _lead(slot: Slot, token: str, execute: Callable[[], Awaitable[Answer]]) -> Answer:
    at, began = time.time(), time.monotonic()
    try:
        answer = await execute()
    except Fault as fault:
        await _land(slot, token, 1, f"{token}|{_told_of(fault)}", _FAULT_KEPT_MS)
        raise
    except BaseException:
        await _land(slot, token)
        raise
    took_ms = round((time.monotonic() - began) * 1000, 1)
    whole = json.dump([answer.text, answer.value, answer.note, at, took_ms, slot.cost])
    await _land(slot, token, 0, f"{at!r}|{slot.executor}|{whole}", slot.ttl_s * 1000)
    return answer


def _names(slot: Slot) -> list[str]:
    names = [f"execution:{kind}:{slot.key}" for kind in ("result", "fault", "flight")]
    return [*names, valkey.name_key("purged", slot.project, slot.tool)]


async def _land(slot: Slot, token: str, place: int = 0, held: str = "", ms: int = 0) -> None:
    """Keep what came of executing, if anything did, and let those who wait go on."""
    names = _names(slot)
    try:
        async with valkey.connected() as client:
            landing = client.pipeline(transaction=False)
            landing.eval(_LAND, 2, names[place], names[2], token, held, ms)
            _add_count(landing, slot, None)
            await landing.execute()
    except valkey.Away:
        return


def _read(held: bytes, *, shared: bool) -> _Kept:
    text, value, note, at, took_ms, cost = json.load(held.split(b"|", 2)[2])
    return _Kept(Answer(text, value, note), at, took_ms, cost, shared)


def _told_of(fault: Fault) -> str:
    return json.dump([fault.code, fault.message, fault.transient, fault.detail])


def _fault_of(held: bytes) -> Fault:
    code, message, transient, detail = json.load(held.split(b"|", 1)[1])
    return Fault(code, message, transient=transient, **detail)


# What the cache did, and emptying it.


def _tally_name(project: int, tool: str, day: datetime) -> str:
    return f"{valkey.name_key('tally', project, tool)}:{day:%Y%m%d}"


async def _count(slot: Slot, kept: _Kept) -> None:
    async with valkey.connected() as client:
        counting = client.pipeline(transaction=False)
        _add_count(counting, slot, kept)
        await counting.execute()


def _add_count(counting: Any, slot: Slot, kept: _Kept | None) -> None:
    """A hit, or a miss, for the day's tally."""
    name = _tally_name(slot.project, slot.tool, datetime.now(UTC))
    counting.hincrby(name, "hits" if kept else "misses", 1)
    if kept:
        counting.hincrby(name, "saved_ms", round(kept.took_ms))
        counting.hincrby(name, "ages_s", round(kept.hit.age_s))
        counting.hincrbyfloat(name, "saved_cost", kept.cost or 0.0)
    counting.expire(name, _TALLIED_DAYS * 24 * 3600)


def read_tally(project: int, tool: str, *, days: int = 30) -> Tally | None:
    """What the cache did for a tool in the last days; None where Valkey does not answer."""
    today = datetime.now(UTC)
    try:
        reading = valkey.waiting_client(settings.REDIS_URL).pipeline(transaction=False)
        for number in range(days):
            reading.hgetall(_tally_name(project, tool, today - timedelta(days=number)))
        found = reading.execute()
    except RedisError:
        return None
    fields = ("hits", "misses", "saved_ms", "ages_s", "saved_cost")
    sums = {name: sum(float(day.get(name.encode(), 0)) for day in found) for name in fields}
    counts = {name: int(sums[name]) for name in fields[:4]}
    return Tally(**counts, saved_cost=sums["saved_cost"])


def purge(project: int, tool: str) -> bool:
    """Let no result that was executed before now be used; False where Valkey does not answer."""
    try:
        client = valkey.waiting_client(settings.REDIS_URL)
        name = valkey.name_key("purged", project, tool)
        return bool(client.set(name, time.time(), ex=_LONGEST_TTL_S))
    except RedisError:
        return False
