"""What caches saved, and what definitions cost that no model called.

A provider's cache: tokens read from it, at the difference between the rates for fresh and cached
input, less what writing them cost above fresh input. Rates are those of the price list, or the
connection's own, at the end of the time, below the first tier. A tool's cache: each answer that
came from it, at the mean of what the tool's other answers cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from analytics.costs.figures import ZERO, Spent
from analytics.filters import OF_TURNS, Filter
from analytics.spans import Span
from console.accounts.models import Project
from conversations.ingest.store.pricing import Book, Seller, named, price_turn
from conversations.parts import Usage
from tools_registry.lint import weigh
from tools_registry.models import Toolset, ToolVersion

_ASKED = 1000
"""Tokens that a rate is asked for: below every tier."""


def rate_of(seller: Seller, model: str, at: datetime, **tokens: int) -> Decimal | None:
    """Dollars a token of what ``tokens`` names, of so many of each; None without a price."""
    counted: dict[str, Any] = {"input_tokens": 0, "output_tokens": 0, **tokens}
    cost = price_turn(Usage(**counted), model=model, seller=seller, at=at).cost
    return None if cost is None else cost / _ASKED


def prompt_saving(seller: Seller, model: str, at: datetime, one: Spent) -> Decimal | None:
    """Dollars that the provider's cache saved, net of writing; None without a price."""
    fresh = rate_of(seller, model, at, input_tokens=_ASKED)
    read = rate_of(seller, model, at, input_tokens=_ASKED, cached_input_tokens=_ASKED)
    written = rate_of(seller, model, at, input_tokens=_ASKED, cache_write_tokens=_ASKED)
    if fresh is None or read is None or written is None:
        return None
    return (fresh - read) * one.cached_input_tokens - (written - fresh) * one.cache_write_tokens


def save_prompts(
    by_seller: Mapping[tuple[Any, ...], Spent], book: Book, at: datetime
) -> tuple[Decimal, int]:
    """Dollars saved by providers' caches over groups of (model, provider, connection_id), and the
    cached tokens whose saving is not known."""
    saved, unknown = ZERO, 0
    for (model, provider, pk), one in by_seller.items():
        if not (one.cached_input_tokens or one.cache_write_tokens):
            continue
        found = prompt_saving(book.get(pk) or named(provider, ""), model, at, one)
        if found is None:
            unknown += one.cached_input_tokens
        else:
            saved += found
    return saved, unknown


@dataclass(frozen=True, slots=True)
class ToolCache:
    """``hits`` of ``answered`` calls came from the cache; ``saved`` dollars, None where the tool's
    other answers say no cost."""

    tool: str
    hits: int
    answered: int
    saved: Decimal | None

    @property
    def percent(self) -> float:
        return 100 * self.hits / self.answered if self.answered else 0.0


def save_tools(tools: Iterable[tuple[str, Spent]]) -> list[ToolCache]:
    """The tools with cached answers, those with the most hits first."""
    found = []
    for name, one in tools:
        if one.cached:
            rest = one.answered - one.cached
            mean = one.tools / rest if rest > 0 and one.tools else None
            saved = None if mean is None else mean * one.cached
            found.append(ToolCache(name, one.cached, one.answered, saved))
    return sorted(found, key=lambda one: (-one.hits, one.tool))


@dataclass(frozen=True, slots=True)
class Idle:
    """A tool that was offered in ``turns`` and never called: ``tokens`` of definition in all.
    ``dollars`` are at the rate for fresh input; None where a model of them has no price."""

    tool: str
    turns: int
    tokens: int
    dollars: Decimal | None


def read_idle(
    project: Project, kept: Filter, span: Span, called: Iterable[str], at: datetime
) -> list[Idle]:
    """Tools whose definitions were sent and that no model called in the time; the heaviest first.

    Tokens are estimated (``tools_registry.lint.weigh``).
    """
    offers = _read_offers(project, kept, span)
    specs = _read_specs({toolset for toolset, *_ in offers})
    used, rates = set(called), _Rates(at)
    sums: dict[str, list[Any]] = {}
    for toolset, model, provider, turns in offers:
        for name, weight in specs.get(toolset, ()):
            if name not in used:
                held = sums.setdefault(name, [0, 0, ZERO])
                held[0] += turns
                held[1] += weight * turns
                rate = rates.of(model, provider)
                unknown = rate is None or held[2] is None
                held[2] = None if unknown else held[2] + (rate or ZERO) * weight * turns
    found = [Idle(name, *held) for name, held in sums.items()]
    return sorted(found, key=lambda one: (-one.tokens, one.tool))


class _Rates:
    def __init__(self, at: datetime) -> None:
        self._at = at
        self._held: dict[tuple[str, str], Decimal | None] = {}

    def of(self, model: str, provider: str) -> Decimal | None:
        key = (model, provider)
        if key not in self._held:
            self._held[key] = rate_of(named(provider, ""), model, self._at, input_tokens=_ASKED)
        return self._held[key]


def _read_offers(project: Project, kept: Filter, span: Span) -> list[tuple[int, str, str, int]]:
    where, values = kept.where(OF_TURNS)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT toolset_id, model, provider, sum(turns) FROM analytics_offercount"
            " WHERE project_id = %s AND grain = %s AND start >= %s AND start < %s"
            f" AND toolset_id > 0{where} GROUP BY toolset_id, model, provider",
            [project.pk, span.grain, span.since, span.until, *values],
        )
        return [(pk, model, seller, int(turns)) for pk, model, seller, turns in cursor.fetchall()]


def _read_specs(toolsets: set[int]) -> dict[int, Sequence[tuple[str, int]]]:
    """The names and weights of the tools of each set."""
    sets = dict(Toolset.objects.filter(pk__in=toolsets).values_list("pk", "versions"))
    versions = ToolVersion.objects.filter(pk__in={pk for held in sets.values() for pk in held})
    weights = {row.pk: (row.spec.name, _weigh(row)) for row in versions.select_related("tool")}
    return {
        pk: [weights[version] for version in dict.fromkeys(held) if version in weights]
        for pk, held in sets.items()
    }


def _weigh(version: ToolVersion) -> int:
    try:
        return weigh(version.spec)
    except RecursionError:
        return 0
