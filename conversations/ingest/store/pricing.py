"""Prices of many turns: a model's rates are looked up once a day, up to where tiers may begin."""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

from conversations.parts import Usage
from conversations.prices import UNPRICED, Price, price

_MILLION = 1_000_000
_FIRST_TIER = 100_000
"""Tokens up to which a price is taken for linear once it was seen to be."""
_PLACES = Decimal("0.000000001")
# As traces name their providers, and as the price list does.
_SELLERS = {
    "gcp.gemini": "google", "gcp.vertex_ai": "google", "gcp.gen_ai": "google",
    "gemini": "google", "vertex_ai": "google", "aws.bedrock": "aws", "bedrock": "aws",
    "azure.ai.openai": "azure", "az.ai.openai": "azure", "azure.ai.inference": "azure",
    "mistral_ai": "mistral", "x_ai": "x-ai", "xai": "x-ai",
}  # fmt: skip


class Rates(NamedTuple):
    """Dollars a million tokens; None as a whole where the price is not linear."""

    input: Decimal
    output: Decimal
    cached: Decimal
    written: Decimal
    snapshot: dict[str, str]


def price_turn(
    usage: Usage | None, *, model: str, provider: str, protocol: str, at: datetime
) -> Price:
    """The price of a turn's usage as of ``at``; unpriced says why."""
    if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
        return UNPRICED
    seller = provider.lower() or protocol.partition(".")[0]
    seller = _SELLERS.get(seller, seller)
    rates = _rates(model, seller, at.astimezone(UTC).date())
    if isinstance(rates, Price):
        return rates
    if rates is None or _count(usage) > _FIRST_TIER:
        return price(usage, model=model, protocol=seller, at=at)
    return _apply(rates, usage, beside=seller == "anthropic")


def _count(usage: Usage) -> int:
    counts = (usage.input_tokens, usage.cached_input_tokens, usage.cache_write_tokens)
    return sum(count or 0 for count in counts)


def _apply(rates: Rates, usage: Usage, *, beside: bool) -> Price:
    """As ``prices.price`` counts: Anthropic has cached input beside the rest, others within it."""
    cached, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    plain = (usage.input_tokens or 0) - (0 if beside else cached + written)
    if plain < 0:
        return Price(None, {"reason": "more cached tokens than input tokens"})
    inputs = (plain * rates.input + cached * rates.cached + written * rates.written) / _MILLION
    outputs = (usage.output_tokens or 0) * rates.output / _MILLION
    costs = {"input": str(inputs), "output": str(outputs)}
    return Price((inputs + outputs).quantize(_PLACES), {**rates.snapshot, **costs})


@functools.lru_cache(maxsize=4096)
def _rates(model: str, seller: str, day: date) -> Rates | Price | None:
    at = datetime.combine(day, time(), UTC)

    def ask(**tokens: int) -> Price:
        counted: Any = {"input_tokens": 0, "output_tokens": 0, **tokens}
        return price(Usage(**counted), model=model, protocol=seller, at=at)

    plain = ask(input_tokens=1000)
    if plain.cost is None:
        return plain
    within = 0 if seller == "anthropic" else _MILLION
    asked = {
        "input": {"input_tokens": 1},
        "output": {"output_tokens": 1},
        "cached": {"input_tokens": within and 1, "cached_input_tokens": 1},
        "written": {"input_tokens": within and 1, "cache_write_tokens": 1},
    }
    rates: dict[str, Decimal] = {}
    for name, tokens in asked.items():
        costs = [
            ask(**{key: count * many for key, count in tokens.items()}).cost
            for many in (_FIRST_TIER // 100, _FIRST_TIER)
        ]
        few, many_tokens = costs
        if few is None or many_tokens is None or few * 100 != many_tokens:
            return None
        rates[name] = many_tokens * (_MILLION // _FIRST_TIER)
    snapshot = {key: plain.snapshot[key] for key in ("source", "provider", "model", "price")}
    return Rates(**rates, snapshot=snapshot)
