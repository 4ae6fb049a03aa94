"""The drill's story as turn records, stored through the door of ingest at times that are past."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from console.drill.story import Decoy, Exchange, Request, Stage, Traffic
from conversations.ingest.record import TurnRecord

SCRIPT: tuple[tuple[Stage, float], ...] = (("calm", 40.0), ("bad", 20.0))
"""Seconds of each stage: less than a drill has, with fewer requests a second."""


def play(seed: int, decoy: Decoy, start: datetime) -> Iterator[TurnRecord]:
    """Every model call of the calm and of the outage so far."""
    traffic = Traffic(seed, decoy, rate=1.2)
    at, end = 0.0, 0.0
    for stage, seconds in SCRIPT:
        end += seconds
        while at < end:
            request = traffic.request(stage)
            for number, exchange in enumerate(request.exchanges):
                moment = start + timedelta(seconds=at + exchange.begins)
                yield record_of(request, exchange, number, moment)
            at += traffic.pause(stage)


def record_of(request: Request, exchange: Exchange, number: int, at: datetime) -> TurnRecord:
    message: dict[str, Any] = {"role": "assistant", "content": exchange.text or None}
    if call := exchange.call:
        said = {"name": call.name, "arguments": call.arguments}
        message["tool_calls"] = [{"id": call.id, "type": "function", "function": said}]
    body = {
        "id": f"{request.conversation}-{number}",
        "conversation": request.conversation,
        "at": at.isoformat(),
        "provider": "openai",
        "model": exchange.model,
        "request": {"messages": list(exchange.messages), "tools": list(exchange.tools)},
        "response": {"message": message, "finish_reason": "tool_calls" if call else "stop"},
        "user": request.user,
        "environment": request.environment,
    }
    return TurnRecord.model_validate(body)
