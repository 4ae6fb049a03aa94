"""What is kept of an executed call: in its row, and told again from it.

A row's ``execution`` is what the row has no field for, as ``call.result`` of docs/protocol.md
tells it, and ``waits_for``: whom the call waited for and why, by their positions in the turn.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from console.lib import json
from conversations.models import ToolCall, Turn
from conversations.rounds import Body
from tools_registry.execution.plan import Dependency
from tools_registry.validation.findings import Finding, LayerResult, VerdictValue, worst

EXECUTED = "executed"
UNUSED = ("refused", "held", "skipped", "cancelled")
"""Statuses of calls that no tool answered."""
_ALSO_KEPT = (
    "findings", "begin_ms", "end_ms", "attempts", "executor", "cached", "notes", "sanitised", "sent"
)  # fmt: skip


def latency_of(told: Body) -> float | None:
    """Milliseconds from the beginning to the end of a call, None where it never began."""
    if "begin_ms" not in told or "end_ms" not in told:
        return None
    return round(float(told["end_ms"]) - float(told["begin_ms"]), 1)


def store_execution(
    turn: UUID, position: int, told: Body, waits_for: list[Body]
) -> tuple[VerdictValue, list[Body]]:
    """Keep what became of an executed call; its verdict now, and its layers.

    ``told`` is the outcome's JSON. Findings of bounds and of the tool count for the turn too.
    """
    found = [Finding.from_json(one) for one in told.get("findings", [])]
    with transaction.atomic():
        held = Turn.objects.select_for_update().get(pk=turn)
        row = ToolCall.objects.get(turn_id=turn, position=position)
        whole = [*row.found, *found]
        row.findings = json.dump([one.to_json() for one in whole])
        row.codes = list(dict.fromkeys([*row.codes, *(one.code for one in found)]))
        row.layers = [*row.layers, LayerResult("execution", True, tuple(found)).to_json()]
        row.verdict = worst(whole)
        row.status, row.result = told["status"], told["content"]
        row.answered_by, row.latency_ms = EXECUTED, latency_of(told)
        row.cached, row.cost = "cached" in told, told.get("cost")
        kept = {name: told[name] for name in _ALSO_KEPT if name in told}
        row.execution = json.dump({**kept, "waits_for": waits_for})
        row.save()
        _tell_turn(held, found)
    return row.verdict, row.layers


def _tell_turn(turn: Turn, found: list[Finding]) -> None:
    if not found:
        return
    turn.codes = list(dict.fromkeys([*turn.codes, *(one.code for one in found)]))
    if turn.verdict == "accepted":
        turn.verdict = worst(found)
        turn.conversation.verdict = max(turn.conversation.verdict, turn.verdict, key=_weigh)
        turn.conversation.save(update_fields=["verdict"])
    turn.save(update_fields=["codes", "verdict"])


def _weigh(verdict: str) -> int:
    return ("accepted", "flagged", "rejected").index(verdict)


def tell_result(row: ToolCall) -> Body:
    """What ``call.result`` told of an executed call, from its row."""
    kept = json.load(row.execution)
    kept.pop("waits_for", None)
    more: Body = {"status": row.status, "verdict": row.verdict, "layers": row.layers, **kept}
    return more | ({"cost": float(row.cost)} if row.cost is not None else {})


def tell_judged(row: ToolCall) -> Body:
    """What was found of a call before it was executed."""
    layers, findings = row.layers, row.found
    if row.execution:
        late = len(json.load(row.execution).get("findings", []))
        layers, findings = layers[:-1], findings[: len(findings) - late]
    verdict = worst(findings) if row.execution else row.verdict
    return {
        "verdict": verdict,
        "layers": layers,
        "findings": [one.to_json() for one in findings],
    }


def waits_of(row: ToolCall) -> list[dict[str, Any]]:
    """Whom an executed call waited for: ``{on, kind, reason}``, ``on`` a position."""
    return list(json.load(row.execution).get("waits_for", [])) if row.execution else []


def tell_waits(dependencies: list[Dependency], positions: dict[str, int]) -> list[Body]:
    return [
        {"on": positions[one.on], "kind": one.kind, "reason": one.reason} for one in dependencies
    ]
