"""What was executed, counted in Valkey for all processes together; ``/metrics`` tells it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from console.lib import json
from tools_registry.execution import valkey
from tools_registry.execution.outcomes import Outcome

_KEY = "execution:counts"


@dataclass(frozen=True, slots=True)
class Count:
    """How often calls of a tool ended with a status; ``what`` is calls, hits (of the cache) or
    ms (that they took)."""

    project: int
    tool: str
    status: str
    what: str
    value: float


async def count(project: int, outcomes: Iterable[Outcome]) -> None:
    """Without Valkey nothing is counted."""
    try:
        async with valkey.connected() as client:
            pipeline = client.pipeline(transaction=False)
            for one in outcomes:
                for what, value in _values_of(one).items():
                    field = json.dump([project, one.name, one.status, what])
                    pipeline.hincrbyfloat(_KEY, field, value)
            await pipeline.execute()
    except valkey.Away:
        return


def _values_of(outcome: Outcome) -> dict[str, float]:
    found = {"calls": 1, "hits": int(outcome.hit is not None), "ms": outcome.latency_ms or 0}
    return {name: value for name, value in found.items() if value}


def read_counts() -> Iterator[Count]:
    """All counts there are. Raises ``RedisError``."""
    held: dict[bytes, Any] = valkey.waiting_client(settings.REDIS_URL).hgetall(_KEY)
    for field, value in sorted(held.items()):
        project, tool, status, what = json.load(field)
        yield Count(project, tool, status, what, float(value))
