"""What a turn cost, by the dated price list that comes with genai-prices. No network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from conversations.parts import Usage

_PLACES = Decimal("0.000000001")


@dataclass(frozen=True)
class Price:
    """``cost`` in dollars, None where no price is known: unpriced, which is not zero.

    ``snapshot`` says which price was used, or why there is none.
    """

    cost: Decimal | None
    snapshot: dict[str, Any]


UNPRICED = Price(None, {"reason": "no usage reported"})
_LOCAL = Price(None, {"reason": "local, no price"})


def price(
    usage: Usage, *, model: str, protocol: str, base_url: str = "", at: datetime | None = None
) -> Price:
    """Price the usage of one answer as of ``at``."""
    if protocol == "local":
        return _LOCAL
    if protocol == "scripted":
        return Price(None, {"reason": "scripted, no price"})
    if usage.input_tokens is None and usage.output_tokens is None:
        return UNPRICED
    return _look_up(usage, model, protocol, base_url, at)


def _look_up(usage: Usage, model: str, protocol: str, base_url: str, at: datetime | None) -> Price:
    import genai_prices

    cached, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    # Anthropic counts cached input beside input_tokens, the others and the list within it.
    beside = cached + written if protocol == "anthropic" else 0
    counted = genai_prices.Usage(
        input_tokens=(usage.input_tokens or 0) + beside,
        output_tokens=usage.output_tokens or 0,
        cache_read_tokens=cached,
        cache_write_tokens=written,
    )
    # A base URL names the seller; without one the protocol's own provider sells.
    seller: dict[str, Any] = {"provider_id": protocol}
    if base_url:
        seller = {"provider_api_url": base_url}
    try:
        found = genai_prices.calc_price(counted, model, genai_request_timestamp=at, **seller)
    except (LookupError, ValueError) as error:
        return Price(None, {"reason": f"no price known: {error}"[:300]})
    return Price(
        found.total_price.quantize(_PLACES),
        {
            "source": f"genai-prices {genai_prices.__version__}",
            "provider": found.provider.id,
            "model": found.model.id,
            "price": str(found.model_price),
            "input": str(found.input_price),
            "output": str(found.output_price),
        },
    )
