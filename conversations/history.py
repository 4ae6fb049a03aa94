"""The events of a finished run, rebuilt from its stored turns once its log has expired.

The chunks go through the same ``Round`` as they did live, so the events are the same; only
answers to parallel calls come in the order of the calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from console.lib import json
from conversations import executions, wire
from conversations.models import Run, ToolCall, Turn, TurnWire
from conversations.prices import Price
from conversations.rounds import Body, Offered, Round
from conversations.run_rows import offer_of, turns_of, versions_of
from conversations.runs import RunRequest
from conversations.turn_plans import plan_of
from tools_registry.dialects import UnreadableTool, read_tool, to_openai_chat
from tools_registry.models import ToolVersion
from tools_registry.specs import ToolSpec


def events_of(run: Run) -> list[bytes]:
    """Every event of the run as JSON, the first with seq 1."""
    turns = turns_of(run)
    wires = TurnWire.objects.in_bulk([turn.pk for turn in turns])
    calls: dict[Any, list[ToolCall]] = {}
    for call in ToolCall.objects.filter(turn_id__in=wires).order_by("position"):
        calls.setdefault(call.turn_id, []).append(call)
    body = RunRequest.model_validate(json.load(run.request))
    offered = offer_of_turn(turns[0], body) if turns else Offered()
    log = _Log(run)
    log.add(0.0, [started(run, body, offered)])
    for number, turn in enumerate(turns, 1):
        kept = wires.get(turn.pk)
        chunks = wire.unpack(kept.chunks) if kept else []
        rows = calls.get(turn.pk, [])
        last = number == len(turns)
        _tell_turn(log, number, turn, chunks, rows, offered, body, last=last)
    log.add(log.since_start(run.finished_at), [ended(run, len(turns))])
    return log.events


class _Log:
    def __init__(self, run: Run) -> None:
        self.events: list[bytes] = []
        self._run, self._begun = str(run.pk), run.started_at

    def since_start(self, moment: datetime | None) -> float:
        """Milliseconds from the run's start."""
        return (moment - self._begun).total_seconds() * 1000 if moment else 0.0

    def add(self, at: float, bodies: Iterable[Body]) -> None:
        for body in bodies:
            kind = body.pop("type")
            head = {"type": kind, "run": self._run, "seq": len(self.events) + 1}
            self.events.append(json.dump({**head, "at": round(at, 1), **body}).encode())


def _tell_turn(
    log: _Log,
    number: int,
    turn: Turn,
    chunks: list[wire.Chunk],
    rows: list[ToolCall],
    offered: Offered,
    body: RunRequest,
    *,
    last: bool,
) -> None:
    begun = log.since_start(turn.at)
    told = rebuild_round(turn, number, offered)
    log.add(begun, told.begin())
    for at, chunk in () if is_error_body(turn) else chunks:
        log.add(begun + at, _as_stored(told.feed(chunk, at), rows))
    latency = turn.latency_ms or 0.0
    log.add(begun + latency, _as_stored(told.finish(latency), rows))
    log.add(begun + latency, told.close())
    answered = [row for row in rows if row.answered_by]
    if not last or answered:
        log.add(begun + latency, _answers(number, rows, body, offered))


def is_error_body(turn: Turn) -> bool:
    """Whether the stored bytes are an error page instead of an answer."""
    return bool(turn.error) and "http_status" in json.load(turn.error)


def rebuild_round(turn: Turn, number: int, offered: Offered) -> Round:
    """The round of a stored turn, before its chunks."""
    choice = json.load(turn.parameters).get("tool_choice")
    price = Price(turn.cost, {})
    protocol: Any = turn.protocol
    return Round(number, str(turn.pk), protocol, offered.choosing(choice), lambda usage: price)


def _as_stored(bodies: list[Body], rows: list[ToolCall]) -> Iterator[Body]:
    """Calls with the verdict that was stored: tools may have come or gone since."""
    stored = {row.position: row for row in rows}
    for body in bodies:
        if body["type"] == "call.completed" and body["choice"] == 0:
            row = stored.get(body["index"])
            if row is not None:
                body |= executions.tell_judged(row)
        yield body


def _answers(
    number: int, rows: list[ToolCall], body: RunRequest, offered: Offered
) -> Iterator[Body]:
    executed = [row for row in rows if row.execution]
    found = plan_of(rows, offered.policies, lambda position: f"{number}.0.{position}")
    if executed:
        plan = found.plan.to_json()
        yield {"type": "calls.planned", "round": number, "plan": plan, "executable": []}
    for row in rows:
        place = {"round": number, "key": f"{number}.0.{row.position}"}
        mode = body.answers[row.name].mode if row.name in body.answers else "hand"
        if mode == "hand":
            yield {"type": "call.waiting", **place}
        else:
            yield {"type": "call.executing", **place, "mode": mode}
    for row in rows:
        if row.answered_by:
            yield {
                "type": "call.result",
                "round": number,
                "key": f"{number}.0.{row.position}",
                "content": row.result,
                "error": row.status == "error",
                "answered_by": row.answered_by,
                "latency_ms": row.latency_ms,
                **(executions.tell_result(row) if row.execution else {}),
            }
    if executed and found.schedule:
        schedule = found.schedule.to_json()
        yield {"type": "calls.executed", "round": number, "schedule": schedule}


def offer_of_turn(turn: Turn, body: RunRequest) -> Offered:
    """What a run's turn offered: versions with all that they declare."""
    choice = json.load(turn.parameters).get("tool_choice")
    if turn.toolset is None:
        return offer_of([], [], turn.project, choice)
    ids = versions_of(body, turn.toolset.versions)
    versions = ToolVersion.objects.in_bulk([pk for pk in ids if pk])
    specs = [
        versions[pk].spec if pk in versions else _read(tool)
        for pk, tool in zip(ids, turn.toolset.tools, strict=False)
    ]
    return offer_of(specs, ids, turn.project, choice)


def _read(tool: Any) -> ToolSpec | None:
    try:
        return read_tool(tool)
    except UnreadableTool:
        return None


def started(run: Run, body: RunRequest, offered: Offered, ref: str = "") -> Body:
    """The body of ``run.started``."""
    connection = run.connection
    return {
        "type": "run.started",
        "ref": ref,
        "conversation": str(run.conversation_id),
        "group": str(run.group),
        "column": run.column,
        "trial": run.trial,
        "model": run.model,
        "connection": {"id": connection.pk, "name": connection.name} if connection else None,
        "tools": [
            {"name": name, "version": _version(offered.versions.get(name))}
            for name in offered.specs
        ],
        "routed": body.routed,
        "request_bytes": len(run.request.encode("utf-8", "replace")),
        "prompt_bytes": prompt_bytes(body, offered),
    }


def prompt_bytes(body: RunRequest, offered: Offered) -> int:
    """The size as JSON of what the model reads first: messages and tools."""
    tools = [to_openai_chat(spec) for spec in offered.specs.values() if spec is not None]
    return len(json.dump_bytes(body.messages)) + len(json.dump_bytes(tools))


def _version(found: tuple[int, int] | None) -> Body | None:
    return {"id": found[0], "number": found[1]} if found else None


def ended(run: Run, turns: int) -> Body:
    """The body of the run's last event."""
    verdict = {"verdict": run.verdict or "accepted", "turns": turns}
    if run.status in ("finished", "cancelled"):
        return {"type": "run.finished", "status": run.status, **verdict}
    error = json.load(run.error) if run.error else {"code": "interrupted", "detail": ""}
    return {"type": "run.failed", **error, "status": run.status, **verdict}
