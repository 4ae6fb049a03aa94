"""The bounds of a policy tried on recorded calls of its tool: what each would have cut."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from console.accounts.models import Project
from console.lib import json
from console.lib.fields import from_stored
from conversations.backtest.reading import BUDGET, WALKING, query_of
from conversations.search.reading import find, read_in_order
from tools_registry import canonical
from tools_registry.execution.tryout import (
    Effect,
    Past,
    try_budget,
    try_cache,
    try_rate,
    try_timeout,
)
from tools_registry.policies.execution import Execution

LAST = 2_000
_COLUMNS = (
    'c.conversation_id, c.cost, extract(epoch FROM c.at), c."user", c.latency_ms, c.arguments'
)


def try_bounds(project: Project, tool: str, execution: Execution) -> list[Effect]:
    """What each bound that the policy sets would have done to the tool's last calls."""
    trials = [
        (try_budget, execution.budget),
        (try_rate, execution.rate),
        (try_timeout, execution.timeout_ms),
        (try_cache, execution.cache_ttl or None),
    ]
    if all(bound is None for _, bound in trials):
        return []
    rows = _read(project, tool, execution)
    return [trial(rows, bound) for trial, bound in trials if bound is not None]


def _read(project: Project, tool: str, execution: Execution) -> list[Past]:
    """The last calls, the oldest first. One without a cost of its own has the policy's."""
    query, now = query_of(tool, ""), timezone.now()
    rows = read_in_order(
        project, query, "calls", _COLUMNS, before=None, size=LAST, budget=WALKING, now=now
    )
    if rows is None:
        found = find(project, query, "calls", before=None, size=LAST, budget=BUDGET, now=now)
        rows = _read_calls([hit.id for hit in found.hits])
    cost = None if execution.cost is None else Decimal(str(execution.cost))
    return [_past(row, cost, hashing=bool(execution.cache_ttl)) for row in reversed(rows)]


def _read_calls(ids: Sequence[Any]) -> list[Any]:
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM conversations_toolcall c"
            " WHERE id = ANY(%s) AND id >= %s AND id <= %s ORDER BY id DESC",
            [list(ids), min(ids), max(ids)],
        )
        return [*cursor.fetchall()]


def _past(row: Sequence[Any], cost: Decimal | None, *, hashing: bool) -> Past:
    conversation, own, at, user, latency_ms, arguments = row
    same = _hash(from_stored(arguments)) if hashing else ""
    return Past(str(conversation), cost if own is None else own, float(at), user, latency_ms, same)


def _hash(arguments: str) -> str:
    """Equal for arguments that are equal as JSON."""
    try:
        text = canonical.dumps(json.load(arguments or "{}"))
    except (ValueError, RecursionError):
        text = arguments.encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()
