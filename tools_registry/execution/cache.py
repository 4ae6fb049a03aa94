"""Results of tools that only read, kept in Valkey for all processes, and executed once at a time.

The key is the whole SHA-256 over canonical JSON of the project, the tool version and the
arguments. Of equal calls at the same time one executes and the others wait for its result, or
its failure. Without Valkey every call is executed.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
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

_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


@dataclass(frozen=True, slots=True)
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

    @property
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
        kept, told, other = await _look(slot)
        if kept is not None:
            await _count(slot, kept)
            return replace(kept, shared=bool(leader))
        if leader and told.get("token") == leader:
            raise _fault_of(told)
        if not other and await _claim(slot, token):
            # Another may have kept its result between our look and our claim.
            kept, _, _ = await _look(slot)
            await _count(slot, kept)
            if kept is None:
                return token
            await _release(slot, token)
            return kept
        leader = other or leader
        await asyncio.sleep(wait_s)
        wait_s = min(_LAST_LOOK_S, wait_s * 1.5)


async def _lead(slot: Slot, token: str, execute: Callable[[], Awaitable[Answer]]) -> Answer:
    at, began = time.time(), time.monotonic()
    try:
        answer = await execute()
    except Fault as fault:
        await _write(slot, token, "fault", _told_of(fault, token), _FAULT_KEPT_MS)
        raise
    except BaseException:
        await _write(slot, token)
        raise
    took_ms = round((time.monotonic() - began) * 1000, 1)
    kept = {"text": answer.text, "value": answer.value, "note": answer.note}
    more = {"at": at, "took_ms": took_ms, "cost": slot.cost, "executor": slot.executor}
    await _write(slot, token, "result", kept | more, slot.ttl_s * 1000)
    return answer


def _name(slot: Slot, kind: str) -> str:
    return f"execution:{kind}:{slot.key}"


async def _look(slot: Slot) -> tuple[_Kept | None, Mapping[str, Any], str]:
    """The result, the failure of the last one that executed, and the token of who does now."""
    keys = [_name(slot, kind) for kind in ("result", "fault", "flight")]
    async with valkey.connected() as client:
        purged_at = valkey.name_key("purged", slot.project, slot.tool)
        found: Any = await client.mget([*keys, purged_at])
    result, fault, flight, purged = found
    kept = _read(slot, result, float(purged or 0)) if result else None
    return kept, json.load(fault) if fault else {}, (flight or b"").decode()


def _read(slot: Slot, text: bytes, purged: float) -> _Kept | None:
    held = json.load(text)
    if held["at"] <= purged or held["executor"] != slot.executor:
        return None
    answer = Answer(held["text"], held["value"], held["note"])
    return _Kept(answer, held["at"], held["took_ms"], held["cost"])


async def _claim(slot: Slot, token: str) -> bool:
    async with valkey.connected() as client:
        name = _name(slot, "flight")
        return bool(await client.set(name, token, nx=True, px=slot.patience_ms))


async def _release(slot: Slot, token: str) -> None:
    async with valkey.connected() as client:
        await cast(Any, client.eval(_RELEASE, 1, _name(slot, "flight"), token))


async def _write(
    slot: Slot, token: str, kind: str = "", held: Mapping[str, Any] | None = None, ms: int = 0
) -> None:
    """Keep what came of executing, if anything did, and let others go on."""
    try:
        if held is not None:
            async with valkey.connected() as client:
                await client.set(_name(slot, kind), json.dump(held), px=ms)
        await _release(slot, token)
    except valkey.Away:
        return


def _told_of(fault: Fault, token: str) -> dict[str, Any]:
    told = {"code": fault.code, "message": fault.message, "transient": fault.transient}
    return told | {"detail": fault.detail, "token": token}


def _fault_of(told: Mapping[str, Any]) -> Fault:
    return Fault(told["code"], told["message"], transient=told["transient"], **told["detail"])


# What the cache did, and emptying it.


def _tally_name(project: int, tool: str, day: datetime) -> str:
    return f"{valkey.name_key('tally', project, tool)}:{day:%Y%m%d}"


async def _count(slot: Slot, kept: _Kept | None) -> None:
    name = _tally_name(slot.project, slot.tool, datetime.now(UTC))
    async with valkey.connected() as client:
        counting = client.pipeline(transaction=False)
        counting.hincrby(name, "hits" if kept else "misses", 1)
        if kept:
            counting.hincrby(name, "saved_ms", round(kept.took_ms))
            counting.hincrbyfloat(name, "saved_cost", kept.cost or 0.0)
        counting.expire(name, _TALLIED_DAYS * 24 * 3600)
        await counting.execute()


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
    fields = ("hits", "misses", "saved_ms", "saved_cost")
    sums = {name: sum(float(day.get(name.encode(), 0)) for day in found) for name in fields}
    counts = {name: int(sums[name]) for name in fields[:3]}
    return Tally(**counts, saved_cost=sums["saved_cost"])


def purge(project: int, tool: str) -> bool:
    """Let no result that was executed before now be used; False where Valkey does not answer."""
    try:
        client = valkey.waiting_client(settings.REDIS_URL)
        name = valkey.name_key("purged", project, tool)
        return bool(client.set(name, time.time(), ex=_LONGEST_TTL_S))
    except RedisError:
        return False
