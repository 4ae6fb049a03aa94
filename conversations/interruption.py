"""Closing runs whose process died: found by their expired heartbeat, kept as far as they came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import redis
from django.conf import settings
from django.utils import timezone

from console.lib import json
from conversations import live, prices, recording, wire
from conversations.call_context import context_of
from conversations.history import ended, offer_of_turn
from conversations.models import Run, Turn
from conversations.parts import Usage
from conversations.player import finish_run, interrupted
from conversations.price_overrides import read_overrides
from conversations.rounds import Body, Offered, Round
from conversations.run_log import LOG_AFTER_END_S, Raw, alive_key, last_of, log_key
from conversations.run_rows import turns_of
from conversations.runs import RunRequest


@dataclass
class Logged:
    """What the log of a run holds of one round."""

    turn: str = ""
    request: bytes = b""
    chunks: list[wire.Chunk] = field(default_factory=list)


def close_interrupted() -> list[UUID]:
    """Close every open run that no living process plays; the ids of those closed."""
    grace = timezone.now() - timedelta(seconds=live.ALIVE_S)
    with redis.Redis.from_url(settings.REDIS_URL, protocol=2) as client:
        open_runs = Run.objects.filter(finished_at=None, started_at__lt=grace)
        dead = [run for run in open_runs if not client.exists(alive_key(run.pk))]
        for run in dead:
            close_run(run, client)
    return [run.pk for run in dead]


def close_run(run: Run, client: redis.Redis) -> None:
    """Store what had arrived, mark the run interrupted, and tell those who follow it."""
    rounds = read_wire(run.pk, client)
    told: Round | None = None
    for number, turn in enumerate(turns_of(run), 1):
        if turn.status == "running":
            offered = offer_of_turn(turn, RunRequest.model_validate(json.load(run.request)))
            told = _close_turn(turn, number, rounds.get(number, Logged()), offered)
    run.status, run.verdict = "interrupted", _verdict(run)
    run.error = json.dump(interrupted().to_json())
    seq = _last_seq(run.pk, client)
    bodies = _last_words(run, told)
    finish_run(run.pk, run.status, run.verdict, run.error, seq + len(bodies))
    at = round((timezone.now() - run.started_at).total_seconds() * 1000, 1)
    key = log_key(run.pk)
    for body in bodies:
        seq += 1
        head = {"type": body.pop("type"), "run": str(run.pk), "seq": seq, "at": at}
        client.xadd(key, {"e": json.dump_bytes({**head, **body})}, id=f"{seq}-0")
    client.expire(key, LOG_AFTER_END_S)


def _last_words(run: Run, told: Round | None) -> list[Body]:
    closing = told.close() if told else []
    return [*closing, ended(run, len(turns_of(run)))]


def _verdict(run: Run) -> str:
    verdicts = {turn.verdict for turn in turns_of(run)}
    return next((v for v in ("rejected", "flagged") if v in verdicts), "accepted")


def _last_seq(run: UUID, client: redis.Redis) -> int:
    newest: Any = client.xrevrange(log_key(run), count=1)
    return last_of(newest[0][0]) if newest else 0


def read_wire(run: UUID, client: redis.Redis) -> dict[int, Logged]:
    """The rounds of a run, as far as its log has them."""
    rounds: dict[int, Logged] = {}
    entries: Any = client.xrange(log_key(run))
    for _, fields in entries:
        raw = Raw.of(fields)
        if raw is None:
            continue
        logged = rounds.setdefault(raw.round, Logged())
        if raw.chunk is not None:
            logged.chunks.append((raw.at, raw.chunk))
        else:
            logged.turn, logged.request = raw.turn, raw.request
    return rounds


def _close_turn(turn: Turn, number: int, logged: Logged, offered: Offered) -> Round:
    protocol: Any = turn.protocol
    context = context_of(
        recording.rebuild_messages(turn), user=turn.user, environment=turn.environment
    )
    told = Round(number, str(turn.pk), protocol, offered, pricing(turn), context)
    for at, chunk in logged.chunks:
        told.feed(chunk, at)
    told.finish()
    recording.finish_turn(
        recording.TurnEnd(
            turn.pk,
            told,
            "interrupted",
            logged.request,
            wire.Packer(logged.chunks),
            interrupted().to_json(),
        )
    )
    return told


def pricing(turn: Turn) -> Callable[[Usage], prices.Price]:
    """The price of a stored turn's usage, as of its time."""

    def find(usage: Usage) -> prices.Price:
        connection = turn.connection
        return prices.price(
            usage,
            model=turn.model,
            protocol=connection.protocol if connection else "",
            base_url=connection.base_url if connection else "",
            at=turn.at,
            overrides=read_overrides(connection.settings) if connection else (),
        )

    return find
