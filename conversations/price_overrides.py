"""What a connection really pays: dated prices that stand before the public list. Pure.

They are kept in the connection's settings under ``prices``, as ``Override.to_json`` writes them,
so that whoever holds the connection can price without another query.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from conversations.token_rules import Billed

_MILLION = 1_000_000
RATES = ("input", "output", "cache_read", "cache_write", "request")
"""Dollars a million tokens; ``request`` dollars a thousand calls of the model."""
_PART_OF = {"cache_read": "input", "cache_write": "input"}


@dataclass(frozen=True)
class Override:
    """The rates of a model from a day on. ``model`` may end in ``*``: every name that begins so.

    A rate that is absent costs as much as what it is a part of; a request then costs nothing.
    """

    model: str
    since: date
    rates: Mapping[str, Decimal]
    note: str = ""

    def fits(self, model: str, day: date) -> bool:
        named = model.lower().startswith(self.model[:-1].lower())
        exact = self.model.lower() == model.lower()
        return self.since <= day and (named if self.model.endswith("*") else exact)

    def rate(self, name: str) -> Decimal:
        own = self.rates.get(name)
        if own is None and name in _PART_OF:
            own = self.rates.get(_PART_OF[name])
        return own or Decimal(0)

    def cost(self, billed: Billed) -> tuple[Decimal, Decimal]:
        """Dollars of the input, the request itself with it, and of the output."""
        read = billed.get("cache_read_tokens", 0)
        written = billed.get("cache_write_tokens", 0)
        plain = billed.get("input_tokens", 0) - read - written
        counts = {"input": plain, "cache_read": read, "cache_write": written}
        inputs = sum((self.rate(name) * count for name, count in counts.items()), Decimal(0))
        outputs = self.rate("output") * billed.get("output_tokens", 0)
        return inputs / _MILLION + self.rate("request") / 1000, outputs / _MILLION

    def to_json(self) -> dict[str, Any]:
        rates = {name: str(rate) for name, rate in self.rates.items()}
        return {"model": self.model, "since": self.since.isoformat(), "note": self.note, **rates}

    def __str__(self) -> str:
        told = {"cache_read": "cached input", "cache_write": "input written to the cache"}
        parts = [
            f"${rate:f}/{told.get(name, name)} MTok"
            for name, rate in self.rates.items()
            if name != "request"
        ]
        if "request" in self.rates:
            parts.append(f"${self.rates['request']:f}/1000 calls")
        return ", ".join(parts)


def read_overrides(settings: Mapping[str, Any]) -> list[Override]:
    """The overrides of a connection's settings; what cannot be read is left out."""
    entries = settings.get("prices")
    return [
        found
        for entry in (entries if isinstance(entries, list) else ())
        if (found := _read(entry)) is not None
    ]


def _read(entry: Any) -> Override | None:
    try:
        rates = {name: Decimal(str(entry[name])) for name in RATES if entry.get(name) is not None}
        since = date.fromisoformat(entry["since"])
        return Override(str(entry["model"]), since, rates, str(entry.get("note", "")))
    except (AttributeError, KeyError, TypeError, ValueError, InvalidOperation):
        return None


def find(overrides: Iterable[Override], model: str, day: date) -> Override | None:
    """The override that prices a model on a day: the longest name first, then the latest."""
    fitting = [one for one in overrides if one.fits(model, day)]
    return max(
        fitting,
        key=lambda one: (not one.model.endswith("*"), len(one.model), one.since),
        default=None,
    )


def put(overrides: Sequence[Override], new: Override) -> list[Override]:
    """With ``new``, in place of one of the same model and day; by model, the latest first."""
    same = (new.model, new.since)
    kept = [one for one in overrides if (one.model, one.since) != same]
    return sorted([*kept, new], key=lambda one: (one.model, -one.since.toordinal()))
