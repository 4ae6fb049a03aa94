"""One model call of a replay: the answer, its bytes, what it took. Tools are never executed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from conversations import wire
from conversations.assembly import Assembler, read_answer
from conversations.models import Connection
from conversations.parts import Answer, CallStarted, TextDelta, Usage
from conversations.price_overrides import read_overrides
from conversations.prices import price
from conversations.providers import Ask, Provider, ProviderFault, faults

_STREAMS = ("event-stream", "ndjson")


@dataclass(frozen=True)
class Asked:
    """An answer that came. ``cost`` is dollars, None unpriced."""

    answer: Answer
    protocol: str
    request: bytes
    chunks: Sequence[wire.Chunk]
    latency_ms: float
    first_token_ms: float | None = None
    cost: Decimal | None = None

    @property
    def usage(self) -> Usage:
        return self.answer.usage or Usage()


@dataclass
class _Arrived:
    chunks: list[wire.Chunk] = field(default_factory=list)
    first_token_ms: float | None = None


async def ask_model(provider: Provider, connection: Connection, request: Ask) -> Asked:
    """Make the call. Raises ``ProviderFault``, with what had arrived as its body."""
    begun = time.monotonic()
    if not request.stream and provider.plain_target:
        protocol, sent, body = await provider.post(request)
        latency = (time.monotonic() - begun) * 1000
        arrived = _Arrived([(latency, body)])
        answer = read_answer(protocol, body)
        where = provider.where
    else:
        exchange = provider.ask(request)
        where = exchange.where
        async with exchange:
            kind = exchange.headers.get("content-type", "")
            arrived = _Arrived()
            assembler = Assembler(exchange.wire) if any(one in kind for one in _STREAMS) else None
            async for chunk, at in exchange:
                arrived.chunks.append((at, chunk))
                if assembler is not None:
                    _read_events(assembler, chunk, at, arrived)
        latency, protocol, sent = exchange.elapsed_ms, exchange.wire, exchange.request
        answer = _finish(assembler) if assembler else read_answer(protocol, _whole(arrived))
    if answer.error is not None or not answer.complete:
        raise _broken(answer, where, _whole(arrived))
    return Asked(
        answer=answer,
        protocol=protocol,
        request=sent,
        chunks=arrived.chunks,
        latency_ms=latency,
        first_token_ms=arrived.first_token_ms,
        cost=_price(answer, connection, request.model),
    )


def _read_events(assembler: Assembler, chunk: bytes, at: float, arrived: _Arrived) -> None:
    for event in assembler.feed(chunk):
        if arrived.first_token_ms is None and isinstance(event, TextDelta | CallStarted):
            arrived.first_token_ms = at


def _finish(assembler: Assembler) -> Answer:
    assembler.finish()
    return assembler.answer


def _whole(arrived: _Arrived) -> bytes:
    return b"".join(chunk for _, chunk in arrived.chunks)


def _broken(answer: Answer, where: str, body: bytes) -> ProviderFault:
    if answer.error is not None:
        fault = faults.of_report(answer.error.code, answer.error.message, where)
    else:
        fault = ProviderFault(
            "cut_stream", f"{where} ended the answer before it was complete. Run it again."
        )
    fault.body = body
    return fault


def _price(answer: Answer, connection: Connection, model: str) -> Decimal | None:
    if answer.usage is None:
        return None
    return price(
        answer.usage,
        model=model,
        protocol=connection.protocol,
        base_url=connection.base_url,
        overrides=read_overrides(connection.settings),
    ).cost
