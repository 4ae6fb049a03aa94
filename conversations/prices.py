"""What a turn cost, by the dated price list that comes with genai-prices. No network."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from conversations import price_overrides, token_rules
from conversations.parts import Usage
from conversations.price_overrides import Override
from conversations.token_rules import Billed

_PLACES = Decimal("0.000000001")
_LARGEST = Decimal("9999999")
_MILLION = 1_000_000
# The plain units, in which most models are priced.
_PLAIN = {
    "input_mtok": "input_tokens",
    "output_mtok": "output_tokens",
    "cache_read_mtok": "cache_read_tokens",
    "cache_write_mtok": "cache_write_tokens",
}


@dataclass(frozen=True)
class Price:
    """``cost`` in dollars, None where no price is known: unpriced, which is not zero.

    ``snapshot`` says which price was used, or why there is none.
    """

    cost: Decimal | None
    snapshot: dict[str, Any]


UNPRICED = Price(None, {"reason": "no usage reported"})
_LOCAL = Price(None, {"reason": "local, no price"})
_SCRIPTED = Price(None, {"reason": "scripted, no price"})


def price(
    usage: Usage,
    *,
    model: str,
    protocol: str,
    base_url: str = "",
    at: datetime | None = None,
    overrides: Sequence[Override] = (),
) -> Price:
    """Price the usage of one answer as of ``at``, now without.

    ``protocol`` is a connection's, or a provider of genai-prices; a base URL names the seller
    before it. ``overrides`` are the connection's own prices.
    """
    if usage.input_tokens is None and usage.output_tokens is None:
        return UNPRICED
    at = (at or datetime.now(UTC)).astimezone(UTC)
    own = price_overrides.find(overrides, model, at.date())
    if own is None and protocol in ("local", "scripted"):
        return _LOCAL if protocol == "local" else _SCRIPTED
    found = _find(model, protocol, base_url)
    seller = protocol if isinstance(found, str) else found[0].id
    try:
        billed = token_rules.bill(usage, seller)
        if own is not None:
            return _told(*own.cost(billed), billed, at, _of_override(own))
        if isinstance(found, str):
            return Price(None, {"reason": f"no price known: {found}"[:300]})
        return _by_list(usage, billed, found, at)
    except (LookupError, ValueError) as error:
        return Price(None, {"reason": f"no price known: {error}"[:300]})


def _of_override(own: Override) -> dict[str, str]:
    return {
        "source": f"connection price since {own.since}",
        "model": own.model,
        "price": str(own),
    }


def _by_list(usage: Usage, billed: Billed, found: tuple[Any, Any], at: datetime) -> Price:
    import genai_prices

    provider, info = found
    context = token_rules.context_of(usage) if info.price_variants else {}
    rates = info.get_prices(at, context)
    known = _Rates(rates) if context else _remember(rates)
    source = {
        "source": f"genai-prices {genai_prices.__version__}",
        "provider": provider.id,
        "model": info.id,
        "price": known.words,
    }
    if known.suffices_for(billed):
        return _told(*known.add(billed), billed, at, source)
    asked: dict[str, Any] = dict(billed)
    if "input_audio_tokens" in asked and "cache_read_tokens" in asked:
        asked.setdefault("cache_audio_read_tokens", 0)  # the list wants it stated
    told = rates.calc_price(genai_prices.Usage(**asked))
    inputs = told["input_price"]
    return _told(inputs, told["total_price"] - inputs, billed, at, source)


def _told(
    inputs: Decimal, outputs: Decimal, billed: Billed, at: datetime, source: dict[str, str]
) -> Price:
    cost = inputs + outputs
    if cost > _LARGEST:
        raise ValueError("more dollars than one answer can cost")
    parts = {"input": f"{inputs:f}", "output": f"{outputs:f}", "tokens": billed}
    return Price(cost.quantize(_PLACES), {**source, "as_of": at.date().isoformat(), **parts})


@functools.lru_cache(maxsize=4096)
def _find(model: str, protocol: str, base_url: str) -> tuple[Any, Any] | str:
    """The seller and the model in the price list, or why there is none."""
    from genai_prices import data_snapshot

    try:
        return data_snapshot.get_snapshot().find_provider_model(
            model, None, None if base_url else protocol, base_url or None
        )
    except (LookupError, ValueError) as error:
        return str(error)


class _Rates:
    """A model's rates, read for the usual case: plain counts below the first tier. genai-prices
    itself takes a quarter of a millisecond for an answer, too much for each logged turn."""

    def __init__(self, rates: Any) -> None:
        self.source, self.words = rates, str(rates)
        kinds = {key: value for key, value in vars(rates).items() if value is not None}
        self.limit = math.inf
        self.plain: dict[str, Decimal] = {}
        for key, value in kinds.items():
            if isinstance(value, Decimal):
                self.plain[key] = value
            else:
                self.plain[key] = value.base
                self.limit = min(self.limit, *(tier.start for tier in value.tiers))
        self.parts = {key.replace("_mtok", "_tokens") for key in kinds if key not in _PLAIN}
        self.is_usual = "requests_kcount" not in kinds and {"input_mtok", "output_mtok"} <= {*kinds}

    def suffices_for(self, billed: Billed) -> bool:
        tokens = billed.get("input_tokens", 0)
        return self.is_usual and tokens <= self.limit and self.parts.isdisjoint(billed)

    def add(self, billed: Billed) -> tuple[Decimal, Decimal]:
        """Of input and output, as genai-prices adds: a part that has no rate of its own costs as
        the whole does."""
        whole, inputs = billed.get("input_tokens", 0), Decimal(0)
        for name in ("cache_read_mtok", "cache_write_mtok"):
            rate, count = self.plain.get(name), billed.get(_PLAIN[name], 0)
            if rate is not None and count:
                inputs += rate * count
                whole -= count
        inputs = (inputs + self.plain["input_mtok"] * whole) / _MILLION
        outputs = self.plain["output_mtok"] * billed.get("output_tokens", 0) / _MILLION
        searches = self.plain.get("web_searches_kcount", Decimal(0))
        return inputs, outputs + searches * billed.get("web_searches", 0) / 1000


_memory: dict[int, _Rates] = {}
"""By the identity of the list's own rates, which live as long as the list."""


def _remember(rates: Any) -> _Rates:
    held = _memory.get(id(rates))
    if held is None:
        held = _memory[id(rates)] = _Rates(rates)
    return held
