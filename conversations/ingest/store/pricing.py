"""Prices of logged turns: who sold them, as traces name their providers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from conversations.models import Connection
from conversations.parts import Usage
from conversations.price_overrides import Override, read_overrides
from conversations.prices import UNPRICED, Price, price

# As traces name their providers, and as the price list does.
_SELLERS = {
    "gcp.gemini": "google", "gcp.vertex_ai": "google", "gcp.gen_ai": "google",
    "gemini": "google", "vertex_ai": "google", "aws.bedrock": "aws", "bedrock": "aws",
    "azure.ai.openai": "azure", "az.ai.openai": "azure", "azure.ai.inference": "azure",
    "mistral_ai": "mistral", "x_ai": "x-ai", "xai": "x-ai",
}  # fmt: skip


class Seller(NamedTuple):
    """Who sold a turn's tokens, and at what prices of its connection."""

    protocol: str
    base_url: str = ""
    overrides: Sequence[Override] = ()


Book = Mapping[int, Seller]
"""What is known of the sellers behind connections, by the connection's key."""


def read_book(connections: Iterable[int | None]) -> Book:
    """The sellers behind connections; no query where there are no connections."""
    keys = {pk for pk in connections if pk is not None}
    if not keys:
        return {}
    return {row.pk: of_connection(row) for row in Connection.objects.filter(pk__in=keys)}


def of_connection(connection: Connection) -> Seller:
    overrides = read_overrides(connection.settings)
    return Seller(connection.protocol, connection.base_url, overrides)


def named(provider: str, protocol: str) -> Seller:
    """The seller of a turn that came through no connection, by its provider's name."""
    seller = provider.lower() or protocol.partition(".")[0]
    return Seller(_SELLERS.get(seller, seller))


def price_turn(usage: Usage | None, *, model: str, seller: Seller, at: datetime) -> Price:
    """The price of a turn's usage as of ``at``; unpriced says why."""
    if usage is None:
        return UNPRICED
    return price(
        usage,
        model=model,
        protocol=seller.protocol,
        base_url=seller.base_url,
        at=at,
        overrides=seller.overrides,
    )
